"""Files of a fine-tune set with very many examples: how long each format takes, and the memory of who writes it."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FORMATS = ("openai", "trl-preference", "csv", "parquet")
BATCH = 2_000
AIM_MB = 200
WORDS = [
    "hive",
    "frame",
    "queen",
    "brood",
    "comb",
    "honey",
    "spring",
    "inspect",
    "winter",
    "feed",
    "swarm",
    "skep",
    "wax",
    "smoke",
    "nectar",
    "pollen",
    "drone",
]


def measure(*, examples: int, script: Path) -> dict[str, Any]:
    """Writes each format in a process of its own, as a worker does; the peak is of the whole process."""
    version = fill(examples)
    figures: dict[str, Any] = {"examples": examples, "aim_peak_mb": AIM_MB, "formats": {}}
    for name in FORMATS:
        command = [sys.executable, str(script), "--write", f"{version.id}/{name}"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures["formats"][name] = json.loads(done.stdout.splitlines()[-1])
    return figures


class _NoPandas:
    """Tests need pandas, the product does not; where it is installed, pyarrow loads it (50 MB)."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def write(wanted: str) -> dict[str, Any]:
    """What the worker's process does: one file. `wanted` is version/format."""
    sys.meta_path.insert(0, _NoPandas())
    from apps.annotations.models import TrainingExport, TrainingVersion
    from apps.annotations.services.training_files import path_of, write_file

    version_id, name = wanted.split("/")
    version = TrainingVersion.objects.get(id=version_id)
    export = TrainingExport.objects.create(team_id=version.team_id, version=version, format=name, split="all")
    before, start = peak_mb(), time.perf_counter()
    if not write_file(export.id):
        raise SystemExit(f"{name} was not written")
    seconds = time.perf_counter() - start
    export.refresh_from_db()
    path_of(export).unlink()
    return {
        "rows": export.rows_done,
        "left_out": export.left_out,
        "file_mb": round(export.size / 1e6, 1),
        "seconds": round(seconds, 1),
        "rows_per_s": round(export.rows_done / seconds),
        "process_before_mb": before,
        "peak_mb": peak_mb(),
    }


def fill(examples: int) -> Any:
    """A finished version: dialogues of two turns with instructions, a good answer and one to avoid."""
    from accounts.models import Team
    from apps.annotations.models import TrainingSet, TrainingVersion
    from apps.annotations.models.training_set import Job

    team = Team.objects.create(slug="bench-files", name="Bench")
    training_set = TrainingSet.objects.create(team=team, name="Bench", sources=["corrections"])
    version = TrainingVersion.objects.create(
        team=team, training_set=training_set, number=1, status=Job.DONE, kept=examples
    )
    for first in range(1, examples + 1, BATCH):
        _add(version, range(first, min(first + BATCH, examples + 1)))
    return version


def _add(version: Any, positions: range) -> None:
    from apps.annotations.models import TrainingExample
    from support.ids import uuid7

    rows = []
    for position in positions:
        rng = random.Random(position)
        content = {
            "prompt": [
                {"role": "system", "content": "You know bees. " * 10},
                {"role": "user", "content": _text(rng, 30)},
                {"role": "assistant", "content": _text(rng, 120)},
                {"role": "user", "content": f"{position}: {_text(rng, 30)}"},
            ],
            "steps": [],
            "tools": [],
            "answer": _text(rng, 150),
            "rejected": _text(rng, 150),
        }
        rows.append(
            TrainingExample(
                team_id=version.team_id,
                version=version,
                position=position,
                split="validation" if position % 10 == 0 else "train",
                key=hashlib.sha256(str(position).encode()).hexdigest(),
                content=content,
                tokens=600,
                source="corrections",
                application_id=uuid7(),
            )
        )
    TrainingExample.objects.bulk_create(rows)


def _text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)) + "."


def peak_mb() -> int:
    """The largest that this process has been (`ru_maxrss` would begin with the size of the process that started it)."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
