"""The data directory: what is kept where, and small private files that are old or new but never half."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.embedded.errors import StartupError


@dataclass(frozen=True, slots=True)
class DataDir:
    """Paths inside one data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the running copy; says who that is."""
        return self.root / "lock"

    @property
    def postgres(self) -> Path:
        """Home of the embedded PostgreSQL."""
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        """Home of the embedded Redis."""
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        """One rotated log file for each child process."""
        return self.root / "logs"

    @property
    def ports(self) -> Path:
        """The ports of the last start, so that addresses stay the same while they are free."""
        return self.root / "ports.json"

    @property
    def children(self) -> Path:
        """The processes that were started last, so that the next start can end what a crash left behind."""
        return self.root / "children.json"

    @property
    def running(self) -> Path:
        """The addresses of the running services, for commands started in another shell."""
        return self.root / "running.json"

    @property
    def prepared(self) -> Path:
        """What the database was last prepared for; beside the database, so that both vanish together."""
        return self.postgres / "prepared.json"

    @property
    def beat_schedule(self) -> Path:
        """When each periodic task ran last."""
        return self.root / "celerybeat-schedule"

    def make(self) -> None:
        """Create what is missing; others may not look inside."""
        self._refuse_anothers()
        try:
            for folder in (self.root, self.postgres, self.redis, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.root / "writable", "")
            (self.root / "writable").unlink()
        except OSError as exc:
            raise StartupError(
                f"Cannot write to the data directory {self.root}: {exc.strerror}. Choose another: --data-dir."
            ) from exc

    def _refuse_anothers(self) -> None:
        """Root could write there, and would leave files behind that the owner cannot read any more."""
        if os.geteuid() == 0 and self.root.exists() and (owner := self.root.stat().st_uid) != 0:
            raise StartupError(
                f"The data directory {self.root} belongs to user {owner}. "
                "Start Skep as that user, or choose another with --data-dir."
            )


def write_private(path: Path, text: str) -> None:
    """Replace a file at once; only its owner may read it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def kept_secret(path: Path) -> str:
    """The secret in the file, made on first use."""
    if path.exists() and (kept := path.read_text(encoding="utf-8").strip()):
        return kept
    made = secrets.token_urlsafe(48)
    write_private(path, made)
    return made


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; nothing if it is absent or damaged, because all of these can be made again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file with the object."""
    write_private(path, json.dumps(content))
