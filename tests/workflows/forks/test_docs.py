"""The page about runs: its examples run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import httpx
import pytest

from apps.traces.recorder.observer import flush
from apps.workflows.management.commands.replay_runs import Command

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_the_examples_of_forks_do_what_the_page_says(server, make_app, key_of):
    headers = key_of(make_app(blocks("yaml")[0]))
    first = httpx.post(f"{server}/v1/workflows/run", json={"inputs": {}, "user": "ada"}, headers=headers, timeout=30)
    assert first.json().get("data", first.json())["outputs"] == {"greeted": "Ada"}, first.text
    url = f"{server}/v1/workflows/run/{first.json()['workflow_run_id']}/fork"
    bodies = [json.loads(text) for text in blocks("json")]
    replies = [httpx.post(url, json=body, headers=headers, timeout=30).json() for body in bodies]
    assert [reply.get("data", reply).get("outputs", reply) for reply in replies] == [
        {"greeted": "Grace"},
        {"greeted": "Alan"},
    ]
    assert flush(10)


def test_the_commands_of_the_page_are_understood():
    lines = [shlex.split(line) for text in blocks("sh") for line in text.splitlines()]
    assert len(lines) == 3
    for _, name, *arguments in lines:
        assert name == "replay_runs"
        Command().create_parser("manage.py", name).parse_args(arguments)
