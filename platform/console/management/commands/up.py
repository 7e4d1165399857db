"""`python manage.py up`: run all of Skep on this machine."""

import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from console.embedded.options import Options, add_arguments, as_arguments


class Command(BaseCommand):
    """Hands over to the supervisor, which stays slim because it loads no Django."""

    help = "Run PostgreSQL, Redis, the web server, the workers, the scheduler and the sandbox; Ctrl-C stops everything."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of the supervisor."""
        assert isinstance(parser, argparse.ArgumentParser)
        add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Become the supervisor: same process, same terminal."""
        chosen = Options(**{name: options[name] for name in ("host", "port", "data_dir", "demo")})
        sys.stdout.flush()
        argv = [sys.executable, "-m", "console.embedded", *as_arguments(chosen)]
        os.execv(sys.executable, argv)  # noqa: S606 - our own module
