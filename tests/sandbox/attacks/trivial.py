"""The run after an attack: nothing special, and it must work."""

from __future__ import annotations

import secrets

from tests.sandbox.sidecar_process import Sidecar

CODE = {
    "python3": "def main(text):\n    return {'text': text}",
    "javascript": "function main({text}) { return { text }; }",
}


def answers_at_once(sidecar: Sidecar, *, language: str = "python3") -> bool:
    """Run something trivial and compare what it answers."""
    text = secrets.token_hex(8)
    result = sidecar.run(CODE[language], language=language, inputs={"text": text}, limits={"wall_s": 10})
    assert result["status"] == "ok", result
    return bool(result["outputs"] == {"text": text} and not result["stdout"] and not result["stderr"])


def answers_again(sidecar: Sidecar, *, language: str = "python3") -> bool:
    """The same, where the sidecar may still be starting something again."""
    result = sidecar.run_when_up(CODE[language], language=language, inputs={"text": "again"})
    return bool(result["status"] == "ok" and result["outputs"] == {"text": "again"})
