"""Bringing what other programs found together with what was found here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from django.utils.translation import gettext as _

from apps.datasets.services.external import Answer
from apps.datasets.services.rerank import Note
from apps.datasets.services.retrieve_passages import RetrievedPassage, within_budget

RANKS = 60
"""As in reciprocal rank fusion: how little a rank counts against the next one."""


def merged(
    own: Sequence[RetrievedPassage], answers: Sequence[Answer], *, top_k: int, token_budget: int | None
) -> list[RetrievedPassage]:
    """The best of all lists. Scores of two programs do not compare, so the ranks in each list decide.

    One list alone keeps its scores.
    """
    lists = [each for each in (own, *(answer.passages for answer in answers)) if each]
    if len(lists) > 1:
        lists = [
            [replace(each, score=round(RANKS / (RANKS + at), 6)) for at, each in enumerate(ranked)] for ranked in lists
        ]
    best = sorted(chain.from_iterable(lists), key=lambda each: -each.score)[:top_k]
    placed = [replace(each, position=at) for at, each in enumerate(best, start=1)]
    return placed if token_budget is None else within_budget(placed, token_budget)


def notes_of(answers: Sequence[Answer]) -> tuple[Note, ...]:
    """What is to be told about those that did not answer."""
    return tuple(
        Note(
            code="external_failed",
            message=_("%(dataset)s was not searched: %(reason)s")
            % {"dataset": answer.dataset_name, "reason": answer.error.message},
        )
        for answer in answers
        if answer.error is not None
    )
