"""`manage.py migrate_vectors DATASET --to STORE | --model NAME`: another store or embedding model, without downtime."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from typing import Any

import psutil
from django.core.management.base import BaseCommand, CommandError

from apps.datasets.management.progress import ProgressBar
from apps.datasets.management.teams import team_for
from apps.datasets.models import VectorMove
from apps.datasets.models.vector_move import KEEP_OLD
from apps.datasets.selectors.datasets import open_dataset
from apps.datasets.services.migrating import LEASE, MoveTaken, carry_on, end_move, start_move, take_from
from apps.datasets.vectorstores.registry import ADAPTERS
from support.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Move the vectors of a dataset to another store, or embed it with another model. It is searched all the time; "
        "when this is stopped, or killed, the same command goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="slug of the dataset")
        parser.add_argument("--to", choices=sorted(set(ADAPTERS) - {"memory"}), default="", help="the vector store")
        parser.add_argument("--model", default="", help="the embedding model")
        parser.add_argument("--team", help="slug of the team (default: the oldest)")
        parser.add_argument("--cancel", action="store_true", help="give up the move that is under way")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            dataset = open_dataset(options["dataset"], team_id=team_for(options["team"]).id)
            if options["cancel"]:
                self._cancel(dataset)
                return
            if not options["to"] and not options["model"]:
                raise CommandError("Name the store with --to, or the embedding model with --model.", returncode=2)
            move = start_move(dataset, store=options["to"], model=options["model"])
            self._follow(move)
        except ConsoleError as exc:
            raise CommandError(str(exc), returncode=2) from exc

    def _follow(self, move: VectorMove) -> None:
        bar = ProgressBar(self.stderr, total=move.total, label="chunks")
        if move.done:
            bar.say(f"Going on after {move.done} of {move.total} chunks.")
        owner = f"{os.uname().nodename}:{os.getpid()}"
        deadline = time.monotonic() + 2 * LEASE.total_seconds()
        while True:
            try:
                moved = carry_on(move.id, owner=owner, on_progress=lambda now: bar.show(min(now.done, now.total)))
                break
            except MoveTaken as exc:
                # A killed process leaves its lease behind; a living one renews it.
                move.refresh_from_db()
                if move.state != VectorMove.State.COPYING:
                    moved = move
                    break
                if _is_dead(move.lease_owner):
                    take_from(move, owner=move.lease_owner)
                    continue
                if time.monotonic() > deadline:
                    raise CommandError("Another process is at work on this move.", returncode=3) from exc
                time.sleep(1)
        bar.end()
        if moved.state != VectorMove.State.SWITCHED:
            raise CommandError(f"The move ended as {moved.state}.", returncode=1)
        self.stdout.write(
            f"{moved.dataset.slug} is in {moved.to_store} ({moved.to_space}) now. "
            f"The old vectors are removed in {int(KEEP_OLD.total_seconds() // 60)} minutes."
        )
        if moved.without_vector:
            self.stdout.write(f"{moved.without_vector} chunks have no vector in it and are found by their words.")

    def _cancel(self, dataset: Any) -> None:
        move = VectorMove.objects.filter(dataset=dataset, state=VectorMove.State.COPYING).first()
        if move is None:
            raise CommandError("No move is under way.", returncode=2)
        end_move(move)
        self.stdout.write("The move is given up; the dataset stays where it is.")


def _is_dead(owner: str) -> bool:
    """Whether the process that held the lease was on this machine and is gone."""
    host, _, pid = owner.rpartition(":")
    return host == os.uname().nodename and pid.isdigit() and not psutil.pid_exists(int(pid))
