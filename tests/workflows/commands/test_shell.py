"""import_app, run_app and create_key as processes: what they print and how they end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import ApiKey, Team
from apps.workflows.models import Application, Message, Run, Version
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.server import ROOT, child_environment
from tests.workflows.conftest import CHAT, WORKFLOW
from tests.workflows.talking import WORDS, ask, asking, eventually

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", *arguments]
    env = child_environment(**environment)
    return subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def manage(*arguments: str, **environment: str) -> tuple[int, list[str], str]:
    """Exit code, the lines of the output, and what was said beside it."""
    process = start(*arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.splitlines(), err


@pytest.fixture
def document(tmp_path: Path) -> Callable[[Any], str]:
    """Write a document to a file."""

    def write(content: Any, name: str = "app.yaml") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write


def test_each_import_is_a_new_app_unless_one_is_named_and_then_its_draft(team: Team, document: Any) -> None:
    code, out, _ = manage("import_app", document(CHAT), "--team", "bees")
    assert (code, json.loads(out[0])) == (0, {"app": "echo", "version": 1, "warnings": []})
    changed = document(CHAT.replace("You said", "You wrote"))
    code, out, _ = manage("import_app", changed)
    assert (code, json.loads(out[-1])) == (0, {"app": "echo-2", "version": 1, "warnings": []})
    code, out, _ = manage("import_app", changed, "--into", "echo")
    assert (code, json.loads(out[-1])) == (0, {"app": "echo", "version": 2, "warnings": []})
    app = Application.objects.get(slug="echo")
    assert app.live is not None
    assert app.draft is not None
    assert (app.team, app.live.number, app.draft.number) == (team, 1, 2)


def test_a_file_is_run_as_the_app_that_was_imported_from_it(team: Team, document: Any) -> None:
    for text, slugs in ((WORKFLOW, ["shout"]), (WORKFLOW, ["shout"]), (WORKFLOW + "  ", ["shout"])):
        assert manage("run_app", document(text), "--inputs", '{"word": "hey"}')[0] == 0
        assert list(Application.objects.values_list("slug", flat=True)) == slugs
    changed = document(WORKFLOW.replace("label: Word", "label: Say"))
    assert manage("run_app", changed, "--inputs", '{"word": "hey"}')[0] == 0
    assert set(Application.objects.values_list("slug", "live__number")) == {("shout", 1), ("shout-2", 1)}


def test_an_invalid_document_lists_all_its_errors_and_leaves_nothing(team: Team, document: Any) -> None:
    broken = yaml.safe_load(CHAT)
    broken["nodes"][1]["config"]["prompt"] = "no list"
    broken["nodes"][2]["config"]["text"] = "{{ nobody.text }}"
    broken["edges"].append({"from": "reply", "to": "nowhere"})
    code, out, _ = manage("import_app", document(broken))
    errors = json.loads(out[-1])["errors"]
    assert code == 2
    assert len(errors) >= 2
    assert all(set(error) == {"path", "code", "message"} and error["code"] and error["message"] for error in errors)
    assert any(error["path"].startswith("/nodes/1/config/prompt") for error in errors)
    assert not Application.objects.exists()
    assert not Version.objects.exists()


@pytest.mark.parametrize("text", ["", "][", "just text", "skep: 99", "a: &a [*a]"])
def test_what_is_no_document_ends_with_2_and_says_why(team: Team, document: Any, text: str) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("import_app", document(text), stdout=out)
    assert (ended.value.code, bool(json.loads(out.getvalue())["errors"])) == (2, True)


def test_files_and_teams_that_do_not_exist_are_named(team: Team, document: Any) -> None:
    for *arguments, name in (
        ["import_app", "/no/such/file.yaml", "no/such"],
        ["import_app", document(CHAT), "--team", "wasps", "wasps"],
        ["run_app", "no-such-app", "no-such-app"],
        ["run_app", "/no/such/file.yaml", "no/such"],
        ["create_key", "no-such-app", "no-such-app"],
        ["create_key", "dataset:none", "none"],
        ["create_key", "queue:none", "queue"],
    ):
        out = io.StringIO()
        with pytest.raises((CommandError, SystemExit)) as ended:
            call_command(*arguments, stdout=out)
        assert ended.value.returncode if isinstance(ended.value, CommandError) else ended.value.code
        assert name in out.getvalue() + str(ended.value)


def test_a_workflow_runs_in_the_foreground_with_its_events(team: Team, document: Any) -> None:
    inputs = json.dumps({"word": "hey", "loud": True})
    code, out, err = manage("run_app", document(WORKFLOW), "--inputs", inputs, "--events")
    assert code == 0, err
    *events, outcome = [json.loads(line) for line in out]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run_started"
    assert events[-1]["kind"] == "run_finished"
    assert (outcome["status"], outcome["outputs"], outcome["error"]) == ("succeeded", {"word": "hey"}, None)
    assert outcome["steps"] == 5
    assert set(outcome) == {"status", "outputs", "error", "elapsed", "steps", "usage"}
    run = Run.objects.get()
    assert (run.status, run.source) == ("succeeded", "shell")


@pytest.mark.parametrize("inputs", ["{}", '{"word": 7}', "[]", "{", '{"word": "x", "loud": "yes"}'])
def test_missing_and_wrong_inputs_end_with_2_and_start_nothing(team: Team, document: Any, inputs: str) -> None:
    out = io.StringIO()
    with pytest.raises((CommandError, SystemExit)) as ended:
        call_command("run_app", document(WORKFLOW), "--inputs", inputs, stdout=out)
    assert 2 in {getattr(ended.value, "returncode", 0), getattr(ended.value, "code", 0)}
    assert "--inputs" in str(ended.value) or json.loads(out.getvalue())["errors"]
    assert not Run.objects.exists()


def test_a_failed_run_ends_with_1_and_its_error(team: Team, document: Any) -> None:
    elsewhere = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "test-key"}
    code, out, _ = manage("run_app", document(asking()), "--query", "Hello", **elsewhere)
    outcome = json.loads(out[-1])
    assert (code, outcome["status"], outcome["error"]["code"]) == (1, "failed", "provider_unavailable")
    assert Message.objects.get().status == "error"


def test_ctrl_c_stops_the_run_and_prints_the_outcome(team: Team, document: Any) -> None:
    slow = Completion(" ".join(WORDS), pause=0.1)
    with OpenAIServer(default=slow).in_thread() as provider:
        env = {"OPENAI_BASE_URL": provider.base_url, "OPENAI_API_KEY": "test-key"}
        process = start("run_app", document(asking()), "--query", "Hello", "--events", **env)
        assert process.stdout is not None
        lines = []
        while not lines or '"answer_text"' not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    outcome = json.loads(out.splitlines()[-1])
    assert (process.returncode, outcome["status"]) == (1, "stopped")
    assert " ".join(WORDS).startswith(outcome["outputs"]["answer"])
    assert "Traceback" not in err
    run = eventually(lambda: Run.objects.exclude(status="running").first())
    assert (run.status, run.message.answer) == ("stopped", outcome["outputs"]["answer"])


def test_a_reader_who_leaves_early_does_not_end_the_run(team: Team, document: Any) -> None:
    with start("run_app", document(CHAT), "--query", "Hello", "--events") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert Run.objects.get().status == "succeeded"


def test_a_terminated_run_is_stopped_too(team: Team, document: Any) -> None:
    with OpenAIServer(default=Completion("never", hang_after=0)).in_thread() as provider:
        env = {"OPENAI_BASE_URL": provider.base_url, "OPENAI_API_KEY": "test-key"}
        process = start("run_app", document(asking()), "--query", "Hello", **env)
        eventually(lambda: provider.requests, within=30)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
    run = eventually(lambda: Run.objects.exclude(status="running").first())
    assert (process.returncode, run.status) == (1, "stopped")


def test_a_key_is_printed_once_and_opens_only_what_it_says(server: str, team: Team, make_app: Any) -> None:
    make_app()
    code, out, _ = manage("create_key", "echo", "--scopes", "chat", "--expires", "30d", "--name", "mine")
    assert (code, len(out)) == (0, 1)
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert (key.name, key.scopes) == ("mine", ["chat"])
    assert out[0] not in json.dumps(list(ApiKey.objects.values()), default=str)
    headers = {"Authorization": f"Bearer {out[0]}"}
    assert ask(server, headers, query="Hello").status_code == 200
    listed = httpx.get(f"{server}/v1/conversations", params={"user": "ada"}, headers=headers)
    assert listed.status_code == 403
    for arguments in (["--expires", "soon"], ["--scopes", "everything"]):
        with pytest.raises(CommandError):
            call_command("create_key", "echo", *arguments)


ASKS = """
skep: 1
app: {name: Ask first, kind: workflow}
nodes:
  - {id: start, type: start}
  - {id: ask, type: human-input, config: {form: "Go on?", actions: [{id: go, title: Go}]}}
  - {id: end, type: end, config: {outputs: {said: ask.action}}}
edges: [{from: start, to: ask}, {from: ask, to: end, when: go}]
"""


def test_a_run_that_waits_for_a_person_ends_the_command_with_3(team: Team, document: Any) -> None:
    code, out, _ = manage("run_app", document(ASKS), "--team", "bees")
    assert (code, json.loads(out[-1])["status"]) == (3, "paused")
    assert Run.objects.get().status == "paused"
