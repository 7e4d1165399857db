"""The sidecar tests its own walls before it serves: point 50."""

from __future__ import annotations

import pytest

from tests.sandbox.attacks.trivial import answers_at_once
from tests.sandbox.sidecar_process import Sidecar, StartRefused, modes_here, running_sidecar

EX_CONFIG = 78
#: Appended to a copy of the policy: a filter that lets everything through, which nobody else would notice.
EVERYTHING_ALLOWED = """

def child_filter(*arguments: object, **more: object) -> bytes:
    import struct

    return struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)
"""


def test_the_probe_has_run_before_the_first_request(sidecar: Sidecar) -> None:
    probe = sidecar.health()["probe"]
    assert probe["ok"] is True
    assert probe["forbidden"] >= 10
    assert probe["checked_at"]
    assert answers_at_once(sidecar)


@pytest.mark.parametrize("mode", modes_here())
def test_a_filter_that_lets_a_forbidden_call_through_keeps_the_sidecar_from_serving(mode: str) -> None:
    with (
        pytest.raises(StartRefused) as refusal,
        running_sidecar(mode, changed={"sidecar/kernel/policy.py": EVERYTHING_ALLOWED}),
    ):
        pytest.fail("it serves")
    assert refusal.value.code == EX_CONFIG
    assert len(refusal.value.stderr.strip().splitlines()) >= 1


def test_below_its_floor_the_sidecar_refuses_to_start() -> None:
    with pytest.raises(StartRefused) as refusal, running_sidecar("landlock", "--floor", "root"):
        pytest.fail("it serves")
    assert refusal.value.code == EX_CONFIG
    assert "root" in refusal.value.stderr


def test_each_mode_says_what_it_is(sidecar: Sidecar) -> None:
    health = sidecar.health()
    assert health["mode"] == sidecar.mode
    assert health["status"] == "ok"
    assert f"mode={sidecar.mode}" in sidecar.ready_line
    expected = {"landlock", "no_new_privs", "rlimits", "fd_scrub", "seccomp", "system_call_watch", "capabilities"}
    if sidecar.mode != "landlock":
        expected |= {"pid_ns", "mount_ns", "net_ns", "ipc_ns", "uts_ns", "read_only_root"}
    active = {name for name, up in health["layers"].items() if up}
    assert expected <= active
    assert ("own_uid" in active) == (sidecar.mode == "root")
