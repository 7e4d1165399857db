"""Owns the limits within which one document is read."""

from dataclasses import asdict, dataclass
from typing import Self

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost; a document over a limit is refused, never cut silently."""

    max_bytes: int = 500 * MEGABYTE
    max_pages: int = 10_000
    max_chars: int = 100_000_000
    max_unpacked_bytes: int = 1024 * MEGABYTE
    max_archive_entries: int = 20_000
    wall_seconds: float = 600.0
    """Time spent waiting for the reader; time the caller spends with a section does not count."""
    memory_bytes: int = 1536 * MEGABYTE

    def as_dict(self) -> dict[str, int | float]:
        """Plain values, for the message to the child."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, int | float]) -> Self:
        """The reverse of `as_dict`."""
        return cls(**values)  # type: ignore[arg-type]
