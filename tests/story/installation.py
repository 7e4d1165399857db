"""A running installation as its owner starts it, and what one does with it from a shell."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from console.embedded import ports

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # a start takes seconds; this is for a machine that is busy with other things
OURS = ("DATABASE_URL", "REDIS_URL", "TRACES_DATABASE_URL", "SKEP_DATA_DIR", "DJANGO_SETTINGS_MODULE")
PROVIDERS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "MODEL_MAP")

Frame = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where it answers, and how to sign in."""

    base: str
    password: str
    user: str = "admin"

    @property
    def socket(self) -> str:
        """The base address for WebSockets."""
        return self.base.replace("http", "ws", 1)


@contextmanager
def running(data: Path) -> Iterator[Installation]:
    """`manage.py up` on an empty data directory, with everything that it starts; ended by Ctrl-C."""
    port = ports.choose()
    command = [sys.executable, "manage.py", "up", "--port", str(port), "--data-dir", str(data)]
    environment = {name: value for name, value in os.environ.items() if name not in (*OURS, *PROVIDERS)}
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(child, lines), daemon=True)
    reader.start()
    try:
        password = _wait_for(child, lines, r"^\s+Password\s+(\S+)")
        yield Installation(base=f"http://127.0.0.1:{port}", password=password)
    finally:
        child.send_signal(signal.SIGINT)
        code = child.wait(timeout=30)
        reader.join(timeout=10)
    assert code == 0, "".join(lines[-40:])


def _read(child: subprocess.Popen[bytes], lines: list[str]) -> None:
    assert child.stdout is not None
    with child.stdout as stream:
        for line in stream:
            lines.append(line.decode(errors="replace"))


def _wait_for(child: subprocess.Popen[bytes], lines: list[str], pattern: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while True:
        for line in lines:
            if found := re.search(pattern, line):
                return found[1]
        said = "".join(lines[-40:])
        assert child.poll() is None, f"it ended:\n{said}"
        assert time.monotonic() < deadline, f"no {pattern!r} in:\n{said}"
        time.sleep(0.05)


def curl(url: str, *, key: str, body: Frame | None = None, headers: tuple[str, ...] = ()) -> str:
    """What curl prints."""
    command = ["curl", "-sS", "-N", "--max-time", "30", url, "-H", f"Authorization: Bearer {key}"]
    for header in headers:
        command += ["-H", header]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
    done = subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    return done.stdout


def stream(url: str, *, key: str, body: Frame | None = None, headers: tuple[str, ...] = ()) -> list[Frame]:
    """The server-sent events that curl prints: each one's data, with its id as `event_id`."""
    frames: list[Frame] = []
    for block in curl(url, key=key, body=body, headers=headers).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if "data" in fields:
            frames.append({**json.loads(fields["data"]), "event_id": fields.get("id", "")})
    return frames


def ask_by_socket(installation: Installation, slug: str, *, key: str, query: str) -> list[Frame]:
    """A whole chat turn over WebSocket."""
    frames: list[Frame] = []
    headers = {"Authorization": f"Bearer {key}"}
    with connect(f"{installation.socket}/ws/apps/{slug}/", additional_headers=headers) as socket:
        socket.send(json.dumps({"type": "chat", "query": query, "inputs": {}, "user": "story"}))
        while not frames or frames[-1]["event"] not in ("workflow_finished", "error"):
            frames.append(json.loads(socket.recv(timeout=30)))
    return [frame for frame in frames if frame["event"] not in ("ready", "ping")]


def answer_of(frames: list[Frame]) -> str:
    """The text that somebody who followed the events has before the eyes."""
    text = ""
    for frame in frames:
        if frame["event"] == "message":
            text += frame["answer"]
        elif frame["event"] == "message_replace":
            text = frame["answer"]
    return text


def only(frames: list[Frame], event: str) -> Frame:
    """The one frame of this kind."""
    found = [frame for frame in frames if frame["event"] == event]
    assert len(found) == 1, [frame["event"] for frame in frames]
    return found[0]
