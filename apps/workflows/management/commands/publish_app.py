"""`manage.py publish_app APP`: publish the draft, or another version, as the console's page does."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.selectors import all_team_ids
from apps.workflows import services
from apps.workflows.selectors.applications import version_to_measure
from support.errors import ConsoleError


class Command(BaseCommand):
    help = "Publish an app's draft. Ends with 3, and says why as JSON, when a gate refuses it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP")
        parser.add_argument("--version-number", type=int, default=None, metavar="N", help="default: the draft")
        parser.add_argument("--note", default="")
        parser.add_argument("--by", default="", metavar="USERNAME", help="who publishes; needed for --override")
        parser.add_argument("--override", default="", metavar="REASON", help="publish against the gates")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            by = _person(options["by"])
            version = version_to_measure(options["app"], options["version_number"], team_ids=all_team_ids())
            services.check_before_publishing(version)
            services.publish_version(
                application=version.application,
                version=version,
                by=by,
                note=options["note"][:500],
                override=options["override"],
            )
        except services.PublishRefused as exc:
            self.stdout.write(json.dumps(exc.as_dict(), ensure_ascii=False, default=str))
            raise CommandError(exc.message, returncode=3) from exc
        except ConsoleError as exc:
            raise CommandError(exc.message, returncode=2) from exc
        self.stdout.write(json.dumps({"app": version.application.slug, "version": version.number}))


def _person(username: str) -> User | None:
    if not username:
        return None
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise CommandError(f"There is nobody called {username!r}.", returncode=2)
    return found
