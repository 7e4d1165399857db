"""`manage.py create_key APP`: a new API key, printed once."""

from __future__ import annotations

import datetime as dt
import re
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import all_team_ids
from accounts.services import create_api_key
from apps.datasets.selectors.datasets import datasets_of
from apps.workflows.selectors.applications import open_application
from support.errors import ConsoleError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    help = "Print a new API key for an app (its slug) or a dataset (dataset:NAME). It is shown only this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", metavar="APP_OR_dataset:NAME")
        parser.add_argument("--scopes", nargs="+", default=[], help="default: all of the subject's")
        parser.add_argument("--expires", default="", metavar="30d", help="m, h, d or w; default: never")
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope for word in options["scopes"] for scope in word.split(",") if scope]
        try:
            kind, team_id, subject_id = _subject(options["subject"])
            _, secret = create_api_key(
                team_id=team_id,
                subject_kind=kind,
                subject_id=subject_id,
                scopes=scopes,
                expires_in=_duration(options["expires"]),
                name=options["name"],
            )
        except ConsoleError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(secret)


def _subject(text: str) -> tuple[str, UUID, UUID]:
    kind, _, name = text.rpartition(":")
    if kind not in {"", "app", "dataset"}:
        raise CommandError(f"{kind!r} is no kind of thing that has keys; use an app's slug or dataset:NAME.")
    if kind == "dataset":
        for team_id in all_team_ids():
            dataset = datasets_of(team_id).filter(slug=name).first()
            if dataset is not None:
                return "dataset", team_id, dataset.id
        raise CommandError(f"There is no dataset {name!r}.")
    application = open_application(name, team_ids=all_team_ids())
    return "app", application.team_id, application.id


def _duration(text: str) -> dt.timedelta | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if not found:
        raise CommandError(f"{text!r} is no duration; write 30d, 12h, 45m or 2w.")
    return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
