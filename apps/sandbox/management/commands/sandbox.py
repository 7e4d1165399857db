"""`manage.py sandbox status` and `manage.py sandbox run FILE`: the sandbox from the shell, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.sandbox.client import SandboxClient
from apps.sandbox.door import Door
from apps.sandbox.errors import SandboxError
from apps.sandbox.protocol import DEFAULT_PROFILE, Language, Maxima, RunLimits, RunRequest, RunResult, Status
from apps.sandbox.selectors.condition import State, current_condition

LANGUAGE_OF = {".js": Language.JAVASCRIPT, ".mjs": Language.JAVASCRIPT}
#: Exit codes: the code did not end well; the sandbox did not run it.
FAILED, NOT_RUN = 1, 2


class Command(BaseCommand):
    help = "Ask the sandbox how it is (status), or run a file in it (run). Prints JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="its state, isolation layers, profiles and counters; exit 1 unless it is ok")
        run = actions.add_parser(
            "run", help="run the function main of a file; exit 1 if the code fails, 2 if it is not run"
        )
        run.add_argument("file", help="the code, - for standard input")
        run.add_argument("--inputs", default="{}", help="JSON object: the arguments of main")
        run.add_argument("--language", choices=[each.value for each in Language], help="default: by the file's suffix")
        run.add_argument("--profile", default=DEFAULT_PROFILE, help="default: %(default)s")
        run.add_argument("--wall-s", type=float, default=RunLimits().wall_s, help="default: %(default)s")
        run.add_argument("--memory-mb", type=int, help="default: the profile's")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "status":
            self._status()
        else:
            self._run(options)

    def _status(self) -> None:
        condition = current_condition()
        self._print(
            {"state": condition.state, "address": condition.address, "reason": condition.reason} | condition.facts
        )
        if condition.state is not State.OK:
            sys.exit(FAILED)

    def _run(self, options: dict[str, Any]) -> None:
        request = _request(options)
        try:
            result = asyncio.run(_ask(request))
        except SandboxError as exc:
            raise CommandError(str(exc), returncode=NOT_RUN) from exc
        self._print(json.loads(result.to_json()))
        if result.status is not Status.OK:
            sys.exit(FAILED)

    def _print(self, answer: Any) -> None:
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def _request(options: dict[str, Any]) -> RunRequest:
    """What the command line asks for. Raises CommandError."""
    try:
        inputs = json.loads(options["inputs"])
    except ValueError as exc:
        raise CommandError(f"--inputs is not JSON: {exc}", returncode=NOT_RUN) from exc
    if not isinstance(inputs, dict):
        raise CommandError("--inputs must be a JSON object", returncode=NOT_RUN)
    suffix = Path(options["file"]).suffix
    return RunRequest(
        code=_code(options["file"]),
        language=Language(options["language"] or LANGUAGE_OF.get(suffix, Language.PYTHON)),
        inputs=inputs,
        profile=options["profile"],
        limits=RunLimits(wall_s=options["wall_s"], memory_mb=options["memory_mb"]),
    )


def _code(name: str) -> str:
    try:
        path = Path("/dev/stdin") if name == "-" else Path(name)
        if name != "-" and path.stat().st_size > Maxima().body_bytes:
            raise CommandError(f"{name} is larger than the sandbox takes", returncode=NOT_RUN)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"{name} cannot be read: {exc}", returncode=NOT_RUN) from exc


async def _ask(request: RunRequest) -> RunResult:
    async with SandboxClient(Door.from_settings()) as client:
        return await client.run(request)
