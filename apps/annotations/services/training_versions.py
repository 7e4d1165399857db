"""Versions of fine-tune sets: asked for, filled page by page by a job, and never changed afterwards."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import TrainingExample, TrainingSet, TrainingVersion
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.selectors.training_sources import SOURCES, Found, Wanted, read_source
from apps.annotations.services.training_examples import make_example
from apps.annotations.training.example import count_tokens, deduplication_key, split_of
from apps.traces.services.erasure import erased_people, person_hash
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue, enqueue_on_commit

TASK = "annotations.fill_training_version"
PAGE = 200
#: One job works for so long and then hands on, so that it never meets the time limit of jobs.
TURN = dt.timedelta(seconds=100)
#: Not heard of for so long, a job's worker is taken for dead.
SILENCE = dt.timedelta(minutes=4)
#: More examples than anybody trains with at once; disks are finite.
MOST_EXAMPLES = 500_000


class _Overtaken(Exception):
    """Somebody stopped the job, or another worker went on with it: what this page wrote is taken back."""


@transaction.atomic
def make_version(training_set: TrainingSet, *, by: User) -> TrainingVersion:
    """Begin the next version from what there is now. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    require_right(by, training_set.team_id)
    locked = TrainingSet.objects.select_for_update().get(id=training_set.id)
    if locked.versions.filter(status__in=GOING).exists():
        raise Conflict(_("A version of this set is being made. Wait for it, or stop it."))
    if not locked.sources or any(each not in SOURCES for each in locked.sources):
        raise InvalidInput(_("Choose what to take examples from."), field="sources")
    last = locked.versions.order_by("-number").values_list("number", flat=True).first() or 0
    now = timezone.now()
    version = TrainingVersion.objects.create(
        team_id=locked.team_id,
        training_set=locked,
        number=last + 1,
        recipe=recipe_of(locked, now=now),
        created_by=by,
        beat_at=now,
    )
    enqueue_on_commit(TASK, str(version.id))
    return version


def recipe_of(training_set: TrainingSet, *, now: dt.datetime) -> dict[str, Any]:
    """The settings of a set as a version keeps them."""
    until = min(training_set.until or now, now)
    return {
        "sources": [each for each in SOURCES if each in training_set.sources],
        "applications": [str(each) for each in training_set.applications],
        "since": training_set.since.isoformat() if training_set.since else None,
        "until": until.isoformat(),
        "system": training_set.system,
        "system_prompt": training_set.system_prompt,
        "context_turns": training_set.context_turns,
        "with_tools": training_set.with_tools,
        "deduplicate": training_set.deduplicate,
        "validation_percent": training_set.validation_percent,
        "personal": sorted(training_set.personal),
        "max_tokens": training_set.max_tokens,
        "queues": [str(each) for each in training_set.queues],
        "score_config": str(training_set.score_config_id or ""),
        "score_at_least": training_set.score_at_least,
    }


def fill_version(version_id: UUID) -> bool:
    """Fill for one turn. True: more is to be read. Safe to repeat; a version that is over is left alone."""
    version = TrainingVersion.objects.filter(id=version_id, status__in=GOING).first()
    if version is None:
        return False
    until = timezone.now() + TURN
    version.status = Job.RUNNING
    try:
        while _fill_page(version):
            if timezone.now() >= until:
                return True
    except _Overtaken:
        pass
    return False


def stop_version(version: TrainingVersion, *, by: User) -> None:
    """End a version that is being made; what it has is deleted. Raises NotFound, NotAllowed."""
    require_right(by, version.team_id)
    stopped = TrainingVersion.objects.filter(id=version.id, status__in=GOING)
    if stopped.update(status=Job.STOPPED, finished_at=timezone.now(), kept=0, tokens=0, validation=0, pairs=0):
        TrainingExample.objects.filter(version_id=version.id).delete()


def go_on_with_versions() -> int:
    """Queue what no worker has touched for a while; how many."""
    silent = TrainingVersion.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:100])
    for version_id in ids:
        enqueue(TASK, str(version_id))
    return len(ids)


def require_right(user: User, team_id: UUID) -> None:
    """Who sets up fine-tune sets edits the team's apps. Raises NotFound, NotAllowed."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such fine-tune set in your teams."))
    if not may(user, "edit", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include fine-tune sets."))


@transaction.atomic
def _fill_page(version: TrainingVersion) -> bool:
    """Read one page and note how far it came, both or neither. False: all is read."""
    recipe, sources = version.recipe, version.recipe["sources"]
    version.source = version.source or sources[0]
    page = read_source(
        version.source,
        _wanted(version),
        after=version.cursor,
        size=PAGE,
        context_turns=recipe["context_turns"],
    )
    _add(version, page)
    version.read += len(page)
    version.cursor = page[-1].id if page else version.cursor
    more = True
    if len(page) < PAGE:
        place = sources.index(version.source) + 1
        more = place < len(sources)
        version.source, version.cursor = (sources[place], None) if more else (version.source, None)
    if version.kept > MOST_EXAMPLES:
        more, version.status, version.error = False, Job.FAILED, _("There are too many examples. Take a shorter time.")
    elif not more:
        version.status = Job.DONE
    _note(version, is_over=not more)
    return more


def _add(version: TrainingVersion, page: list[Found]) -> None:
    recipe = version.recipe
    made = [(each, make_example(each, recipe=recipe, team_id=version.team_id)) for each in page]
    keys = [
        deduplication_key(example, by=recipe["deduplicate"], unique=str(each.message_id or each.id))
        for each, example in made
    ]
    known = set(version.examples.filter(key__in=keys).values_list("key", flat=True))
    erased = erased_people(version.team_id)
    left_out: Counter[str] = Counter(version.left_out)
    rows: list[TrainingExample] = []
    for (found, example), key in zip(made, keys, strict=True):
        tokens = count_tokens(example)
        if _is_erased(found, erased, team_id=version.team_id):
            left_out["erased"] += 1
        elif not example.question.strip() or not example.answer.strip():
            left_out["empty"] += 1
        elif key in known:
            left_out["duplicate"] += 1
        elif recipe["max_tokens"] and tokens > recipe["max_tokens"]:
            left_out["too_long"] += 1
        else:
            known.add(key)
            split = split_of(example, validation_percent=recipe["validation_percent"])
            version.kept += 1
            version.tokens += tokens
            version.validation += split == "validation"
            version.pairs += bool(example.rejected.strip())
            version.digest = hashlib.sha256(f"{version.digest}{key}{split}".encode()).hexdigest()
            rows.append(
                TrainingExample(
                    team_id=version.team_id,
                    version_id=version.id,
                    position=version.kept,
                    split=split,
                    key=key,
                    content=example.as_dict(),
                    tokens=tokens,
                    source=version.source,
                    application_id=found.application_id,
                    message_id=found.message_id,
                    trace_id=found.run_id,
                    correction_id=found.correction_id,
                    person=person_hash(version.team_id, found.end_user) if found.end_user else "",
                )
            )
    version.left_out = dict(left_out)
    TrainingExample.objects.bulk_create(rows)


def _is_erased(found: Found, erased: Mapping[str, dt.datetime], *, team_id: UUID) -> bool:
    """Whether the person asked for deletion after this was said: what is left of it elsewhere is no example."""
    if not found.end_user or found.asked_at is None:
        return False
    asked = erased.get(person_hash(team_id, found.end_user))
    return asked is not None and found.asked_at <= asked


def _note(version: TrainingVersion, *, is_over: bool) -> None:
    before, version.beat_at = version.beat_at, timezone.now()
    names = ("status", "source", "cursor", "read", "kept", "pairs", "validation", "tokens", "left_out", "digest")
    values: dict[str, Any] = {name: getattr(version, name) for name in (*names, "error", "beat_at")}
    if is_over:
        values["finished_at"] = version.finished_at = timezone.now()
    if not TrainingVersion.objects.filter(id=version.id, status__in=GOING, beat_at=before).update(**values):
        raise _Overtaken


def _wanted(version: TrainingVersion) -> Wanted:
    recipe = version.recipe
    return Wanted(
        team_id=version.team_id,
        applications=tuple(UUID(each) for each in recipe["applications"]),
        since=dt.datetime.fromisoformat(recipe["since"]) if recipe["since"] else None,
        until=dt.datetime.fromisoformat(recipe["until"]),
        # Versions that were begun before sets had these filters name none.
        queues=tuple(UUID(each) for each in recipe.get("queues", ())),
        score_config=UUID(recipe["score_config"]) if recipe.get("score_config") else None,
        score_at_least=recipe.get("score_at_least"),
    )
