"""A job of its own, so that everything else can start meanwhile: create the database cluster."""

import sys
from pathlib import Path

from console.embedded import postgres
from console.embedded.datadir import DataDir, kept_secret
from console.embedded.errors import StartupError
from console.embedded.identity import find_identity


def main(root: str) -> int:
    """Create the cluster of a data directory."""
    home = DataDir(Path(root)).postgres
    try:
        cluster = postgres.Cluster(home=home, port=0, password=kept_secret(home / "password"), identity=find_identity())
        postgres.initialise(cluster)
    except StartupError as exc:
        print(exc)  # noqa: T201 - this is the job's log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
