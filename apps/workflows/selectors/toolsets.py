"""Reading toolsets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.workflows.models import Toolset
from providers.crypto import UnreadableSecret
from support.errors import NotFound, Unavailable


class ToolNotFound(NotFound):
    """The team has no such tool."""

    code = "tool_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A toolset as a call needs it, with the secret in the clear."""

    name: str
    base_url: str
    operations: dict[str, dict[str, Any]]
    auth: str
    auth_name: str
    secret: str


def service_of(name: str, *, team_id: UUID) -> Service:
    """A team's door to one of its toolsets. Raises ToolNotFound, Unavailable."""
    toolset = Toolset.objects.filter(team_id=team_id, name=name, is_enabled=True).first()
    if toolset is None:
        raise ToolNotFound(f"The team has no toolset {name!r}.")
    try:
        secret = toolset.read_secret()
    except UnreadableSecret as exc:
        raise Unavailable(str(exc)) from exc
    return Service(
        name=toolset.name,
        base_url=toolset.base_url,
        operations={operation["id"]: operation for operation in toolset.operations},
        auth=toolset.auth,
        auth_name=toolset.auth_name,
        secret=secret,
    )


def tool_names(team_id: UUID) -> frozenset[str]:
    """The full names of all operations that the team's toolsets offer."""
    found: Iterable[tuple[str, list[dict[str, Any]]]] = Toolset.objects.filter(
        team_id=team_id, is_enabled=True
    ).values_list("name", "operations")
    return frozenset(f"openapi/{name}/{operation['id']}" for name, operations in found for operation in operations)
