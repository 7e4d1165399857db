"""`manage.py run_app APP_OR_FILE`: run an app in the foreground."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import all_team_ids, default_team
from apps.workflows import services
from apps.workflows.dsl import UnreadableDocument
from apps.workflows.engine.events import Event, to_dict
from apps.workflows.engine.summary import RunSummary
from apps.workflows.models import Application, Run, Version
from apps.workflows.selectors.applications import live_version, open_application
from support.errors import ConsoleError
from support.redis_client import close_redis

EXIT = {"succeeded": 0, "partial-succeeded": 0, "failed": 1, "stopped": 1, "paused": 3}


class Command(BaseCommand):
    help = "Run an app (its slug, or a document's file) in the foreground. The last line is the outcome as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP_OR_FILE")
        parser.add_argument("--inputs", default="{}", metavar="JSON")
        parser.add_argument("--query", default="")
        parser.add_argument("--events", action="store_true", help="print every event as a line of JSON")
        parser.add_argument("--team", default="", metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            accepted = self._accept(options)
        except (services.InvalidDocument, UnreadableDocument) as exc:
            errors = [{"path": p.path, "code": p.code, "message": p.message} for p in exc.problems]
            self._end({"errors": errors}, 2)
        except ConsoleError as exc:
            self._end({"errors": [{"path": "", "code": exc.code, "message": exc.message, **exc.details}]}, 2)
        summary = asyncio.run(_run(accepted, self._print if options["events"] else None))
        status = "paused" if summary.is_paused else summary.status or "failed"
        error = None if summary.error is None else {"code": summary.error.code, "message": summary.error.message}
        outcome = {
            "status": status,
            "outputs": summary.outputs,
            "error": error,
            "elapsed": round(summary.elapsed, 6),
            "steps": summary.steps,
            "usage": {**asdict(summary.usage), "total_tokens": summary.usage.total_tokens},
        }
        self._end(outcome, EXIT[status])

    def _accept(self, options: dict[str, Any]) -> services.Accepted:
        try:
            inputs = json.loads(options["inputs"])
        except json.JSONDecodeError as exc:
            raise CommandError(f"--inputs is not JSON: {exc}", returncode=2) from exc
        application, version = _target(options["app"], options["team"])
        who: dict[str, Any] = {"source": Run.Source.SHELL, "end_user": "shell"}
        if version.kind == Application.Kind.CHAT:
            return services.accept_chat(
                application=application, version=version, query=options["query"], inputs=inputs, **who
            )
        return services.accept_workflow(application=application, version=version, inputs=inputs, **who)

    def _print(self, seq: int, event: Event) -> None:
        try:
            self.stdout.write(json.dumps({"seq": seq, **to_dict(event)}, ensure_ascii=False, default=str))
            self.stdout.flush()  # a pipe is read while the run goes on
        except BrokenPipeError:
            # Whoever read has gone, as in `| head`: the run goes on to its end, unheard.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _end(self, outcome: dict[str, Any], code: int) -> None:
        self.stdout.write(json.dumps(outcome, ensure_ascii=False, default=str))
        if code:
            sys.exit(code)


def _target(text: str, team: str) -> tuple[Application, Version]:
    """An app's published version, or the app that a file describes (imported first, unless it is there)."""
    path = Path(text)
    if path.suffix in {".yaml", ".yml", ".json"} or path.is_file():
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{path} cannot be read: {exc}", returncode=2) from exc
        return services.same_or_imported(text=content, team_id=default_team(team).id)
    application = open_application(text, team_ids=all_team_ids())
    return application, live_version(application)


async def _run(accepted: services.Accepted, on_event: Any) -> RunSummary:
    task = asyncio.create_task(services.run_to_end(accepted, on_event=on_event))
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(asked, lambda: loop.run_in_executor(None, services.stop_run, accepted.run))
    try:
        return await task
    finally:
        await close_redis()
