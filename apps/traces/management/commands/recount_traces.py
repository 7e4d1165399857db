"""Counts whole days of traces anew: the sums that lists offer as filters, and that dashboards and alerts show."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.traces.services.recount import recount_days

_DAY = dt.timedelta(days=1)


class Command(BaseCommand):
    """For days from before there were sums, or whose sums are wrong. What is no longer kept is not counted."""

    help = "Count the traces of whole days (UTC) anew, of all teams."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("since", type=dt.date.fromisoformat, help="The first day, as 2026-11-01.")
        parser.add_argument("until", type=dt.date.fromisoformat, nargs="?", help="The last day; the first one alone.")
        parser.add_argument("--yes", action="store_true", help="Do it. Without this, only say what would be done.")

    def handle(self, *_args: Any, since: dt.date, until: dt.date | None, yes: bool, **_options: Any) -> None:
        last = until or since
        if last < since or last > timezone.now().date():
            raise CommandError(_("The last day must be the first one or later, and no later than today."))
        days = (last - since).days + 1
        if not yes:
            told = ngettext(
                "The sums of %(n)d day would be made anew.", "The sums of %(n)d days would be made anew.", days
            )
            self.stdout.write(told % {"n": days})
            self.stdout.write(
                _("Runs that are not kept any more, or never were, would be lost to them. Add --yes to do it.")
            )
            return
        counted = recount_days(since, last + _DAY)
        self.stdout.write(ngettext("%(n)d trace counted.", "%(n)d traces counted.", counted) % {"n": counted})
