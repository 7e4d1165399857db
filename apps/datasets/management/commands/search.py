"""`manage.py search DATASET QUERY`: retrieval from the shell, with every leg's score."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.datasets.management.teams import team_for
from apps.datasets.services.retrieve import METHODS, retrieve
from support.errors import ConsoleError


class Command(BaseCommand):
    help = "Search a dataset and print the hits as JSON, with the score of every leg."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="slug of the dataset")
        parser.add_argument("query")
        parser.add_argument("--method", choices=METHODS, default="hybrid")
        parser.add_argument("--top-k", type=int, default=5)
        parser.add_argument("--min-score", type=float, default=None, help="least raw similarity")
        parser.add_argument("--team", help="slug of the team (default: the oldest)")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        try:
            hits = retrieve(
                team_id=team_for(options["team"]).id,
                datasets=[options["dataset"]],
                query=options["query"],
                method=options["method"],
                top_k=options["top_k"],
                min_score=options["min_score"],
            )
        except ConsoleError as exc:
            raise CommandError(str(exc), returncode=2) from exc
        answer = {
            "dataset": options["dataset"],
            "query": options["query"],
            "method": options["method"],
            "elapsed_ms": round((time.perf_counter() - started) * 1000, 1),
            "hits": [asdict(hit) for hit in hits],
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
