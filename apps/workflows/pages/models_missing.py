"""Which models an imported document asks for that nobody serves: it is better told than found out by a failing run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.workflows.adapters.models import DEFAULT
from apps.workflows.dsl.tools_used import all_nodes
from model_runtime.errors import ModelError
from providers.errors import ModelNotFound
from providers.services import open_chat


def models_missing(document: Mapping[str, Any], *, team_id: UUID) -> list[str]:
    """The names, in the order of their steps."""
    asked = [(node.get("config") or {}).get("model") for _at, node in all_nodes(document)]
    names = dict.fromkeys(model["name"] for model in asked if isinstance(model, dict) and model["name"] != DEFAULT)
    return [name for name in names if not _is_served(name, team_id=team_id)]


def _is_served(name: str, *, team_id: UUID) -> bool:
    try:
        open_chat(name, team_id=team_id)
    except ModelNotFound:
        return False
    except ModelError:
        return True  # there is a provider for it; what is wrong with that is another matter
    return True
