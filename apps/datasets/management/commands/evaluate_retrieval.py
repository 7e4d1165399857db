"""`manage.py evaluate_retrieval DATASET QUESTIONS.jsonl`: how well each way of searching answers, from the shell."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.datasets.management.progress import ProgressBar
from apps.datasets.management.teams import team_for
from apps.datasets.selectors.datasets import open_dataset
from apps.datasets.services.evaluate import (
    DEFAULT_VARIANTS,
    MEASURES,
    Measured,
    Question,
    Variant,
    measure,
    read_questions,
    summary,
)
from support.errors import ConsoleError

WIDTH = 40


class Command(BaseCommand):
    help = "Measure nDCG@10, recall and MRR of a dataset for every way of searching, with bootstrap intervals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="slug of the dataset")
        parser.add_argument("questions", type=Path, help='JSON lines: {"question": ..., "relevant": [documents]}')
        parser.add_argument(
            "--variant",
            action="append",
            type=_variant,
            default=[],
            metavar="NAME:KEY=VALUE,...",
            help="another way of searching to compare: method, weight (of the words), fusion, rerank, candidates",
        )
        parser.add_argument("--only-variants", action="store_true", help="leave the three methods out")
        parser.add_argument("--limit", type=int, default=0, help="ask the first so many questions only")
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument("--team", help="slug of the team (default: the oldest)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            team = team_for(options["team"])
            dataset = open_dataset(options["dataset"], team_id=team.id)
            with options["questions"].open("rb") as file:
                questions = read_questions(file)
            questions = questions[: options["limit"] or None]
            variants = [*(() if options["only_variants"] else DEFAULT_VARIANTS), *options["variant"]]
            if not variants:
                raise CommandError("There is nothing to compare: give --variant.", returncode=2)
            rows = summary(self._measure(team.id, dataset.slug, questions, variants))
        except (ConsoleError, OSError) as exc:
            raise CommandError(str(exc), returncode=2) from exc
        if options["json"]:
            report = {"dataset": dataset.slug, "questions": len(questions), "variants": rows}
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(_table(rows))
            self.stdout.write(_plot(rows))

    def _measure(
        self, team_id: Any, dataset: str, questions: Sequence[Question], variants: Sequence[Variant]
    ) -> list[Measured]:
        measured = [Measured(variant=variant) for variant in variants]
        bar = ProgressBar(self.stderr, total=len(questions) * len(variants), label="searches")
        for number, each in enumerate(measured):
            for question in questions:
                measure(each, team_id=team_id, dataset=dataset, question=question)
                bar.show(number * len(questions) + each.done, each.variant.name)
        bar.end()
        return measured


def _variant(written: str) -> Variant:
    name, _, rest = written.partition(":")
    given: dict[str, Any] = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
    numbers = {"weight": float, "candidates": int, "timeout": float}
    return Variant.read({"name": name, **{key: numbers.get(key, str)(value) for key, value in given.items()}})


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = max(len(row["variant"]["name"]) for row in rows)
    lines = [f"{'':{names}}  " + "".join(f"{name:>24}" for name in MEASURES) + f"{'p50 ms':>10}"]
    for row in rows:
        cells = "".join(
            f"{value['mean']:10.4f} [{value['low']:.3f} {value['high']:.3f}]".rjust(24)
            for value in (row["measures"][name] for name in MEASURES)
        )
        lines.append(f"{row['variant']['name']:{names}}  {cells}{row['p50_ms']:10.1f}")
    for row in rows[1:]:
        if gap := row.get("difference"):
            lines.append(
                f"{row['variant']['name']} against {rows[0]['variant']['name']}: "
                f"{gap['mean']:+.4f} [{gap['low']:+.4f} {gap['high']:+.4f}] nDCG@10"
            )
    return "\n".join(lines)


def _plot(rows: Sequence[dict[str, Any]]) -> str:
    """Bars of nDCG@10 from 0 to 1, with the interval as dots."""
    names = max(len(row["variant"]["name"]) for row in rows)
    lines = ["", "nDCG@10"]
    for row in rows:
        value = row["measures"]["ndcg@10"]
        mean, low, high = (round(value[key] * WIDTH) for key in ("mean", "low", "high"))
        cells = ["#" if at < mean else " " for at in range(WIDTH + 1)]
        cells[low : high + 1] = ["·"] * (high + 1 - low)
        cells[mean] = "|"
        lines.append(f"{row['variant']['name']:{names}}  {''.join(cells)} {value['mean']:.3f}")
    return "\n".join(lines)
