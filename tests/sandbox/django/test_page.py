"""The page on which operators see how the sandbox is, and the probe and command that say the same."""

from __future__ import annotations

import copy
import json
import re

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from apps.sandbox.pages.histogram import histogram_of
from apps.sandbox.pages.words import LAYERS
from support.ids import uuid7

RUN = str(uuid7())
FACTS = {
    "status": "ok",
    "mode": "root",
    "floor": "landlock",
    "layers": dict.fromkeys(LAYERS, True),
    "languages": {"python3": {"version": "3.11.7"}, "javascript": {"version": "20.20.2"}},
    "profiles": {
        "base": {"state": "ready", "spares": 4, "running": 1, "runs": 1234, "generation": 1, "memory_mb": 256},
        "data": {"state": "off", "reason": "numpy and pandas are not installed", "spares": 0, "running": 0, "runs": 0},
    },
    "queue": {"waiting": 2, "running": 1, "bound": 64},
    "counters": {
        "runs": {"ok": 1200, "error": 30, "timeout": 4},
        "refused": 7,
        "rejected": 3,
        "recycled": 1,
        "zygote_restarts": 0,
    },
    "latency_ms": {"bounds": [1, 2, 5, 10], "counts": [0, 900, 300, 30, 4], "sum": 2468.0, "count": 1234},
    "refusals": [
        {
            "at": "2026-11-22T10:00:00+00:00",
            "run_id": f"{RUN}:code_1",
            "language": "python3",
            "profile": "base",
            "status": "killed",
            "system_call": "ptrace",
            "message": "ptrace is <script>not</script> allowed",
        }
    ],
    "limits": {
        "maxima": {"wall_s": 60.0, "memory_mb": 1024, "output_bytes": 4_194_304},
        "defaults": {"wall_s": 10.0, "memory_mb": None, "output_bytes": 262_144},
    },
    "probe": {"checked_at": "2026-11-22T09:00:00+00:00", "forbidden": 31, "ok": True},
    "versions": {"python": "3.11.7", "kernel": "6.18.1", "node": None},
    "started_at": "2026-11-22T09:00:00+00:00",
}
PAGE = "sandbox:health"


@pytest.fixture
def browse(client, superuser):
    client.force_login(superuser)

    def get(query: str = "") -> str:
        response = client.get(reverse(PAGE) + query)
        assert response.status_code == 200
        return response.content.decode()

    return get


def test_the_page_tells_of_every_layer_profile_and_number(browse, sandbox):
    sandbox(FACTS)
    page = browse()
    for name, what in LAYERS.values():
        assert escape(str(name)) in page
        assert escape(str(what)) in page
    for words in (
        "1,234",
        "numpy and pandas are not installed",
        "31 forbidden things",
        "3.11.7",
        "2 waiting",
        "1,024 MB",
        "10.0 s",
    ):
        assert words in page
    assert "Taken away:" not in page
    assert "ptrace</code>" in page
    assert f"/traces/trace/{RUN}/change/" in page
    assert "<script>not" not in page


def test_a_missing_layer_is_named_and_the_page_says_weakened(browse, sandbox):
    facts = copy.deepcopy(FACTS) | {"status": "degraded"}
    facts["layers"] |= {"landlock": False, "user_ns": False}
    facts["without"] = ["landlock"]
    sandbox(facts)
    page = browse()
    assert "Weakened" in page
    assert re.search(r"Taken away:\s*Landlock</p>", page)
    assert "not part of this mode" in page


def test_its_refresh_brings_the_body_alone(browse, sandbox):
    sandbox(FACTS)
    body = browse("?part=body")
    assert "<html" not in body
    assert "Profiles" in body


def test_without_a_sandbox_the_page_says_how_to_get_one(browse, settings):
    settings.SANDBOX_URL = ""
    page = browse()
    assert "How to get a sandbox" in page
    assert "apps.sandbox.sidecar" in page


def test_one_that_declined_gives_its_reason(browse, settings, tmp_path):
    settings.SANDBOX_URL = f"unix:{tmp_path}/sandbox.sock"
    (tmp_path / "sandbox.sock.refused").write_text("macOS has no <namespaces>")
    page = browse()
    assert "macOS has no &lt;namespaces&gt;" in page
    assert "How to get a sandbox" in page


def test_one_that_does_not_answer_is_told_from_one_that_is_off(browse, settings, tmp_path):
    settings.SANDBOX_URL = f"unix:{tmp_path}/sandbox.sock"
    page = browse()
    assert "Not reachable" in page
    assert "How to get a sandbox" not in page


def test_a_refused_key_is_named(browse, sandbox):
    sandbox({"status": "ok"})
    assert "Key refused" in browse()


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": {"new_wall": True, "landlock": "yes"}},
        {"profiles": {"base": None, "<b>": {"state": 7, "spares": None}}},
        {"latency_ms": {"bounds": "x", "counts": None}, "queue": [], "counters": {"runs": {"ok": "many"}}},
        {"refusals": [1, {"at": "never"}, {"at": 1e300, "status": None}], "started_at": None, "probe": None},
        {"languages": {"python3": "3.11"}, "limits": {"maxima": {"wall_s": "x"}, "defaults": 3}, "mode": 5},
    ],
)
def test_a_sandbox_of_another_version_does_not_break_the_page(browse, sandbox, changes):
    sandbox({**FACTS, **changes})
    assert "Isolation" in browse()


def test_columns_stand_for_their_runs():
    drawn = histogram_of(FACTS["latency_ms"])
    assert drawn is not None
    assert [(column.from_ms, column.to_ms, column.runs) for column in drawn.columns] == [
        (0.0, 1, 0),
        (1, 2, 900),
        (2, 5, 300),
        (5, 10, 30),
        (10, None, 4),
    ]
    assert drawn.columns[1].height == "100"
    assert (drawn.p50_ms, drawn.p95_ms, drawn.p99_ms) == (2, 5, 10)
    slow = histogram_of({"bounds": [1], "counts": [1, 99], "sum": 1, "count": 100})
    assert slow is not None
    assert (slow.p50_ms, slow.longest_ms) == (None, 1)


@pytest.mark.parametrize(
    "latency", [{}, {"bounds": [1], "counts": [1]}, {"bounds": [1], "counts": [0, 0]}, {"bounds": []}]
)
def test_without_runs_nothing_is_drawn(latency):
    assert histogram_of(latency) is None


def test_strangers_are_sent_to_the_sign_in_and_people_without_the_right_are_refused(client, team):
    assert client.get(reverse(PAGE)).status_code == 302
    client.force_login(User.objects.create_user(username="nina", password="a long enough password", is_staff=True))
    assert client.get(reverse(PAGE)).status_code == 403


@pytest.fixture
def ready(client, db):
    def ask() -> tuple[int, str, str]:
        response = client.get("/health/ready")
        body = response.json()
        return response.status_code, body["status"], body["checks"]["sandbox"]

    return ask


def test_readiness_does_not_depend_on_the_sandbox_and_tells_of_it(ready, settings, tmp_path, sandbox):
    settings.SANDBOX_URL = ""
    assert ready() == (200, "ok", "off")
    settings.SANDBOX_URL = f"unix:{tmp_path}/elsewhere.sock"
    assert ready() == (200, "degraded", "unreachable")
    sandbox(FACTS)
    assert ready() == (200, "ok", "ok")


def test_readiness_gives_strangers_the_state_and_no_path(client, db, settings, tmp_path):
    settings.SANDBOX_URL = f"unix:{tmp_path}/sandbox.sock"
    (tmp_path / "sandbox.sock.refused").write_text("kernel 3.10 at /somewhere")
    body = client.get("/health/ready").content.decode()
    assert '"sandbox": "off"' in body
    assert "3.10" not in body
    assert str(tmp_path) not in body


def test_the_command_prints_the_state_and_ends_with_1_unless_it_is_well(sandbox, settings, capsys):
    settings.SANDBOX_URL = ""
    with pytest.raises(SystemExit) as ended:
        call_command("sandbox", "status")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["state"] == "off"
    sandbox(FACTS)
    call_command("sandbox", "status")
    assert json.loads(capsys.readouterr().out)["mode"] == "root"
