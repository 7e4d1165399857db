"""`manage.py import_app FILE`: an app from its document, new or as the draft of one there is."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import default_team
from apps.workflows import services
from apps.workflows.dsl import UnreadableDocument
from apps.workflows.selectors.applications import open_application
from support.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Import a document (YAML or JSON) as a new app and publish it, or with --into as the draft of an app. "
        "Prints JSON; exit code 2 when it is invalid."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--team", default="", metavar="SLUG")
        parser.add_argument("--into", default="", metavar="APP", help="the app whose draft it becomes, unpublished")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{options['file']} cannot be read: {exc}") from exc
        try:
            team = default_team(options["team"])
            into = open_application(options["into"], team_ids=[team.id]) if options["into"] else None
            application, saved = services.import_document(text=text, team_id=team.id, into=into)
        except services.InvalidDocument as exc:
            self._fail([{"path": p.path, "code": p.code, "message": p.message} for p in exc.problems])
        except UnreadableDocument as exc:
            self._fail([{"path": p.path, "code": p.code, "message": p.message} for p in exc.problems])
        except ConsoleError as exc:
            self._fail([{"path": "", "code": exc.code, "message": exc.message}])
        warnings = [{"path": p.path, "code": p.code, "message": p.message} for p in saved.warnings]
        outcome = {"app": application.slug, "version": saved.version.number, "warnings": warnings}
        self.stdout.write(json.dumps(outcome, ensure_ascii=False))

    def _fail(self, errors: list[dict[str, str]]) -> None:
        self.stdout.write(json.dumps({"errors": errors}, ensure_ascii=False))
        sys.exit(2)
