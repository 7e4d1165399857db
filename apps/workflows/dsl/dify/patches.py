"""What a translation leaves out, kept as a patch: it brings back exactly what was there, unless that was edited since.

A patch has `rest`: pointer -> a value that the translation has no place for; `instead`: pointer -> `{of, is}` for a
value that it writes differently; and `without`: pointer -> digest of a value that it adds. The last two apply only
where the translation still gives what it gave then, by its digest.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Set
from typing import Any, Final

from apps.workflows.dsl.problems import pointer

Patch = dict[str, dict[str, Any]]
_NONE: Final = object()


def digest(value: Any) -> str:
    """A short name of a value's content."""
    body = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def difference(made: Any, wanted: Any, *, ignoring: Set[str] = frozenset(), exactly: bool = False) -> Patch:
    """The patch that leads from `made` to `wanted`; only `exactly` takes away what `made` has beyond that.

    Keys `ignoring` are nobody's business, at any depth.
    """
    patch: Patch = {"rest": {}, "instead": {}, "without": {}}
    _compare(made, wanted, (), patch, ignoring, exactly)
    return {kind: entries for kind, entries in patch.items() if entries}


def _compare(
    made: Any, wanted: Any, at: tuple[str | int, ...], patch: Patch, ignoring: Set[str], exactly: bool
) -> None:
    if isinstance(made, dict) and isinstance(wanted, dict):
        for key, value in wanted.items():
            if key in ignoring:
                continue
            if key in made:
                _compare(made[key], value, (*at, key), patch, ignoring, exactly)
            else:
                patch["rest"][pointer(*at, key)] = value
        if exactly:
            for key in made:
                if key not in wanted and key not in ignoring:
                    patch["without"][pointer(*at, key)] = digest(made[key])
    elif isinstance(made, list) and isinstance(wanted, list) and len(made) == len(wanted):
        for place, (one, other) in enumerate(zip(made, wanted, strict=True)):
            _compare(one, other, (*at, place), patch, ignoring, exactly)
    elif type(made) is not type(wanted) or made != wanted:
        patch["instead"][pointer(*at)] = {"of": digest(made), "is": wanted}


def patched(made: Any, patch: Any) -> Any:
    """`made` with a patch applied as far as it fits; a damaged patch does nothing."""
    made = copy.deepcopy(made)
    for place, entry in _entries(patch, "instead"):
        if isinstance(entry, Mapping) and "is" in entry:
            made = _put(made, _parts(place), copy.deepcopy(entry["is"]), of=entry.get("of"))
    for place, name in _entries(patch, "without"):
        _remove(made, _parts(place), name)
    for place, value in _entries(patch, "rest"):
        _add(made, _parts(place), copy.deepcopy(value))
    return made


def _entries(patch: Any, kind: str) -> list[tuple[str, Any]]:
    entries = patch.get(kind) if isinstance(patch, Mapping) else None
    return list(entries.items()) if isinstance(entries, Mapping) else []


def _parts(place: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]]


def step(holder: Any, part: str) -> Any:
    """What lies one step further in, or a value that equals nothing."""
    if isinstance(holder, dict):
        return holder.get(part, _NONE)
    if isinstance(holder, list) and part.isascii() and part.isdigit() and len(part) < 9 and int(part) < len(holder):
        return holder[int(part)]
    return _NONE


def _holder(made: Any, parts: list[str]) -> Any:
    for part in parts[:-1]:
        made = step(made, part)
    return made


def _put(made: Any, parts: list[str], value: Any, *, of: Any) -> Any:
    if not parts:
        return value if digest(made) == of else made
    holder = _holder(made, parts)
    found = step(holder, parts[-1])
    if found is not _NONE and digest(found) == of:
        holder[parts[-1] if isinstance(holder, dict) else int(parts[-1])] = value
    return made


def _remove(made: Any, parts: list[str], name: Any) -> None:
    holder = _holder(made, parts)
    if isinstance(holder, dict) and parts and parts[-1] in holder and digest(holder[parts[-1]]) == name:
        del holder[parts[-1]]


def _add(made: Any, parts: list[str], value: Any) -> None:
    holder = _holder(made, parts)
    if isinstance(holder, dict) and parts:
        holder.setdefault(parts[-1], value)
