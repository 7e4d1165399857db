"""`manage.py set_environment APP NAME`: set the value of an app's environment variable, or list what there is."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import all_team_ids
from apps.workflows import services
from apps.workflows.models import Application
from apps.workflows.selectors.applications import open_application
from apps.workflows.selectors.environment import environment_states
from support.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Set an environment variable of an app (its slug). The value is read from standard input, or from the variable "
        "named by --from, so that no shell remembers it. Without NAME: list the variables; secrets are never shown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP")
        parser.add_argument("name", metavar="NAME", nargs="?", default="")
        parser.add_argument("--from", dest="source", default="", metavar="VARIABLE")
        parser.add_argument("--clear", action="store_true", help="Forget the value.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        try:
            application = open_application(options["app"], team_ids=all_team_ids())
            if name and options["clear"]:
                services.clear_environment_value(application, name=name)
            elif name:
                services.set_environment_value(application, name=name, value=_value(options["source"]))
        except ConsoleError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(json.dumps(_listed(application), ensure_ascii=False))


def _value(variable: str) -> str:
    if not variable:
        return sys.stdin.read().removesuffix("\n")
    if variable not in os.environ:
        raise CommandError(f"The environment has no variable {variable}.")
    return os.environ[variable]


def _listed(application: Application) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "type": one.type, "set": one.is_set, "missing": one.is_missing}
        for one in environment_states(application)
    ]
