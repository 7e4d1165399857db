"""What a sidecar that waits costs: memory that nobody else shares, by kind of process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil

from _sandbox.endurance import private_kb, zygotes
from _sandbox.sidecar import Sidecar, sidecar

STEADY_S = 2.0


def idle_memory() -> dict[str, Any]:
    """Start a sidecar with its default number of spares, let its pools fill, and add up by kind of process."""
    with sidecar() as whole:
        wait_until_steady(whole)
        profiles = whole.client.health()["profiles"]
        supervisor = psutil.Process(whole.pid)
        kinds: dict[str, list[int]] = {"supervisor": [seen(whole.pid)]}
        for each in zygotes(supervisor):
            kinds.setdefault(f"{kind_of(each)} zygotes", []).append(seen(each.pid))
        lasting = {supervisor.pid, *(each.pid for each in zygotes(supervisor))}
        for each in supervisor.children(recursive=True):
            if each.pid not in lasting:
                kinds.setdefault(f"{kind_of(each)} spares", []).append(seen(each.pid))
    total = sum(sum(each) for each in kinds.values())
    own = sum(kinds["supervisor"])
    return {
        "private_mb": round((total - own) / 1024, 1),
        "private_with_supervisor_mb": round(total / 1024, 1),
        "by_kind": {
            name: {"processes": len(each), "private_mb": round(sum(each) / 1024, 1)} for name, each in kinds.items()
        },
        "profiles": {name: each["spares"] for name, each in profiles.items() if each["state"] == "ready"},
    }


def wait_until_steady(whole: Sidecar) -> None:
    """Wait until the pools have stopped growing."""
    spares: list[int] = []
    steady_since = time.monotonic()
    while time.monotonic() - steady_since < STEADY_S:
        now = [profile["spares"] for profile in whole.client.health()["profiles"].values()]
        if now != spares:
            spares, steady_since = now, time.monotonic()
        time.sleep(0.05)


def seen(pid: int) -> int:
    """Private memory in kB; children are not dumpable, so only root may look."""
    found = private_kb(pid)
    if found is None:
        raise PermissionError("smaps_rollup of a child")
    return found


def kind_of(process: psutil.Process) -> str:
    """Node.js or Python."""
    return "javascript" if "node" in Path(process.exe()).name else "python"
