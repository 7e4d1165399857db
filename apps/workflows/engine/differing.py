"""Differences between two values, for people who read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.journal import storable

_MOST: Final = 20
_SHOWN: Final = 160
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`what` was `recorded` and is `now`, at a place of a run (empty: of the run as a whole)."""

    place: str
    what: str
    recorded: str = ""
    now: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        if not (self.recorded or self.now):
            return f"{where}{self.what}"
        return f"{where}{self.what}\n    - {self.recorded}\n    + {self.now}"


def compare(place: str, what: str, recorded: Any, now: Any) -> list[Difference]:
    """Where two values differ, as JSON sees them; at most 20 places."""
    found = []
    for path, old, new in _apart(what, _plain(recorded), _plain(now)):
        found.append(Difference(place=place, what=path, recorded=_shown(old), now=_shown(new)))
        if len(found) == _MOST:
            break
    return found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(storable(value)))


def _apart(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _apart(f"{path}.{key}", old.get(key, _NOTHING), new.get(key, _NOTHING))
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            one = old[at] if at < len(old) else _NOTHING
            other = new[at] if at < len(new) else _NOTHING
            yield from _apart(f"{path}[{at}]", one, other)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, old, new


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "(nothing)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
