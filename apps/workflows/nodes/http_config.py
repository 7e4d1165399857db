"""How an http-request node is configured: its typed form, its schema, and the references it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from apps.workflows.engine.http_port import HttpTimeouts
from apps.workflows.engine.node import Config, Use, own_keys
from apps.workflows.engine.variables import Reference, Template
from apps.workflows.nodes.asking import text_uses
from apps.workflows.nodes.shapes import REFERENCE, TEXT, Schema, closed, uses

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MAX_FIELDS: Final = 200
Pair = tuple[Template, Template]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How the server knows us."""

    kind: str
    secret: Template
    header: str = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a form: a text, or a file (or several)."""

    name: Template
    value: Template | None = None
    file: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is sent: `text` for json and text, `fields` for forms, `file` for binary."""

    kind: str = "none"
    text: Template = field(default_factory=lambda: Template(()))
    fields: Sequence[Field] = ()
    file: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The node, compiled."""

    method: str
    url: Template
    headers: Sequence[Pair] = ()
    params: Sequence[Pair] = ()
    auth: Auth | None = None
    body: Body = field(default_factory=Body)
    timeouts: HttpTimeouts = field(default_factory=HttpTimeouts)
    verify_tls: bool = True
    fail_on_status: bool = False

    @classmethod
    def parse(cls, config: Config) -> HttpConfig:
        return cls(
            method=config["method"],
            url=Template.parse(config["url"]),
            headers=_pairs(config.get("headers")),
            params=_pairs(config.get("params")),
            auth=_auth(config.get("auth")),
            body=_body(config.get("body")),
            timeouts=HttpTimeouts(**{name: float(each) for name, each in own_keys(config.get("timeouts", {})).items()}),
            verify_tls=config.get("verify_tls", True),
            fail_on_status=config.get("fail_on_status", False),
        )

    def references(self) -> Iterator[Reference]:
        """Every reference the node makes to a text."""
        texts = [self.url, *(each for pair in (*self.headers, *self.params) for each in pair), self.body.text]
        texts += [each.value for each in self.body.fields if each.value is not None]
        if self.auth is not None:
            texts.append(self.auth.secret)
        for text in texts:
            yield from text.references()


def http_uses(config: Config) -> Iterator[Use]:
    """Where each reference stands."""
    yield from text_uses("/url", config["url"])
    for key in ("headers", "params"):
        for place, pair in enumerate(config.get(key, ())):
            yield from text_uses(f"/{key}/{place}/name", pair["name"])
            yield from text_uses(f"/{key}/{place}/value", pair.get("value", ""))
    if "auth" in config:
        yield from text_uses("/auth/secret", config["auth"]["secret"])
    body = config.get("body", {})
    yield from text_uses("/body/text", body.get("text", ""))
    if "file" in body:
        yield from uses("/body/file", body["file"])
    for place, each in enumerate(body.get("fields", ())):
        yield from text_uses(f"/body/fields/{place}/name", each["name"])
        yield from text_uses(f"/body/fields/{place}/value", each.get("value", ""))
        if "file" in each:
            yield from uses(f"/body/fields/{place}/file", each["file"])


def _pairs(written: Sequence[Mapping[str, Any]] | None) -> tuple[Pair, ...]:
    return tuple((Template.parse(each["name"]), Template.parse(each.get("value", ""))) for each in written or ())


def _auth(written: Mapping[str, Any] | None) -> Auth | None:
    if written is None:
        return None
    header = written.get("header") or "authorization"
    return Auth(kind=written["kind"], secret=Template.parse(written["secret"]), header=header.lower())


def _body(written: Mapping[str, Any] | None) -> Body:
    if written is None:
        return Body()
    return Body(
        kind=written["kind"],
        text=Template.parse(written.get("text", "")),
        fields=tuple(
            Field(
                name=Template.parse(each["name"]),
                value=None if "file" in each else Template.parse(each.get("value", "")),
                file=Reference.parse(each["file"]) if "file" in each else None,
            )
            for each in written.get("fields", ())
        ),
        file=Reference.parse(written["file"]) if "file" in written else None,
    )


_SECONDS: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": 3_600}
_PAIRS: Final[Schema] = {
    "type": "array",
    "maxItems": MAX_FIELDS,
    "items": closed({"name": {**TEXT, "minLength": 1, "maxLength": 1_000}, "value": TEXT}, required=["name"]),
}
_FIELD: Final[Schema] = closed(
    {"name": {**TEXT, "minLength": 1, "maxLength": 1_000}, "value": TEXT, "file": REFERENCE}, required=["name"]
)
HTTP_SCHEMA: Final[Schema] = closed(
    {
        "method": {"enum": list(METHODS)},
        "url": {**TEXT, "minLength": 1, "maxLength": 10_000},
        "headers": _PAIRS,
        "params": _PAIRS,
        "auth": closed(
            {
                "kind": {"enum": ["basic", "bearer", "custom"]},
                "header": {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "maxLength": 100},
                "secret": {**TEXT, "minLength": 1},
            },
            required=["kind", "secret"],
        ),
        "body": closed(
            {
                "kind": {"enum": ["none", "json", "text", "form", "multipart", "binary"]},
                "text": TEXT,
                "fields": {"type": "array", "items": _FIELD, "maxItems": MAX_FIELDS},
                "file": REFERENCE,
            },
            required=["kind"],
        ),
        "timeouts": closed({"connect": _SECONDS, "read": _SECONDS, "write": _SECONDS}),
        "verify_tls": {"type": "boolean", "default": True},
        "fail_on_status": {"type": "boolean", "default": False},
    },
    required=["method", "url"],
)
