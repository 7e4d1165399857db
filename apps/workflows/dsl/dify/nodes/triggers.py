"""trigger-webhook and trigger-schedule: runs that begin by themselves."""

from __future__ import annotations

import re
from typing import Any, Final

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import bounded, filled, flag_at, list_at, number_at, object_at, text_at

_EVERY: Final = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}
_THEIRS: Final = {ours: theirs for theirs, ours in _EVERY.items()}
_TIME: Final = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*([AaPp][Mm])?\s*")


def _read_webhook(data: Data, here: Here) -> dict[str, Any]:
    config: dict[str, Any] = filled(
        method=text_at(data, "method").upper() or "POST",
        content_type=text_at(data, "content_type") or "application/json",
    )
    for key in ("headers", "params", "body"):
        declared = [
            filled(name=text_at(one, "name"), type=text_at(one, "type") or "string", required=flag_at(one, "required"))
            for one in list_at(data, key)
            if text_at(one, "name")
        ]
        if declared:
            config[key] = declared
    status, body = number_at(data, "status_code"), here.text(data.get("response_body"), "response_body")
    if status is not None or body:
        config["respond"] = filled(status=bounded(status, 200, 399, 200), body=body or None)
    if "async_mode" in data:
        config["async"] = flag_at(data, "async_mode")
    return config


def _write_webhook(config: Config, writing: Writing) -> dict[str, Any]:
    respond = object_at(config, "respond")
    data: dict[str, Any] = {
        "method": text_at(config, "method").upper(),
        "content_type": text_at(config, "content_type"),
        "webhook_url": "",
    }
    for key in ("headers", "params", "body"):
        data[key] = [
            {"name": text_at(one, "name"), "type": text_at(one, "type"), "required": flag_at(one, "required")}
            for one in list_at(config, key)
        ]
    if "status" in respond:
        data["status_code"] = respond["status"]
    if "body" in respond:
        data["response_body"] = writing.text(respond["body"])
    return data | ({"async_mode": config["async"]} if "async" in config else {})


def _read_schedule(data: Data, _here: Here) -> dict[str, Any]:
    zone = text_at(data, "timezone") or "UTC"
    cron = text_at(data, "cron_expression").strip()
    if cron and data.get("mode") != "visual":
        return {"cron": cron, "timezone": zone}
    every = _EVERY.get(text_at(data, "frequency"), "day")
    visual = object_at(data, "visual_config")
    hour, minute = _clock(text_at(visual, "time"))
    if every == "hour":
        return {"every": "hour", "minute": bounded(number_at(visual, "on_minute"), 0, 59, 0), "timezone": zone}
    return filled(
        every=every,
        at=f"{hour:02}:{minute:02}",
        weekdays=[day[:3].lower() for day in list_at(visual, "weekdays") if isinstance(day, str)] or None
        if every == "week"
        else None,
        days=[day for day in list_at(visual, "monthly_days") if isinstance(day, (int, str))] or None
        if every == "month"
        else None,
        timezone=zone,
    )


def _clock(text: str) -> tuple[int, int]:
    match = _TIME.fullmatch(text)
    if match is None:
        return 0, 0
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return min(hour, 23), min(minute, 59)


def _write_schedule(config: Config, _writing: Writing) -> dict[str, Any]:
    zone = text_at(config, "timezone") or "UTC"
    if "cron" in config:
        return {"mode": "cron", "cron_expression": text_at(config, "cron"), "timezone": zone}
    hour, minute = _clock(text_at(config, "at"))
    visual: dict[str, Any] = {"time": f"{hour % 12 or 12}:{minute:02} {'PM' if hour >= 12 else 'AM'}"}
    if "weekdays" in config:
        visual["weekdays"] = config["weekdays"]
    if "days" in config:
        visual["monthly_days"] = config["days"]
    if "minute" in config:
        visual = {"on_minute": config["minute"]}
    frequency = _THEIRS.get(text_at(config, "every"), "daily")
    return {"mode": "visual", "frequency": frequency, "visual_config": visual, "timezone": zone}


TRIGGER_WEBHOOK = Mapped(read=_read_webhook, write=_write_webhook)
TRIGGER_SCHEDULE = Mapped(read=_read_schedule, write=_write_schedule)
