"""What `/health` says: what is active, what has been counted, and what was stopped lately."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any

from apps.sandbox.protocol import JAVASCRIPT_PROFILE, RunLimits
from apps.sandbox.sidecar.supervisor.line import State
from apps.sandbox.sidecar.supervisor.service import Sandbox


def state(sandbox: Sandbox) -> str:
    """Say in a word how it is: the only word that strangers get."""
    if sandbox.stopping:
        return "stopping"
    if not sandbox.ready:
        return "starting"
    return "degraded" if sandbox.config.without else "ok"


async def report(sandbox: Sandbox) -> dict[str, Any]:
    """Say everything that an operator may want to know; nothing of anybody's code, inputs or output."""
    config = sandbox.config
    shown = {
        "status": state(sandbox),
        "mode": sandbox.mode,
        "floor": config.floor,
        "layers": sandbox.layers(),
        "without": list(config.without),
        "languages": _languages(sandbox),
        "profiles": {name: line.as_json() for name, line in sandbox.lines.items()},
        "queue": sandbox.gate.as_json(),
        "concurrency": config.concurrency,
        "counters": sandbox.counters.as_json(),
        "latency_ms": sandbox.counters.latency.as_json(),
        "refusals": sandbox.counters.refusals(),
        "limits": {"maxima": asdict(config.maxima), "defaults": asdict(RunLimits())},
        "probe": _probe(sandbox),
        "versions": {"python": platform.python_version(), "kernel": platform.release(), "node": sandbox.node_version},
        "started_at": sandbox.started_at.isoformat(timespec="milliseconds"),
    }
    egress = await sandbox.egress_stats()
    return shown if egress is None else {**shown, "egress": egress}


def _languages(sandbox: Sandbox) -> dict[str, Any]:
    languages: dict[str, Any] = {"python3": {"version": platform.python_version()}}
    line = sandbox.lines.get(JAVASCRIPT_PROFILE)
    if line is not None and line.state is not State.FAILED and line.profile.reason is None:
        languages["javascript"] = {"version": sandbox.node_version}
    return languages


def _probe(sandbox: Sandbox) -> dict[str, Any]:
    probes = sandbox.probes.values()
    got_through = [name for report in probes for name in report.succeeded]
    return {
        "checked_at": max((each.checked_at.isoformat(timespec="seconds") for each in probes), default=None),
        "forbidden": sum(each.forbidden for each in probes),
        "succeeded": got_through,
        "ok": bool(probes) and not got_through,
    }
