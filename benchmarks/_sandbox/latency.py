"""One run over HTTP, beside the cold interpreter that a sandbox without warm processes would start for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any

from _sandbox.figures import median, p95, spread
from _sandbox.sidecar import PYTHON, TRIVIAL_JAVASCRIPT, TRIVIAL_PYTHON, Client, Sidecar, run_request

#: Let what the last measurement left behind settle: its refill, or the exit of its process.
REST_S = 0.03
WARM_UP = 20
BURST = 200
JAVASCRIPT_BURST = 20


def python_latency(sidecar: Sidecar, *, rounds: int) -> dict[str, Any]:
    """Alternate runs and cold interpreters; then runs with no pause between them.

    The peer that the target names reads the .pth files of whatever is installed on the machine; the one without `site`
    does not, so that a full site-packages cannot flatter us.
    """
    request = run_request(TRIVIAL_PYTHON)
    for _ in range(WARM_UP):
        sidecar.client.timed_run(request)
    ours, cold, lean, coldest = [], [], [], []
    for _ in range(rounds):
        sidecar.wait_for_spares("base", least=1)
        time.sleep(REST_S)
        ours.append(sidecar.client.timed_run(request))
        time.sleep(REST_S)
        cold.append(timed_process([PYTHON, "-I", "-c", "import json"]))
        lean.append(timed_process([PYTHON, "-I", "-S", "-c", "import json"]))
        coldest.append(timed_process([PYTHON, "-I", "-S", "-c", "pass"]))
    burst = [sidecar.client.timed_run(request) for _ in range(BURST)]
    return {
        "median_ratio_to_cold": round(median(ours) / median(cold), 4),
        "p95_ratio_to_cold": round(p95(ours) / p95(cold), 4),
        "median_ratio_to_cold_without_site": round(median(ours) / median(lean), 4),
        "median_ratio_to_bare": round(median(ours) / median(coldest), 4),
        "run_ms": spread(ours),
        "back_to_back_ms": spread(burst),
        "python3 -I -c 'import json' ms": spread(cold),
        "python3 -I -S -c 'import json' ms": spread(lean),
        "python3 -I -S -c pass ms": spread(coldest),
        "paced": f"a run each time a warm process was ready and {REST_S * 1000:.0f} ms after the last peer had ended",
    }


def javascript_latency(sidecar: Sidecar, *, rounds: int) -> dict[str, Any]:
    """The same with Node.js, whose pool is refilled before each run; and without waiting for it."""
    node = shutil.which("node")
    if node is None:
        return {"not_measured": "there is no Node.js here"}
    request = run_request(TRIVIAL_JAVASCRIPT, language="javascript")
    full = sidecar.client.health()["profiles"]["javascript"]["spares"]
    ours, cold = [], []
    for _ in range(rounds):
        sidecar.wait_for_spares("javascript", least=full)
        time.sleep(REST_S)
        ours.append(sidecar.client.timed_run(request))
        sidecar.wait_for_spares("javascript", least=full)
        time.sleep(REST_S)
        cold.append(timed_process([node, "-e", ""]))
    burst = [sidecar.client.timed_run(request) for _ in range(JAVASCRIPT_BURST)]
    return {
        "median_ratio_to_cold": round(median(ours) / median(cold), 4),
        "p95_ratio_to_cold": round(p95(ours) / p95(cold), 4),
        "back_to_back_ratio_to_cold": round(median(burst) / median(cold), 4),
        "run_ms": spread(ours),
        "back_to_back_ms": spread(burst),
        "node -e '' ms": spread(cold),
        "paced": f"a run each time the pool of {full} one-shot processes was full again; back to back, each run waits "
        "for a Node.js that is only starting",
    }


def template_latency(sidecar: Sidecar, *, rounds: int) -> dict[str, Any]:
    """Render a template in the sandbox, in a cold interpreter, and in this very process, which is no isolation."""
    from jinja2.sandbox import SandboxedEnvironment

    source = "{% for row in rows %}{{ row.name|upper }}: {{ '%.2f' % row.price }}\n{% endfor %}"
    rows = [{"name": f"row {number}", "price": number / 3} for number in range(20)]
    request = run_request(source, inputs={"rows": rows}, profile="template")
    script = (
        "from jinja2.sandbox import SandboxedEnvironment as E; "
        f"E().from_string({source!r}).render(rows=[{{'name': str(n), 'price': n / 3}} for n in range(20)])"
    )
    import jinja2
    import markupsafe

    homes = {os.path.dirname(os.path.dirname(each.__file__)) for each in (jinja2, markupsafe)}
    cold_command = [PYTHON, "-I", "-c", f"import sys; sys.path[:0] = {sorted(homes)!r}; {script}"]
    ours, cold, inside_us = [], [], []
    expected = SandboxedEnvironment().from_string(source).render(rows=rows)
    if sidecar.client.run(request)["outputs"] != {"output": expected}:
        raise RuntimeError("the sandbox renders the template otherwise")
    for _ in range(rounds):
        sidecar.wait_for_spares("template", least=1)
        time.sleep(REST_S)
        ours.append(sidecar.client.timed_run(request))
        time.sleep(REST_S)
        cold.append(timed_process(cold_command))
        began = time.perf_counter()
        SandboxedEnvironment().from_string(source).render(rows=rows)
        inside_us.append((time.perf_counter() - began) * 1000)
    return {
        "median_ratio_to_cold": round(median(ours) / median(cold), 4),
        "run_ms": spread(ours),
        "cold interpreter with jinja2 ms": spread(cold),
        "jinja2 in this process ms": spread(inside_us),
    }


def floor_of_http(client: Client, *, rounds: int) -> dict[str, Any]:
    """What a request costs that runs nothing."""
    request = b"GET /nothing HTTP/1.1\r\nHost: bench\r\n\r\n"
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        client.exchange(request)
        times.append((time.perf_counter() - began) * 1000)
    return spread(times)


def timed_process(command: list[str]) -> float:
    """Milliseconds to start a process and see it end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"})
    return (time.perf_counter() - began) * 1000
