"""Whether the embedded database is ready for this very code, decided without asking the database."""

import hashlib
from pathlib import Path

from console.embedded.datadir import DataDir, read_json, write_json

ROOT = Path(__file__).resolve().parents[3]


def fingerprint(root: Path = ROOT) -> str:
    """Changes with every migration of ours, and with every pinned dependency: they may bring migrations."""
    digest = hashlib.sha256()
    files = [root / "requirements.txt"]
    for source in ("platform", "apps"):
        files += sorted((root / source).glob("*/migrations/*.py"))
    for path in files:
        if path.exists():
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_prepared(data: DataDir, *, demo: bool) -> bool:
    """Whether there is nothing to do before the first request."""
    known = read_json(data.prepared)
    return (
        (data.postgres / "data").exists()
        and known.get("fingerprint") == fingerprint()
        and (bool(known.get("demo")) or not demo)
    )


def note_prepared(data: DataDir, *, demo: bool) -> None:
    """Remember what was done; a demo that is there stays there."""
    had_demo = bool(read_json(data.prepared).get("demo"))
    write_json(data.prepared, {"fingerprint": fingerprint(), "demo": demo or had_demo})
