"""Reading what an app's documents want of their environment, and what of it is set. No secret is read here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.models import Application, EnvironmentValue, ReplacedSecret
from providers.crypto import UnreadableSecret
from providers.models import HoldsSecret

CONCEALED: Final = "secret"
_KEPT: Final = "x-dify"
_USE: Final = re.compile(r"(?<![A-Za-z0-9_.-])env\.([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentState:
    """A declared variable and what there is for it; `value` stays empty for a secret."""

    name: str
    type: str
    description: str
    is_secret: bool
    is_set: bool
    is_missing: bool
    value: Any = None
    default: Any = None


def declared_environment(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The environment variables that a valid document declares."""
    declared = (document.get("variables") or {}).get("environment") or []
    return list(declared)


def used_environment(document: Mapping[str, Any]) -> frozenset[str]:
    """Names of the environment variables that the document's nodes refer to."""
    return frozenset(name for text in _texts(document.get("nodes")) for name in _USE.findall(text))


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, Mapping):
            stack.extend(inner for key, inner in item.items() if not key.startswith("x-"))


def environment_states(application: Application) -> list[EnvironmentState]:
    """What the draft and the published version declare, the draft's word first, by name."""
    held = {row.name: row for row in EnvironmentValue.objects.filter(application=application)}
    return [_state(one, held.get(one["name"])) for one in _declared_by(application)]


def has_environment(application: Application) -> bool:
    """Whether the draft or the published version declares any environment variable."""
    return bool(_declared_by(application))


def type_of(application: Application, name: str) -> str | None:
    """The declared type of a variable, or None where no version that counts has it."""
    return next((one["type"] for one in _declared_by(application) if one["name"] == name), None)


def secret_texts(application_id: Any) -> tuple[str, ...]:
    """The app's secrets in the clear, those it had too, to be covered up wherever they turn up in what people see."""
    rows = EnvironmentValue.objects.filter(application_id=application_id).exclude(encrypted_secret="")
    earlier = ReplacedSecret.objects.filter(application_id=application_id)
    return tuple(dict.fromkeys(text for row in (*rows, *earlier) if (text := readable_secret(row))))


def readable_secret(row: HoldsSecret) -> str:
    """The row's secret, or nothing where no key opens it."""
    try:
        return row.read_secret()
    except UnreadableSecret:  # its key is gone; a run's page is to be seen all the same
        return ""


def _declared_by(application: Application) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for version in (application.draft, application.live):
        for one in declared_environment(version.document) if version else ():
            if not one.get(_KEPT, {}).get("added"):
                found.setdefault(one["name"], one)
    return list(found.values())


def _state(declared: Mapping[str, Any], row: EnvironmentValue | None) -> EnvironmentState:
    is_secret = declared["type"] == CONCEALED
    is_set = row is not None and (bool(row.encrypted_secret) if is_secret else row.value is not None)
    return EnvironmentState(
        name=declared["name"],
        type=declared["type"],
        description=declared.get("description", ""),
        is_secret=is_secret,
        is_set=is_set,
        is_missing=not is_set and (is_secret or declared.get("default") is None),
        value=row.value if row is not None and not is_secret else None,
        default=None if is_secret else declared.get("default"),
    )
