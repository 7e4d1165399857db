"""`manage.py import_openapi FILE`: make or update a toolset from an OpenAPI document."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import default_team
from apps.workflows.models import Toolset
from apps.workflows.services.toolsets import import_openapi
from support.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Import an OpenAPI document (YAML or JSON) as tools of a team. Prints JSON; exit code 2 when it is invalid. "
        "The secret is read from the environment variable named by --secret-from, so that no shell remembers it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--team", default="", metavar="SLUG")
        parser.add_argument("--name", default="", help="Middle of the tools' names; made of the title if left out.")
        parser.add_argument("--url", default="", help="Address of the service, if not the document's.")
        parser.add_argument("--auth", default="", choices=["", *Toolset.Auth.values])
        parser.add_argument("--auth-name", default="", help="Name of the header or query parameter.")
        parser.add_argument("--secret-from", default="", metavar="VARIABLE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{options['file']} cannot be read: {exc}") from exc
        variable = options["secret_from"]
        if variable and variable not in os.environ:
            raise CommandError(f"The environment has no variable {variable}.")
        try:
            imported = import_openapi(
                text=text,
                team_id=default_team(options["team"]).id,
                name=options["name"],
                base_url=options["url"],
                auth=options["auth"],
                auth_name=options["auth_name"],
                secret=os.environ[variable] if variable else None,
            )
        except ConsoleError as exc:
            self.stdout.write(json.dumps({"errors": [{"code": exc.code, "message": exc.message}]}, ensure_ascii=False))
            sys.exit(2)
        toolset = imported.toolset
        tools = [f"openapi/{toolset.name}/{operation['id']}" for operation in toolset.operations]
        outcome = {"toolset": toolset.name, "new": imported.is_new, "tools": tools, "left_out": imported.left_out}
        self.stdout.write(json.dumps(outcome, ensure_ascii=False))
