"""Reckons again what the runs of a team cost, after prices were entered or changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.selectors import team_by_slug
from apps.traces.services.reprice import reprice


class Command(BaseCommand):
    """Costs that a sender reckoned stay as they are."""

    help = "Reckon again what the runs of a team cost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="The team's slug.")
        parser.add_argument("--days", type=int, default=30, help="So many days back.")

    def handle(self, *_args: Any, **options: Any) -> None:
        end = timezone.now()
        start = end - dt.timedelta(days=options["days"])
        changed = reprice(team_id=team_by_slug(options["team"]).id, start=start, end=end)
        self.stdout.write(_("%(count)d traces cost something else now.") % {"count": changed})
