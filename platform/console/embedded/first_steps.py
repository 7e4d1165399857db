"""A job of its own: bring the database up to date, make the first administrator, load the demo content.

It reports to the supervisor on standard output, in lines that begin with a mark and never reach a log.
"""

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path

from console.embedded.console_log import FACT_MARK
from console.embedded.datadir import DataDir
from console.embedded.prepared import note_prepared

PATIENCE = 60.0


def main() -> int:
    """Do what is missing; each step is safe to repeat."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--demo", action="store_true")
    options = parser.parse_args()

    import django

    django.setup()
    if options.embedded:
        _create_embedded_database()
    _migrate()
    _make_first_admin()
    _report("migrated")
    loaded = _load_demo() if options.demo else False
    if options.embedded and loaded == options.demo:
        note_prepared(DataDir(options.data_dir), demo=loaded)
    _report("prepared")
    return 0


def _create_embedded_database() -> None:
    """Wait for the server, then make our database; the server may still be starting."""
    import psycopg

    from console.embedded import postgres

    # The first attempts come too early on purpose: everything starts at the same time.
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            postgres.create_database(os.environ["DATABASE_URL"])
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _migrate() -> None:
    """Apply what is missing, on the traces' own server too if they have one."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    aliases = ["default"]
    if _address(settings.DATABASES["traces"]) != _address(settings.DATABASES["default"]):
        aliases.append("traces")
    for alias in aliases:
        executor = MigrationExecutor(connections[alias])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", database=alias, interactive=False, verbosity=1, no_color=True)


def _address(database: dict[str, object]) -> tuple[object, ...]:
    return tuple(database[name] for name in ("HOST", "PORT", "NAME"))


def _make_first_admin() -> None:
    from accounts.services import ensure_first_admin

    if password := ensure_first_admin():
        _report("admin", password=password)


def _load_demo() -> bool:
    """A demo that cannot be loaded is said and survived: the console works without it."""
    from django.core.management import call_command

    try:
        call_command("load_demo")
    except Exception:  # noqa: BLE001 - the border between optional content and the start
        traceback.print_exc()
        _say("The demo content could not be loaded (see above); everything else works.")
        return False
    return True


def _report(fact: str, **details: str) -> None:
    sys.stdout.buffer.write(FACT_MARK + json.dumps({"fact": fact, **details}).encode() + b"\n")
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
