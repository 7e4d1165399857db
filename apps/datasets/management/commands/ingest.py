"""`manage.py ingest DATASET PATH...`: files and folders into a dataset, with a progress bar."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from apps.datasets.management.progress import ProgressBar
from apps.datasets.management.teams import team_for
from apps.datasets.models import Dataset
from apps.datasets.selectors.documents import documents_of, progress_of, reason_of, with_progress
from apps.datasets.selectors.web_imports import explain_page, pages_of_import
from apps.datasets.services.datasets import ensure_dataset
from apps.datasets.services.documents import Added, Outcome, add_document
from apps.datasets.services.importing import start_import
from apps.datasets.services.importing_work import work
from apps.datasets.services.indexing import index_now
from apps.datasets.text.extract.kinds import EXTENSIONS
from support.errors import ConsoleError

PIECE = 1024 * 1024
POLL_SECONDS = 0.3
NO_WORKER_SECONDS = 20


class Command(BaseCommand):
    help = "Index files and folders into a dataset (made if it is missing) and print counts as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="slug of the dataset")
        parser.add_argument("paths", nargs="*", metavar="PATH", type=Path)
        parser.add_argument("--url", action="append", default=[], help="a page of the web; may be repeated")
        parser.add_argument("--wait", action="store_true", help="until everything is indexed")
        parser.add_argument("--inline", action="store_true", help="index in this process, without a worker")
        parser.add_argument("--team", help="slug of the team (default: the oldest)")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        if not options["paths"] and not options["url"]:
            raise CommandError("Give at least one file, folder or --url.", returncode=2)
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"No such file or folder: {', '.join(missing)}", returncode=2)
        try:
            team = team_for(options["team"])
            dataset = ensure_dataset(team_id=team.id, slug=options["dataset"])
            added = self._add(dataset, options["paths"], inline=options["inline"])
            fetched, failed = self._fetch(dataset, options["url"], inline=options["inline"])
            added += fetched
        except ConsoleError as exc:
            raise CommandError(str(exc), returncode=2) from exc
        except OperationalError as exc:
            raise CommandError(
                "The files are kept, but the queue does not answer. Start the console (`manage.py up`) or "
                "use --inline to index in this process.",
                returncode=2,
            ) from exc
        if options["wait"] or options["inline"]:
            self._wait(added)
        report = _report(dataset, added)
        report["errors"] += failed
        report |= {
            "team": team.slug,
            "seconds": round(time.perf_counter() - started, 2),
        }
        self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        if report["errors"]:
            sys.exit(1)

    def _add(self, dataset: Dataset, paths: list[Path], *, inline: bool) -> list[Added]:
        files = list(_files(paths))
        bar = ProgressBar(self.stderr, total=len(files), label="indexed" if inline else "stored")
        added = []
        for path, name in files:
            with path.open("rb") as file:
                pieces = iter(partial(file.read, PIECE), b"")
                one = add_document(
                    dataset=dataset, name=name, content=pieces, replace_same_name=True, enqueue=not inline
                )
            if inline and one.run_id:
                index_now(one.run_id)
            added.append(one)
            bar.show(len(added), name)
        bar.end()
        return added

    def _fetch(self, dataset: Dataset, urls: list[str], *, inline: bool) -> tuple[list[Added], list[dict[str, Any]]]:
        """Fetch pages in this process; returns what was added, and what is wrong with the others."""
        if not urls:
            return [], []
        web_import = start_import(dataset, urls=urls, enqueue=False)
        while work(web_import.id, enqueue=not inline):
            pass
        added, failed = [], []
        for page in pages_of_import(web_import):
            document = documents_of(dataset).filter(id=page.document_id).first() if page.document_id else None
            if document is None:
                code = (page.error or {}).get("code", "failed")
                failed.append({"name": page.url, "code": code, "message": explain_page(page.error)})
                continue
            run = document.runs.filter(finished_at=None).first()
            if inline and run is not None:
                index_now(run.id)
            outcome: Outcome = "unchanged" if page.state == "unchanged" else "created"
            added.append(Added(document=document, outcome=outcome, run_id=run.id if run else None))
        return added, failed

    def _wait(self, added: list[Added]) -> None:
        bar = ProgressBar(self.stderr, total=100 * len(added), label="indexed", shows_percent=True)
        last_change, before = time.monotonic(), -1
        while True:
            documents = list(with_progress(_documents(added)))
            open_ones = {document.id: progress_of(document) for document in documents if document.is_indexing}
            done = 100 * (len(added) - len(open_ones)) + sum(each.percent for each in open_ones.values() if each)
            bar.show(done, next((d.name for d in documents if d.id in open_ones), ""))
            if not open_ones:
                return bar.end()
            if done != before:
                last_change, before = time.monotonic(), done
            elif time.monotonic() - last_change > NO_WORKER_SECONDS:
                bar.say("Still waiting. Is a worker running (`manage.py up`)? --inline indexes without one.")
                last_change = time.monotonic()
            time.sleep(POLL_SECONDS)


def _files(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Files as given; of folders, everything readable below, hidden files left out."""
    for path in paths:
        if not path.is_dir():
            yield path, path.name
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                found = Path(folder) / name
                if not name.startswith(".") and found.suffix.lower() in EXTENSIONS and found.is_file():
                    yield found, found.relative_to(path).as_posix()


def _documents(added: list[Added]) -> Any:
    model = type(added[0].document) if added else None
    return model.objects.filter(id__in=[one.document.id for one in added]) if model else []


def _report(dataset: Dataset, added: list[Added]) -> dict[str, Any]:
    documents = list(_documents(added))
    outcomes = Counter(one.outcome for one in added)
    statuses = Counter(document.status for document in documents)
    return {
        "dataset": dataset.slug,
        "files": len(added),
        **{name: outcomes[name] for name in ("created", "replaced", "unchanged", "refused")},
        "ready": statuses["ready"],
        "indexing": sum(document.is_indexing for document in documents),
        "pages": sum(document.pages for document in documents),
        "chunks": sum(document.chunk_count for document in documents),
        "errors": [
            {"name": document.name, "code": document.error["code"], "message": reason_of(document)}
            for document in documents
            if document.status == "error" and document.error
        ],
    }
