"""The figures of the indexing pipeline, with the built-in embedder and real workers.

    pages_per_second     a PDF of 1,000 pages, from the upload until it is searchable: promised are 100 on two cores
    worker_peak_mb       the most memory a worker process held, also over a text file of 500 MB: promised are 300
    embedded_after_edit  chunks embedded after one paragraph of a document of 1,000 chunks changed: promised are 3

Starts its own PostgreSQL, Redis and Celery worker in a temporary folder. Prints JSON.
Run: `python benchmarks/indexing.py [--pages 1000] [--megabytes 500]`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
LEAST_PAGES_PER_SECOND, MOST_MEGABYTES, MOST_EMBEDDED = 100.0, 300.0, 3
PATIENCE = 1_200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--megabytes", type=int, default=500)
    arguments = parser.parse_args()
    from benchmarks.datasets_pdf import start_worker
    from tests.services import _services

    with _services():
        os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
        worker = start_worker()
        try:
            print(json.dumps(measure(worker.pid, arguments.pages, arguments.megabytes), indent=2))
        finally:
            os.killpg(worker.pid, signal.SIGTERM)
            worker.wait()


def measure(worker: int, pages: int, megabytes: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.conf import settings

    from accounts.services import ensure_team
    from apps.datasets.services.datasets import create_dataset
    from benchmarks.datasets_pdf import book

    settings.MAX_UPLOAD_BYTES = (megabytes + 50) * 1_000_000  # as an operator may set it
    team = ensure_team(slug="bench", name="Bench")
    dataset = create_dataset(team_id=team.id, name="Bench")
    index(dataset, "warm-up.pdf", [book(2, salt=99)])
    pdf = book(pages, salt=1)
    rounds = []
    for number in range(3):
        began = time.monotonic()
        document, run = index(dataset, f"book {number}.pdf", [pdf, b"%%" + str(number).encode()])
        seconds = time.monotonic() - began
        rounds.append(
            {
                "seconds": round(seconds, 2),
                "chunks": document.chunk_count,
                "pages_per_second": round(pages / seconds, 1),
            }
        )
    with peak_memory(worker) as peak:
        began = time.monotonic()
        large, run = index(dataset, "large.txt", text_file(megabytes))
        seconds = time.monotonic() - began
    rates = sorted(each["pages_per_second"] for each in rounds)
    return {
        "benchmark": "indexing",
        "load_average": round(os.getloadavg()[0], 1),
        "pdf": {"pages": pages, "megabytes": round(len(pdf) / 1e6, 1), "rounds": rounds},
        "pages_per_second": rates[len(rates) // 2],
        "pages_per_second_promised": LEAST_PAGES_PER_SECOND,
        "large_text": {
            "megabytes": megabytes,
            "seconds": round(seconds, 1),
            "status": large.status,
            "error": (large.error or {}).get("code"),
            "chunks": large.chunk_count or run.total,
        },
        "worker_peak_mb": round(peak[0], 1),
        "worker_peak_mb_promised": MOST_MEGABYTES,
        "embedded_after_edit": embedded_after_edit(dataset),
        "embedded_after_edit_promised": MOST_EMBEDDED,
    }


def index(dataset: Any, name: str, content: Any, **options: Any) -> tuple[Any, Any]:
    """Upload as the page does and wait for the worker."""
    from apps.datasets.services.documents import add_document

    added = add_document(dataset=dataset, name=name, content=content, **options)
    until = time.monotonic() + PATIENCE
    while True:
        added.document.refresh_from_db()
        if not added.document.is_indexing:
            break
        if time.monotonic() > until:
            raise SystemExit(f"{name} is not indexed after {PATIENCE:.0f} seconds")
        time.sleep(0.05)
    return added.document, added.document.runs.order_by("-id").first()


def embedded_after_edit(dataset: Any) -> dict[str, int]:
    """A document of about 1,000 chunks, of which one paragraph changes."""
    sections = [
        f"# Section {n}\n\nSection {n} tells of hive {n * 7} and of its {n * 3} frames. " + "The keeper looks. " * 22
        for n in range(1_000)
    ]
    document, first = index(dataset, "manual.md", ["\n\n".join(sections).encode()])
    sections[500] = sections[500].replace("frames", "frames, counted twice,")
    document, second = index(dataset, "manual.md", ["\n\n".join(sections).encode()], replace_same_name=True)
    return {"chunks": document.chunk_count, "embedded_first": first.embedded, "embedded_then": second.embedded}


def text_file(megabytes: int) -> Iterator[bytes]:
    """A file of so many megabytes, never held whole."""
    line = 0
    for _ in range(megabytes):
        lines = []
        size = 0
        while size < 1_000_000:
            line += 1
            lines.append(
                f"Line {line}: the keeper of hive {line % 9973} counts frames, honey and {line * 31 % 977} bees.\n"
            )
            size += len(lines[-1])
        yield "".join(lines).encode()


@contextmanager
def peak_memory(worker: int) -> Iterator[list[float]]:
    """The largest resident set of any of the worker's processes while the block runs, in megabytes."""
    peak, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            peak[0] = max([peak[0], *(_resident(pid) for pid in _processes(worker))])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def _processes(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def _resident(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in fields.splitlines() if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    main()
