"""Dialogues that a page can show: a conversation of ours, and a session that a program elsewhere told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from apps.traces.admin.pages.conversation_turns import LONGEST_TEXT, Turn, turns_of_messages, turns_of_traces
from apps.traces.models import Trace
from apps.traces.selectors import dialogues
from apps.traces.selectors.dialogues import Sums
from apps.workflows.hooks import disliked_in, opinions_on
from apps.workflows.selectors import dialogue
from apps.workflows.selectors.dialogue import SaidTurn, Talk

#: More dislikes than this nobody steps through.
MOST_DISLIKED = 1_000
#: In a file texts are whole.
_ALL = 1 << 30


class Dialogue(Protocol):
    """What the page asks of a dialogue. Turns are known by id; `None` means its beginning or its end."""

    def size(self) -> int: ...

    def sums(self) -> Sums: ...

    def before(self, turn_id: UUID) -> int:
        """How many turns there are before this one."""

    def portion(self, *, skip: int, limit: int) -> list[Turn]: ...

    def whole(self) -> Iterator[Turn]: ...

    def errors_after(self, turn_id: UUID | None) -> UUID | None: ...

    def disliked(self) -> list[UUID]: ...


class OwnDialogue:
    """A conversation of ours: messages say what was said, traces what it took."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def size(self) -> int:
        return dialogue.size_of(self._talk)

    def sums(self) -> Sums:
        return dialogues.sums_of(dialogues.traces_of_conversation(self._talk.team_id, self._talk.id))

    def before(self, turn_id: UUID) -> int:
        return dialogue.turns_before(self._talk, turn_id)

    def portion(self, *, skip: int, limit: int) -> list[Turn]:
        return self._shown(dialogue.portion_of(self._talk, skip=skip, limit=limit), first=skip + 1)

    def whole(self, step: int = 200) -> Iterator[Turn]:
        last, number = None, 1
        while messages := dialogue.turns_after(self._talk, last, limit=step):
            yield from self._shown(messages, first=number, longest=_ALL)
            last, number = messages[-1].id, number + len(messages)

    def errors_after(self, turn_id: UUID | None) -> UUID | None:
        return dialogue.failed_after(self._talk, turn_id)

    def disliked(self) -> list[UUID]:
        return disliked_in(self._talk.id, limit=MOST_DISLIKED)

    def _shown(self, messages: list[SaidTurn], *, first: int, longest: int = LONGEST_TEXT) -> list[Turn]:
        return turns_of_messages(
            messages,
            first=first,
            app=self._talk.application_name,
            who=self._talk.end_user,
            traces=dialogues.traces_of_runs([each.run_id for each in messages], team_id=self._talk.team_id),
            opinions=opinions_on([each.id for each in messages]),
            longest=longest,
        )


class SessionDialogue:
    """A session of traces from elsewhere: each trace is a turn."""

    def __init__(self, team_id: UUID, session: str) -> None:
        self._traces = dialogues.traces_of_session(team_id, session)

    def size(self) -> int:
        return self._traces.count()

    def sums(self) -> Sums:
        return dialogues.sums_of(self._traces)

    def before(self, turn_id: UUID) -> int:
        found = self._trace(turn_id)
        return self._traces.filter(dialogues.beyond(found, is_after=False)).count() if found else 0

    def portion(self, *, skip: int, limit: int) -> list[Turn]:
        # What is skipped is skipped by its ids: the thoughts are read of those only that are shown.
        ids = list(self._traces.values_list("id", flat=True)[skip : skip + limit])
        return turns_of_traces(dialogues.with_thoughts(self._traces.filter(id__in=ids)), first=skip + 1)

    def whole(self, step: int = 200) -> Iterator[Turn]:
        last: Trace | None = None
        number = 1
        while True:
            later = self._traces if last is None else self._traces.filter(dialogues.beyond(last, is_after=True))
            traces = list(dialogues.with_thoughts(later)[:step])
            if not traces:
                return
            yield from turns_of_traces(traces, first=number, longest=_ALL)
            last, number = traces[-1], number + len(traces)

    def errors_after(self, turn_id: UUID | None) -> UUID | None:
        failed = dialogues.troubled(self._traces)
        here = self._trace(turn_id) if turn_id else None
        later = failed.filter(dialogues.beyond(here, is_after=True)).first() if here else None
        found = later or failed.first()
        return found.id if found else None

    def disliked(self) -> list[UUID]:
        return []  # nobody but ourselves asks readers what they think

    def _trace(self, turn_id: UUID) -> Trace | None:
        return self._traces.filter(id=turn_id).only("id", "started_at").first()
