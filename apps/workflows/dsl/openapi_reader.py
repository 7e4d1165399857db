"""Reads an OpenAPI document (3.x, or Swagger 2.0) into the operations that can be called as tools.

References are followed inside the document only: nothing is fetched. What cannot be called (an operation that takes a
file, a parameter in a cookie) is left out and said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import jsonschema
from django.utils.translation import gettext as _

from apps.workflows.dsl import yaml_reader
from support.errors import InvalidInput

MAX_BYTES: Final = 5_000_000
MAX_OPERATIONS: Final = 500
MAX_DEPTH: Final = 12
MAX_SCHEMAS: Final = 3_000
BODY: Final = "body"
_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
_PLACES: Final = ("path", "query", "header")
_NOT_OURS: Final = frozenset({"accept", "content-type", "authorization"})
_BODIES: Final = ("application/json", "application/x-www-form-urlencoded", "text/plain")
#: The keywords that say something to a model or a validator; the rest of OpenAPI's own are dropped.
_KEPT: Final = frozenset(
    (
        *("type", "description", "title", "enum", "const", "default", "format", "minimum", "maximum", "multipleOf"),
        *("exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems"),
        *("properties", "required", "additionalProperties", "items", "allOf", "anyOf", "oneOf"),
    )
)


class BadOpenApi(InvalidInput):
    """The text is no OpenAPI document that can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApi:
    """What was understood of a document; `left_out` says what was not, and why."""

    title: str
    description: str
    base_url: str
    operations: list[dict[str, Any]]
    left_out: list[str] = field(default_factory=list)


def read_openapi(text: str, *, source_url: str = "") -> OpenApi:
    """The operations of a document in YAML or JSON. Raises BadOpenApi."""
    document = _parse(text)
    if "openapi" not in document and "swagger" not in document:
        raise BadOpenApi(_("This is no OpenAPI document: it has neither `openapi` nor `swagger`."))
    operations: list[dict[str, Any]] = []
    left_out: list[str] = []
    taken: set[str] = set()
    for path, method, shared, operation in _operations(document):
        where = f"{method.upper()} {path}"
        try:
            read = _Operation(document, path, method, shared, operation).read()
        except BadOpenApi as exc:
            left_out.append(f"{where}: {exc.message}")
            continue
        read["id"] = _free(read["id"], taken)
        operations.append(read)
        if len(operations) > MAX_OPERATIONS:
            raise BadOpenApi(_("The document has more than %s operations.") % MAX_OPERATIONS)
    if not operations:
        raise BadOpenApi(_("The document has no operation that can be called.") + " " + " ".join(left_out[:5]))
    written = document.get("info")
    info: Mapping[str, Any] = written if isinstance(written, dict) else {}
    return OpenApi(
        title=str(info.get("title") or "")[:200],
        description=str(info.get("description") or "")[:5_000],
        base_url=_base_url(document, source_url),
        operations=operations,
        left_out=left_out,
    )


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise BadOpenApi(_("The document is larger than %s bytes.") % f"{MAX_BYTES:,}")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml_reader.read(text)
    except Exception as exc:
        raise BadOpenApi(_("The document cannot be read: %s") % str(exc)[:300]) from exc
    if not isinstance(document, dict):
        raise BadOpenApi(_("The document is no object."))
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any], Mapping[str, Any]]]:
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict) or not str(path).startswith("/"):
            continue
        shared = item.get("parameters")
        for method in _METHODS:
            if isinstance(item.get(method), dict):
                yield str(path), method, shared if isinstance(shared, list) else [], item[method]


def _base_url(document: Mapping[str, Any], source_url: str) -> str:
    servers = document.get("servers")
    url = ""
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        url = str(servers[0].get("url") or "")
        variables = servers[0].get("variables")
        for name, variable in variables.items() if isinstance(variables, dict) else ():
            url = url.replace(f"{{{name}}}", str(variable.get("default", "") if isinstance(variable, dict) else ""))
    elif document.get("host"):
        schemes = document.get("schemes") or ["https"]
        scheme = "https" if "https" in schemes else schemes[0]
        url = f"{scheme}://{document['host']}{document.get('basePath') or ''}"
    url = urljoin(source_url, url) if source_url else url
    return url.rstrip("/") if urlsplit(url).scheme in ("http", "https") else ""


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name


class _Operation:
    """Reads one operation."""

    def __init__(
        self,
        document: Mapping[str, Any],
        path: str,
        method: str,
        shared: list[Any],
        operation: Mapping[str, Any],
    ) -> None:
        self._document = document
        self._path = path
        self._method = method
        self._shared = shared
        self._written = operation
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._schemas = 0

    def read(self) -> dict[str, Any]:
        """As it is stored."""
        parameters = [self._parameter(each) for each in self._parameters()]
        body = self._body()
        schema = {
            "type": "object",
            "properties": self._properties,
            "required": self._required,
            "additionalProperties": False,
        }
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as exc:
            raise BadOpenApi(_("its parameters are described wrongly: %s") % exc.message[:200]) from exc
        written = self._written
        own = str(written.get("operationId") or f"{self._method}{self._path}")
        return {
            "id": re.sub(r"[^A-Za-z0-9_.-]+", "_", own).strip("_")[:64] or self._method,
            "method": self._method.upper(),
            "path": self._path,
            "summary": str(written.get("summary") or "")[:200],
            "description": str(written.get("description") or written.get("summary") or "")[:2_000],
            "parameters": [each for each in parameters if each is not None],
            "body": body,
            "schema": schema,
        }

    def _parameters(self) -> Iterator[Mapping[str, Any]]:
        """The operation's own win over those of its path."""
        own = self._written.get("parameters")
        found: dict[tuple[Any, Any], Mapping[str, Any]] = {}
        for each in [*self._shared, *(own if isinstance(own, list) else [])]:
            parameter = self._resolve(each)
            if isinstance(parameter, Mapping) and parameter.get("name"):
                found[parameter["name"], parameter.get("in")] = parameter
        yield from found.values()

    def _parameter(self, parameter: Mapping[str, Any]) -> dict[str, Any] | None:
        name, place = str(parameter["name"])[:200], parameter.get("in")
        required = bool(parameter.get("required")) or place == "path"
        if place == "body" or place == "formData":
            return None  # Swagger 2.0: read with the body
        if place not in _PLACES or (place == "header" and name.lower() in _NOT_OURS):
            if required and name.lower() not in _NOT_OURS:
                raise BadOpenApi(_("it needs %(name)s in a %(place)s") % {"name": name, "place": place})
            return None
        # Swagger 2.0 writes the schema beside the name.
        schema = self._plain(parameter.get("schema") or _first_content(parameter) or parameter)
        key = self._add(name, schema, parameter.get("description"), required=required)
        return {"key": key, "name": name, "in": place}

    def _body(self) -> dict[str, Any] | None:
        if "swagger" in self._document:
            return self._old_body()
        body = self._resolve(self._written.get("requestBody"))
        content = body.get("content") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(content, Mapping) or not content:
            return None
        required = bool(body.get("required"))
        by_type = {str(each).partition(";")[0].strip().lower(): each for each in content}
        chosen = next((each for each in by_type if each in _BODIES or each.endswith("+json")), None)
        if chosen is None:
            if required:
                raise BadOpenApi(_("it takes a body of the type %s") % next(iter(by_type)))
            return None
        media = content[by_type[chosen]]
        schema = self._plain(media.get("schema") if isinstance(media, Mapping) else {})
        return self._described_body(schema, chosen, required=required, description=body.get("description"))

    def _old_body(self) -> dict[str, Any] | None:
        fields: dict[str, Any] = {}
        needed = []
        for parameter in self._parameters():
            if parameter.get("in") == "body":
                schema = self._plain(parameter.get("schema"))
                required = bool(parameter.get("required"))
                return self._described_body(
                    schema, "application/json", required=required, description=parameter.get("description")
                )
            if parameter.get("in") == "formData":
                if parameter.get("type") == "file":
                    raise BadOpenApi(_("it takes a file"))
                fields[str(parameter["name"])] = self._plain(parameter)
                needed += [str(parameter["name"])] if parameter.get("required") else []
        if not fields:
            return None
        schema = {"type": "object", "properties": fields, "required": needed}
        return self._described_body(schema, "application/x-www-form-urlencoded", required=bool(needed), description="")

    def _described_body(
        self, schema: dict[str, Any], media_type: str, *, required: bool, description: Any
    ) -> dict[str, Any]:
        """An object's keys become parameters; anything else is one parameter, `body`."""
        properties = schema.get("properties")
        if schema.get("type", "object") == "object" and isinstance(properties, dict) and properties:
            needed = schema.get("required") or ()
            keys = {
                name: self._add(name, each, None, required=required and name in needed)
                for name, each in properties.items()
            }
            return {"type": media_type, "required": required, "whole": False, "keys": keys}
        self._add(BODY, schema, description, required=required)
        return {"type": media_type, "required": required, "whole": True, "keys": {}}

    def _add(self, name: str, schema: dict[str, Any], description: Any, *, required: bool) -> str:
        """A parameter of the tool; one whose name is taken gets another."""
        key = _free(re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:64] or "value", set(self._properties))
        described = {**schema, "description": str(description)[:1_000]} if description else schema
        self._properties[key] = described
        if required:
            self._required.append(key)
        return key

    def _resolve(self, value: Any) -> Any:
        seen = 0
        while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            seen += 1
            if seen > MAX_DEPTH:
                raise BadOpenApi(_("its references go round in circles"))
            value = self._find(value["$ref"])
        return value

    def _find(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise BadOpenApi(_("it refers to another document (%s), which is not fetched") % reference[:100])
        value: Any = self._document
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(value, Mapping) or key not in value:
                raise BadOpenApi(_("it refers to %s, which is not there") % reference[:100])
            value = value[key]
        return value

    def _plain(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """A schema without references and without what only OpenAPI knows; cut where it is too deep."""
        self._schemas += 1
        if self._schemas > MAX_SCHEMAS:
            raise BadOpenApi(_("its parameters are described at too great length"))
        schema = self._resolve(schema)
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return {}
        plain: dict[str, Any] = {}
        for key, value in schema.items():
            if key not in _KEPT:
                continue
            if key == "properties":
                pairs = value.items() if isinstance(value, Mapping) else ()
                plain[key] = {str(name): self._plain(each, depth + 1) for name, each in pairs}
            elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
                plain[key] = self._plain(value, depth + 1)
            elif key in ("allOf", "anyOf", "oneOf"):
                plain[key] = [self._plain(each, depth + 1) for each in value] if isinstance(value, list) else []
            elif key == "required":
                if isinstance(value, list):
                    plain[key] = [str(name) for name in value]
            elif not (key.startswith("exclusive") and isinstance(value, bool)):
                plain[key] = value
        return _nullable(schema, {key: value for key, value in plain.items() if value != []})


def _nullable(schema: Mapping[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    kind = plain.get("type")
    if schema.get("nullable") is True and isinstance(kind, str):
        return {**plain, "type": [kind, "null"]}
    return plain


def _first_content(parameter: Mapping[str, Any]) -> Any:
    content = parameter.get("content")
    first = next(iter(content.values()), None) if isinstance(content, Mapping) else None
    return first.get("schema") if isinstance(first, Mapping) else None
