"""Deletes what traces hold of one user of a team, after showing how much that is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from accounts.selectors import team_by_slug
from apps.traces.services.erasure import erase, what_is_there


class Command(BaseCommand):
    """Without --yes it only counts."""

    help = "Delete the traces of one user of a team."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="The team's slug.")
        parser.add_argument("user", help="The user's id, as calls gave it.")
        parser.add_argument("--yes", action="store_true", help="Delete; without it the command counts.")
        parser.add_argument("--reason", default="", help="Noted beside the deletion; name nobody in it.")

    def handle(self, *_args: Any, **options: Any) -> None:
        team_id, user = team_by_slug(options["team"]).id, options["user"]
        found = what_is_there(team_id=team_id, end_user=user)
        numbers = {"traces": found.traces, "spans": found.spans}
        if not options["yes"]:
            self.stdout.write(_("%(traces)d traces with %(spans)d spans. Add --yes to delete them.") % numbers)
            return
        erase(team_id=team_id, end_user=user, requested_by="manage.py", reason=options["reason"])
        self.stdout.write(_("Deleted %(traces)d traces with %(spans)d spans.") % numbers)
