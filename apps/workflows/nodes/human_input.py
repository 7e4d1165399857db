"""human-input: ask somebody, and go on by what they choose. The run waits without holding anything."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.policy import seconds
from apps.workflows.engine.variables import Source, Template, parse_source, resolve
from apps.workflows.nodes.shapes import NAME, SOURCE, TEXT, closed, uses

#: The way on when nobody replied in time, and the word for it in the reply.
TIMEOUT: Final = "timeout"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: No address that needs quotes: what mail servers take, and nothing that a letter's head could be bent with.
_ADDRESS: Final = re.compile(rf"[\w.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{0,20}}")
MAX_LETTERS: Final = 50
FIELD_TYPES: Final = ("text", "paragraph", "select", "number", "boolean", "file", "files")
_OWN_OUTPUTS: Final = frozenset({"action", "rendered"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Who gets the form's link by e-mail, and under which subject."""

    to: Sequence[Template]
    subject: Template

    def asks(self, context: NodeContext) -> dict[str, Any]:
        """The letters with the run's values. Raises NodeFailure where an address is none."""
        written = ",".join(each.render(context.values) for each in self.to)
        addresses = list(dict.fromkeys(part for part in re.split(r"[,;\s]+", written) if part))
        for address in addresses:
            if not _ADDRESS.fullmatch(address):
                raise NodeFailure("bad_address", f"{address[:100]} is no e-mail address.", details={"field": "deliver"})
        if not addresses or len(addresses) > MAX_LETTERS:
            message = f"The form is to go to {len(addresses)} addresses; 1 to {MAX_LETTERS} are possible."
            raise NodeFailure("bad_address", message, details={"field": "deliver"})
        return {"to": addresses, "subject": " ".join(self.subject.render(context.values).split())[:200]}


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanInput:
    """Shows `form` with its fields; each action is a button and a way on."""

    form: Template
    fields: Sequence[Mapping[str, Any]]
    defaults: Mapping[str, Source]
    actions: Sequence[Mapping[str, Any]]
    timeout: float | None
    letters: Sequence[Letters] = ()

    async def run(self, context: NodeContext) -> NodeResult:
        rendered = self.form.render(context.values)
        defaults = {name: resolve(source, context.values) for name, source in self.defaults.items()}
        asks = {
            "form": rendered,
            "fields": [dict(field) for field in self.fields],
            "actions": [dict(action) for action in self.actions],
            "defaults": defaults,
            "token": secrets.token_urlsafe(32),
        }
        if self.letters:
            asks["letters"] = [letters.asks(context) for letters in self.letters]
        context.inputs = {"form": rendered, "defaults": defaults}
        reply = context.world.reply(asks, until=context.world.later(self.timeout))
        action = str(reply.get("action") or TIMEOUT)
        values = {field["name"]: reply.get(field["name"], defaults.get(field["name"])) for field in self.fields}
        return NodeResult(outputs={**values, "action": action, "rendered": rendered}, handle=action)


def _compile(config: Config) -> HumanInput:
    fields = config.get("fields") or ()
    return HumanInput(
        form=Template.parse(config["form"]),
        fields=[{key: value for key, value in field.items() if key != "default"} for field in fields],
        defaults={field["name"]: parse_source(field["default"]) for field in fields if "default" in field},
        actions=config["actions"],
        timeout=seconds(config["timeout"]) if "timeout" in config else None,
        letters=[
            Letters(
                to=[Template.parse(text) for text in each.get("to", ())],
                subject=Template.parse(each.get("subject", "")),
            )
            for each in config.get("deliver", ())
            if each["kind"] == "email" and each.get("to")
        ],
    )


def _outputs(config: Config) -> frozenset[str]:
    return _OWN_OUTPUTS | {field["name"] for field in config.get("fields") or ()}


def _handles(config: Config) -> tuple[str, ...]:
    timeout = (TIMEOUT,) if "timeout" in config else ()
    return (*(action["id"] for action in config["actions"]), *timeout)


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/form", config["form"]) if "{{" in config["form"] else ()
    for at, field in enumerate(config.get("fields") or ()):
        if "default" in field:
            yield from uses(f"/fields/{at}/default", field["default"], optional=True)
    for at, each in enumerate(config.get("deliver", ())):
        for number, text in enumerate(each.get("to", ())):
            yield from uses(f"/deliver/{at}/to/{number}", text) if "{{" in text else ()
        if "{{" in each.get("subject", ""):
            yield from uses(f"/deliver/{at}/subject", each["subject"])


_FIELD = closed(
    {
        "name": {**NAME, "not": {"enum": sorted(_OWN_OUTPUTS)}},
        "type": {"enum": list(FIELD_TYPES)},
        "label": {"type": "string", "maxLength": 200},
        "options": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "required": {"type": "boolean"},
        "default": SOURCE,
    },
    required=["name", "type"],
)
_ACTION = closed(
    {
        "id": {**NAME, "not": {"enum": ["error", TIMEOUT]}},
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "style": {"enum": ["primary", "default", "accent", "ghost"], "default": "default"},
    },
    required=["id", "title"],
)
_DELIVERY = closed(
    {
        "kind": {"enum": ["page", "email"]},
        "to": {"type": "array", "items": TEXT, "maxItems": MAX_LETTERS},
        "subject": TEXT,
    },
    required=["kind"],
)

HUMAN_INPUT = NodeType(
    name="human-input",
    schema=closed(
        {
            "form": TEXT,
            "fields": {"type": "array", "items": _FIELD, "maxItems": 50},
            "actions": {"type": "array", "items": _ACTION, "minItems": 1, "maxItems": 10},
            "timeout": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h|d)$"},
            "deliver": {"type": "array", "items": _DELIVERY, "maxItems": 10},
        },
        required=["form", "actions"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    handles=_handles,
)
