"""A function that computes, inside the sandbox and outside: whether isolation slows it down."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from _sandbox.figures import median, spread
from _sandbox.sidecar import PYTHON, Sidecar, run_request

#: Sieve, dictionaries, strings and floats; it times itself, so that neither start-up nor transport counts.
WORK = """
import time

def work():
    sieve = bytearray([1]) * 200_000
    for number in range(2, 448):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, 200_000, number)))
    words = {}
    for number in range(60_000):
        key = "k" + str(number % 997)
        words[key] = words.get(key, 0) + number * 0.5
    rows = sorted(((value, key) for key, value in words.items()), reverse=True)
    total = sum(x * x % 7 for x in range(200_000))
    return sum(sieve), rows[0][1], total

def main(a):
    wall, processor = time.perf_counter(), time.process_time()
    answer = [work() for _ in range(6)]
    return {
        "answer": answer,
        "wall_ms": (time.perf_counter() - wall) * 1000,
        "cpu_ms": (time.process_time() - processor) * 1000,
    }
"""


REST_S = 0.1


def run_inside(sidecar: Sidecar, request: bytes) -> dict[str, Any]:
    """Run it in the sandbox, once the pool has its spares again and is at rest."""
    sidecar.wait_for_spares("base", least=1)
    time.sleep(REST_S)
    outputs: dict[str, Any] = sidecar.client.run(request)["outputs"]
    return outputs


def run_outside(command: list[str]) -> dict[str, Any]:
    """Run it in an interpreter of its own."""
    time.sleep(REST_S)
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env={}).stdout)
    return answer


def compute_heavy(sidecar: Sidecar, *, rounds: int) -> dict[str, Any]:
    """Alternate inside and outside; the medians of what the function says of itself.

    Time on the wall is what the target means. Processor time tells a slower function from one that waited for a core.
    """
    outside = [PYTHON, "-I", "-c", f"{WORK}\nimport json\nprint(json.dumps(main(1)))"]
    request = run_request(WORK)
    inside_ms: dict[str, list[float]] = {"wall_ms": [], "cpu_ms": []}
    outside_ms: dict[str, list[float]] = {"wall_ms": [], "cpu_ms": []}
    for number in range(rounds):
        if number % 2:
            within, beside = run_inside(sidecar, request), run_outside(outside)
        else:
            beside, within = run_outside(outside), run_inside(sidecar, request)
        if within["answer"] != beside["answer"]:
            raise RuntimeError("the function answers otherwise inside")
        for name in inside_ms:
            inside_ms[name].append(within[name])
            outside_ms[name].append(beside[name])
    return {
        "wall_ratio": round(median(inside_ms["wall_ms"]) / median(outside_ms["wall_ms"]), 4),
        "cpu_ratio": round(median(inside_ms["cpu_ms"]) / median(outside_ms["cpu_ms"]), 4),
        "least_cpu_ratio": round(min(inside_ms["cpu_ms"]) / min(outside_ms["cpu_ms"]), 4),
        "inside": {name: spread(times) for name, times in inside_ms.items()},
        "outside": {name: spread(times) for name, times in outside_ms.items()},
        "load_average": round(os.getloadavg()[0], 2),
    }
