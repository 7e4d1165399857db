"""Reading which nodes of apps show their model examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.workflows.models import Application
from apps.workflows.nodes.examples_wanted import AskingNode, asking_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowsExamples:
    """The llm nodes of an app that show examples; `live` of the published version, `drafted` of a newer draft."""

    name: str
    slug: str
    live: Sequence[AskingNode]
    drafted: Sequence[AskingNode]
    #: Whether there is a model to show examples to.
    asks_models: bool


def apps_showing_examples(application_ids: Iterable[UUID], *, team_ids: Iterable[UUID]) -> list[ShowsExamples]:
    """These apps by name, as far as they are the teams', each with its nodes; in one query."""
    found = Application.objects.filter(id__in=list(application_ids), team_id__in=list(team_ids))
    return [_of(each) for each in found.select_related("live", "draft").order_by("name")]


def _of(application: Application) -> ShowsExamples:
    live = asking_nodes(application.live.document) if application.live else []
    draft = asking_nodes(application.draft.document) if application.draft else []
    is_newer = application.draft is not None and application.draft_id != application.live_id
    return ShowsExamples(
        name=application.name,
        slug=application.slug,
        live=[node for node in live if node.k],
        drafted=[node for node in draft if node.k] if is_newer else [],
        asks_models=bool(live or draft),
    )
