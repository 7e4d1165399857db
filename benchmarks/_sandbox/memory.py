"""What a sidecar that waits costs: memory that nobody else shares, by kind of process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from _sandbox.endurance import private_kb, zygotes
from _sandbox.sidecar import sidecar


def idle_memory() -> dict[str, Any]:
    """Start a sidecar with its defaults, let its pools fill, and add up; a profile at a time is told apart."""
    with sidecar() as whole:
        profiles = whole.client.health()["profiles"]
        for name, profile in profiles.items():
            if profile["state"] == "ready":
                whole.wait_for_spares(name, least=profile["spares"])
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


def seen(pid: int) -> int:
    """Private memory in kB; children are not dumpable, so only root may look."""
    found = private_kb(pid)
    if found is None:
        raise PermissionError("the private memory of the sandbox's children can be read by root only")
    return found


def kind_of(process: psutil.Process) -> str:
    """Node.js or Python."""
    return "javascript" if "node" in Path(process.exe()).name else "python"
