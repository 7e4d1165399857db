"""Brings the built-in list of prices up to date from a published model price map (a maintainer's command)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import now
from django.utils.translation import gettext as _

from model_runtime.price_list import PATH
from model_runtime.price_list.making import entries_of, merged


class Command(BaseCommand):
    """Prices that changed are kept with the day until which they held, so that older calls cost what they cost."""

    help = "Bring the built-in list of model prices up to date from LiteLLM's model price map."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("map", type=Path, help="The file model_prices_and_context_window*.json.")
        parser.add_argument("--source", required=True, help="Where it is from, with its version.")
        parser.add_argument("--to", type=Path, default=PATH, help="The list to write.")

    def handle(self, *_args: Any, **options: Any) -> None:
        target: Path = options["to"]
        today: dt.date = now().date()
        old = json.loads(target.read_bytes())["prices"] if target.exists() else []
        entries = merged(old, entries_of(json.loads(options["map"].read_bytes())), on=today)
        lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)
        head = json.dumps(
            {"source": options["source"], "read_on": today.isoformat(), "per_tokens": 1_000_000, "currency": "USD"},
            indent=2,
        )
        target.write_text(f'{head[:-2]},\n  "prices": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
        self.stdout.write(_("%(count)d prices in %(file)s") % {"count": len(entries), "file": target})
