"""Starts the sidecar: `python -m apps.sandbox.sidecar --listen unix:PATH|HOST:PORT`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from apps.sandbox.sidecar.config import Config, read_config
from apps.sandbox.sidecar.errors import EX_CONFIG, StartRefused
from apps.sandbox.sidecar.http.sockets import is_served, refusal_file


def main() -> int:
    """Serve until told to stop; 78 if this machine, or these settings, cannot keep the promise."""
    config: Config | None = None
    try:
        config = read_config(sys.argv[1:], os.environ)
        os.environ.pop("SANDBOX_API_KEY", None)  # nothing that is started from here on can inherit it
        # Imported late: on a machine that lacks what the sandbox needs, the reason is told instead of a traceback.
        from apps.sandbox.sidecar.serve import check, serve

        return check(config) if config.check else serve(config)
    except StartRefused as refusal:
        _tell(str(refusal), config)
        return EX_CONFIG


def _tell(reason: str, config: Config | None) -> None:
    line = " ".join(reason.split())
    sys.stderr.write(f"sandbox refused to start: {line}\n")
    if config is None or config.check or config.listen.path is None or is_served(config.listen.path):
        return  # beside a socket that another sidecar serves, the file would tell an untruth
    path = refusal_file(config.listen)
    if path is not None:
        with suppress(OSError):  # the folder may be missing or closed to us; the line above says it all
            path.write_text(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
