"""Values of environment variables: set and cleared by people, read for runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from apps.workflows.engine.journal import storable
from apps.workflows.models import Application, EnvironmentValue, ReplacedSecret
from apps.workflows.selectors.environment import (
    CONCEALED,
    declared_environment,
    readable_secret,
    type_of,
    used_environment,
)
from providers.crypto import UnreadableSecret
from support.errors import ConsoleError, InvalidInput

MAX_CHARS: Final = 100_000
_KEPT: Final = "x-dify"


class EnvironmentIncomplete(ConsoleError):
    """A variable that the version uses has no value."""

    code = "environment_incomplete"
    http_status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a run finds under `env`, and the texts in it that nobody may read."""

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def environment_for(application: Application, document: Mapping[str, Any]) -> Environment:
    """The values for a run of this document. Raises EnvironmentIncomplete with every name that has none."""
    declared = declared_environment(document)
    if not declared:
        return Environment()
    held = {one.name: one for one in EnvironmentValue.objects.filter(application_id=application.id)}
    values: dict[str, Any] = {}
    missing = []
    for one in declared:
        name = one["name"]
        try:
            value = _held(held.get(name), one)
        except UnreadableSecret:
            message = _(
                "The secret %s was encrypted with a key that is gone. Set it again on the app's page Environment."
            )
            raise EnvironmentIncomplete(message % name, missing=[name]) from None
        if value is not None:
            values[name] = value
        elif not one.get(_KEPT, {}).get("added"):
            missing.append(name)
    missing = [name for name in missing if name in used_environment(document)] if missing else []
    if missing:
        message = _("These environment variables of the app have no value: %s. Set them on its page Environment.")
        raise EnvironmentIncomplete(message % ", ".join(missing), missing=missing)
    secrets = tuple(str(values[one["name"]]) for one in declared if one["type"] == CONCEALED and one["name"] in values)
    return Environment(values=values, secrets=secrets)


def _held(row: EnvironmentValue | None, declared: Mapping[str, Any]) -> Any:
    """The value of a variable: that of the app, or else the document's default. A secret has none in the document."""
    if declared["type"] == CONCEALED:
        return row.read_secret() or None if row is not None else None
    # What was kept as a secret stays one, also when a later version calls it a text.
    return row.value if row is not None and row.value is not None else declared.get("default")


@transaction.atomic
def set_environment_value(application: Application, *, name: str, value: object) -> EnvironmentValue:
    """Keep a value, checked against the declared type; texts are read as it. Raises InvalidInput."""
    kind = type_of(application, name)
    if kind is None:
        raise InvalidInput(_("No version of this app has an environment variable %s.") % name[:64], path="/name")
    row = EnvironmentValue.objects.select_for_update().filter(application=application, name=name).first()
    if row is not None:
        _keep_replaced(row, by=value if kind == CONCEALED else None)
    row = row or EnvironmentValue(team_id=application.team_id, application=application, name=name)
    if kind == CONCEALED:
        row.value = None
        row.set_secret(_secret(name, value))
    else:
        row.set_secret("")
        row.value = storable(typed(kind, name, value))
    row.save()
    return row


@transaction.atomic
def clear_environment_value(application: Application, *, name: str) -> bool:
    """Forget a value; whether there was one."""
    row = EnvironmentValue.objects.select_for_update().filter(application=application, name=name).first()
    if row is None:
        return False
    _keep_replaced(row, by=None)
    row.delete()
    return True


def _keep_replaced(row: EnvironmentValue, *, by: object) -> None:
    """Keep the secret that another value replaces, once, for as long as runs may show it: to cover it up."""
    text = readable_secret(row)
    if not row.encrypted_secret or (text and text == by):
        return
    earlier = ReplacedSecret.objects.filter(application_id=row.application_id)
    if not text or all(readable_secret(one) != text for one in earlier):
        ReplacedSecret.objects.create(
            team_id=row.team_id,
            application_id=row.application_id,
            name=row.name,
            encrypted_secret=row.encrypted_secret,
            secret_set_at=row.secret_set_at,
        )


def _secret(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_CHARS or "\0" in value:
        raise InvalidInput(_("%s must be a text that is not empty.") % name, path="/value")
    return value


def typed(kind: str, name: str, value: object) -> Any:
    """A value of the declared type; a text is read as that type. Raises InvalidInput."""
    if isinstance(value, str) and kind != "string":
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidInput(_wrong(kind, name), path="/value") from None
    if not any(_fits(kind, value)) or len(json.dumps(value)) > MAX_CHARS:
        raise InvalidInput(_wrong(kind, name), path="/value")
    return value


def _fits(kind: str, value: object) -> Iterator[bool]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    yield kind == "string" and isinstance(value, str)
    yield kind == "number" and number
    yield kind == "integer" and isinstance(value, int) and not isinstance(value, bool)
    yield kind == "boolean" and isinstance(value, bool)
    yield kind == "object" and isinstance(value, dict)
    yield kind == "array" and isinstance(value, list)
    if kind.startswith("array[") and isinstance(value, list):
        inner = kind[6:-1]
        yield all(inner == "any" or any(_fits(inner, item)) for item in value)


def _wrong(kind: str, name: str) -> str:
    return _("%(name)s must be of the type %(type)s, written as JSON where it is no text.") % {
        "name": name,
        "type": kind,
    }
