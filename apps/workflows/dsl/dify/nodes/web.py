"""http-request: lines of headers and parameters, authorization, bodies in both shapes."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import filled, flag_at, list_at, number_at, object_at, text_at

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_KINDS: Final = {
    "json": "json",
    "raw-text": "text",
    "x-www-form-urlencoded": "form",
    "form-data": "multipart",
    "binary": "binary",
}
_THEIR_KINDS: Final = {ours: theirs for theirs, ours in _KINDS.items()}
_TIMES: Final = ("connect", "read", "write")
#: Notes a body that is one text and no list of parts, for the way back.
ONE_TEXT: Final = "x-one-text"


def _read(data: Data, here: Here) -> dict[str, Any]:
    method = text_at(data, "method").upper() or "GET"
    if method not in _METHODS:
        raise NoCounterpart(_("There is no method %s.") % repr(method[:60]))
    config: dict[str, Any] = {"method": method, "url": here.text(data.get("url"), "url")}
    for key in ("headers", "params"):
        pairs = _read_lines(data, key, here)
        if pairs:
            config[key] = pairs
    config |= filled(auth=_read_auth(data, here), body=_read_body(data, here))
    timeouts = {name: int(seconds) for name in _TIMES if (seconds := number_at(data, "timeout", name)) and seconds >= 1}
    if timeouts:
        config["timeouts"] = timeouts
    if data.get("ssl_verify") is False:
        config["verify_tls"] = False
    if data.get("error_strategy") in ("fail-branch", "default-value") or flag_at(data, "retry_config", "retry_enabled"):
        # Only then does Dify take an answer like 404 for a failure.
        config["fail_on_status"] = True
    return config


def _read_lines(data: Data, key: str, here: Here) -> list[dict[str, str]]:
    pairs = []
    for line in text_at(data, key).splitlines():
        name, _colon, value = line.partition(":")
        if name.strip():
            pairs.append({"name": here.text(name.strip(), key), "value": here.text(value.strip(), key)})
    return pairs


def _read_auth(data: Data, here: Here) -> dict[str, Any] | None:
    if text_at(data, "authorization", "type") != "api-key":
        return None
    settings = object_at(data, "authorization", "config")
    kind = text_at(settings, "type")
    kind = kind if kind in ("basic", "bearer", "custom") else "bearer"
    secret = here.text(settings.get("api_key"), "authorization", "config", "api_key")
    header = text_at(settings, "header") if kind == "custom" else ""
    return filled(kind=kind, header=header or ("Authorization" if kind == "custom" else None), secret=secret)


def _read_body(data: Data, here: Here) -> dict[str, Any] | None:
    body = object_at(data, "body")
    kind = _KINDS.get(text_at(body, "type"))
    if kind is None:
        return None
    parts = body.get("data")
    if isinstance(parts, str):
        if kind in ("form", "multipart"):
            fields = [
                {"name": one["name"], "value": one["value"]} for one in _read_lines({"body": parts}, "body", here)
            ]
            return {"kind": kind, "fields": fields, ONE_TEXT: True}
        return {"kind": kind, "text": here.text(parts, "body", "data"), ONE_TEXT: True}
    parts = [part for part in list_at(body, "data") if isinstance(part, dict)]
    if kind in ("form", "multipart"):
        return {"kind": kind, "fields": [_read_field(part, here, place) for place, part in enumerate(parts)]}
    first = parts[0] if parts else {}
    if kind == "binary":
        return {"kind": kind, "file": here.reference(first.get("file"), "body", "data", 0, "file")}
    return {"kind": kind, "text": here.text(first.get("value"), "body", "data", 0, "value")}


def _read_field(part: dict[str, Any], here: Here, place: int) -> dict[str, Any]:
    at = ("body", "data", place)
    name = here.text(part.get("key"), *at, "key")
    if part.get("type") == "file":
        return {"name": name, "file": here.reference(part.get("file"), *at, "file")}
    return {"name": name, "value": here.text(part.get("value"), *at, "value")}


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    data = {
        "method": text_at(config, "method").lower(),
        "url": writing.text(config.get("url")),
        "headers": _write_lines(config.get("headers"), writing),
        "params": _write_lines(config.get("params"), writing),
        "authorization": _write_auth(object_at(config, "auth"), writing),
        "body": _write_body(object_at(config, "body"), writing),
        "timeout": object_at(config, "timeouts"),
        "variables": [],
    }
    return data | ({"ssl_verify": False} if config.get("verify_tls") is False else {})


def _write_lines(pairs: Any, writing: Writing) -> str:
    pairs = pairs if isinstance(pairs, list) else []
    return "\n".join(f"{writing.text(text_at(one, 'name'))}:{writing.text(text_at(one, 'value'))}" for one in pairs)


def _write_auth(auth: dict[str, Any], writing: Writing) -> dict[str, Any]:
    if not auth:
        return {"type": "no-auth", "config": None}
    settings = {"type": text_at(auth, "kind"), "api_key": writing.text(auth.get("secret"))}
    return {"type": "api-key", "config": settings | filled(header=auth.get("header"))}


def _write_body(body: dict[str, Any], writing: Writing) -> dict[str, Any]:
    kind = text_at(body, "kind") or "none"
    fields = [one for one in list_at(body, "fields") if isinstance(one, dict)]
    if body.get(ONE_TEXT) is True:
        text = _write_lines(fields, writing) if "fields" in body else writing.text(body.get("text"))
        return {"type": _THEIR_KINDS.get(kind, "none"), "data": text}
    data: list[dict[str, Any]] = []
    if "fields" in body:
        data = [_write_field(one, writing) for one in fields]
    elif "file" in body:
        data = [{"type": "file", "key": "", "file": writing.selector(body["file"])}]
    elif "text" in body:
        data = [{"type": "text", "key": "", "value": writing.text(body["text"])}]
    return {"type": _THEIR_KINDS.get(kind, "none"), "data": data}


def _write_field(one: dict[str, Any], writing: Writing) -> dict[str, Any]:
    key = writing.text(text_at(one, "name"))
    if "file" in one:
        return {"type": "file", "key": key, "file": writing.selector(one["file"])}
    return {"type": "text", "key": key, "value": writing.text(text_at(one, "value"))}


HTTP_REQUEST = Mapped(read=_read, write=_write)
