"""How long `manage.py up` takes to be ready, the first time and after, and what it costs to let it stand idle.

    python benchmarks/first_run.py [--idle-seconds 20] [--no-demo]

Prints JSON. Each figure stands beside its target; `ratio` is figure / target, so up to 1.0 is within it.
RSS counts shared pages once for every process; PSS shares them out and is what the machine really gives.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {
    "first_start_s": 15.0,
    "second_start_s": 8.0,
    "stop_s": 6.0,
    "rss_mb": 900.0,
    "idle_cpu_percent": 3.0,
}
OURS = ("DATABASE_URL", "REDIS_URL", "TRACES_DATABASE_URL", "SKEP_DATA_DIR", "DJANGO_SETTINGS_MODULE")
READY = "Skep is ready"
SETTLE_SECONDS = 15
MEGABYTE = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle-seconds", type=float, default=20)
    parser.add_argument("--no-demo", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skep-first-run-") as folder:
        arguments = ["--port", "0", "--data-dir", f"{folder}/data"] + ["--no-demo"] * options.no_demo
        log = Path(folder) / "output"
        process, first = start(arguments, log=log)
        first_stop = stop(process)
        process, second = start(arguments, log=log)
        time.sleep(SETTLE_SECONDS)
        idle = cpu_percent(process, seconds=options.idle_seconds)
        memory = resident(process)
        stopping = stop(process)
    figures = {
        "first_start_s": first,
        "second_start_s": second,
        "stop_s": max(stopping, first_stop),
        "rss_mb": sum(one["rss_mb"] for one in memory),
        "idle_cpu_percent": idle,
    }
    print(json.dumps(report(figures, memory=memory), indent=2))


def report(figures: dict[str, float], *, memory: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures beside their targets, and where the memory is."""
    compared = {
        name: {"figure": round(figure, 2), "target": TARGETS[name], "ratio": round(figure / TARGETS[name], 2)}
        for name, figure in figures.items()
    }
    return {
        "benchmark": "first_run",
        "load_average": os.getloadavg()[0],
        "cpus": os.cpu_count(),
        "results": compared,
        "pss_mb": round(sum(one["pss_mb"] for one in memory), 1),
        "processes": memory,
    }


def start(arguments: list[str], *, log: Path) -> tuple[psutil.Popen, float]:
    """Start a copy; return it and the seconds until it said that it is ready."""
    began = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    while READY not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() - began > 180:
            process.send_signal(signal.SIGTERM)
            raise SystemExit(f"it did not become ready:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)
    return process, time.monotonic() - began


def stop(process: psutil.Popen) -> float:
    """Stop it as Ctrl-C does; return the seconds that took."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    return time.monotonic() - began


def tree(process: psutil.Popen) -> list[psutil.Process]:
    top = psutil.Process(process.pid)
    return [top, *top.children(recursive=True)]


def cpu_percent(process: psutil.Popen, *, seconds: float) -> float:
    """Processor time of the whole tree, as a share of one core."""

    def spent() -> float:
        times = [one.cpu_times() for one in tree(process)]
        return sum(one.user + one.system for one in times)

    before = spent()
    time.sleep(seconds)
    return 100 * (spent() - before) / seconds


def resident(process: psutil.Popen) -> list[dict[str, Any]]:
    """Memory of each process of the tree."""
    found = []
    for one in tree(process):
        memory = one.memory_full_info()
        found.append(
            {
                "process": name_of(one),
                "rss_mb": round(memory.rss / MEGABYTE, 1),
                "pss_mb": round(getattr(memory, "pss", memory.uss) / MEGABYTE, 1),
            }
        )
    return found


def name_of(process: psutil.Process) -> str:
    """What the process is, short."""
    line = process.cmdline()
    modules = [following for flag, following in itertools.pairwise(line) if flag == "-m"]
    return modules[0] if modules else " ".join(line)[:60].replace(str(ROOT), "").strip() or process.name()


if __name__ == "__main__":
    main()
