"""`manage.py replay_runs`: play recorded runs with this release, and tell what is different."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError

from apps.workflows.engine.differing import Difference
from apps.workflows.engine.story import Story
from apps.workflows.models import Run
from apps.workflows.selectors.messages import as_uuid
from apps.workflows.services.plans import CannotRun
from apps.workflows.services.replay_run import (
    NotReplayable,
    concealed_story_of,
    read_story,
    replay,
    story_of,
    write_story,
)
from support.errors import ConsoleError

T = TypeVar("T")


class Command(BaseCommand):
    help = (
        "Play recorded runs with this release: steps that follow from what they are given run again, models, requests "
        "and tools answer from the record. Exit code 1 where something is different."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", default="", metavar="SLUG", help="the latest runs of this app")
        parser.add_argument("--run", nargs="+", default=[], metavar="ID", help="these runs")
        parser.add_argument("--stories", metavar="DIR", help="the stories in a directory, instead of runs")
        parser.add_argument("--record", metavar="DIR", help="write the runs there as stories, without secrets")
        parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many runs (50)")
        parser.add_argument("--sandbox", action="store_true", help="run code and templates again, too")

    def handle(self, *args: Any, **options: Any) -> None:
        played = skipped = different = 0
        for name, story in self._stories(options):
            if isinstance(story, ConsoleError):
                skipped += 1
                self.stdout.write(f"skipped    {name}: {story.message}")
                continue
            played += 1
            try:
                differences = asyncio.run(replay(story, sandbox=options["sandbox"]))
            except Exception as exc:  # noqa: BLE001 - border: a document that means nothing any more is a difference, too
                differences = [Difference(place="", what=f"cannot be played: {type(exc).__name__}: {exc}")]
            different += bool(differences)
            self.stdout.write(f"{'DIFFERENT' if differences else 'same     '}  {name}")
            for difference in differences:
                self.stdout.write(f"  {difference}")
        self.stdout.write(f"{played} played, {different} different, {skipped} skipped")
        if different:
            raise SystemExit(1)

    def _stories(self, options: dict[str, Any]) -> Iterator[tuple[str, Story | ConsoleError]]:
        if options["stories"]:
            for path in sorted(Path(options["stories"]).glob("*.json")):
                yield path.stem, _tried(read_story, path)
            return
        for run in self._runs(options):
            yield f"{run.application.slug} {run.id}", _tried(story_of, run)
            recorded = _tried(concealed_story_of, run) if options["record"] else None
            if isinstance(recorded, Story):
                self.stdout.write(f"recorded   {write_story(recorded, Path(options['record']))}")

    def _runs(self, options: dict[str, Any]) -> list[Run]:
        runs = Run.objects.select_related("application", "version").order_by("-id")
        if options["run"]:
            ids = [as_uuid(text) for text in options["run"]]
            found = list(runs.filter(id__in=[one for one in ids if one is not None]))
            if len(found) < len(set(ids)):
                missing = {str(one) for one in options["run"]} - {str(run.id) for run in found}
                raise CommandError(f"There is no run {', '.join(sorted(missing))}.", returncode=2)
            return found
        if options["app"]:
            runs = runs.filter(application__slug=options["app"])
        return list(runs.exclude(status__in=[Run.Status.RUNNING])[: options["limit"]])


def _tried(tell: Callable[[T], Story], of: T) -> Story | ConsoleError:
    try:
        return tell(of)
    except (NotReplayable, CannotRun) as exc:
        return exc
