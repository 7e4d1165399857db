"""Few-shot examples for LLM nodes that ask for some."""

from __future__ import annotations

from collections.abc import Sequence

from apps.annotations.selectors.nearest import nearest_examples
from apps.annotations.selectors.reply import ReplyState, reply_state
from apps.annotations.services.embedding import place_question
from apps.workflows.engine.ports import Example
from apps.workflows.hooks import RunInfo
from apps.workflows.selectors.runs import EXPERIMENT
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.database import in_thread

#: A model call waits for the examples, so they must not take long.
PATIENCE = 3.0
#: How many examples may ask the same question.
SAME_QUESTION = 5


async def similar_examples(run: RunInfo, query: str, k: int) -> Sequence[Example]:
    """The k enabled examples of the app nearest to the query, nearest first; what has nothing in common is left out.

    An experiment is not shown an example of the very question: it often is what the golden item was made of.
    """
    if k < 1 or not query.strip():
        return []
    state, model = await in_thread(_opened, run)
    place = await place_question(query, model=model, name=state.model, patience=PATIENCE)
    more = SAME_QUESTION if run.source == EXPERIMENT else 0
    found = await in_thread(
        nearest_examples, run.application_id, vector=place.vector, space=place.space, slot=state.slot, limit=k + more
    )
    if more:
        found = [match for match in found if _plain(match.question) != _plain(query)][:k]
    return [
        Example(id=str(match.id), question=match.question, answer=match.answer, score=round(match.score, 4))
        for match in found
        if match.score > 0
    ]


def _plain(question: str) -> str:
    return " ".join(question.casefold().split())


def _opened(run: RunInfo) -> tuple[ReplyState, EmbeddingModel]:
    state = reply_state(run.application_id, run.features)
    return state, open_embedding_model(state.model, team_id=run.team_id)
