"""The options of `manage.py up`, for Django's command line and for the slim one."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator asked for."""

    host: str
    port: int
    data_dir: Path
    demo: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        default=8000,
        help="port to listen on; 0 picks a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("SKEP_DATA_DIR", ".skep")),
        help="where everything is kept (default: %(default)s)",
    )
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="start without the demo content")


def as_arguments(options: Options) -> list[str]:
    """The options as a command line again."""
    arguments = ["--host", options.host, "--port", str(options.port), "--data-dir", str(options.data_dir)]
    return arguments if options.demo else [*arguments, "--no-demo"]


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; it must be a number from 0 to 65535")
    return int(text)
