"""Landlock, capabilities and namespaces, on this kernel and as far as it has them."""

import os

import pytest

from apps.sandbox.sidecar.kernel import landlock
from tests.sandbox.kernel.confined import ran

PROGRAM = "boundary_cases.py"
needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="no Landlock in this kernel")


def test_each_version_of_landlock_handles_what_it_knows() -> None:
    rights = {version: landlock.handled(version) for version in range(1, 8)}
    assert [rights[version].files.bit_length() for version in range(1, 8)] == [13, 14, 15, 15, 16, 16, 16]
    assert all(right.files == (1 << right.files.bit_length()) - 1 for right in rights.values())
    assert [rights[version].network for version in range(1, 8)] == [0, 0, 0, 3, 3, 3, 3]
    assert [rights[version].scopes for version in range(1, 8)] == [0, 0, 0, 0, 0, 3, 3]
    assert [rights[version].size for version in range(1, 8)] == [8, 8, 8, 16, 16, 24, 24]


@needs_landlock
def test_landlock_opens_what_is_granted_and_nothing_else_under_each_version() -> None:
    answers = ran(PROGRAM, "landlocked")
    assert answers
    for version, answer in ((int(key), value["said"]) for key, value in answers.items()):
        assert answer == {
            "read": "done",
            "list": "done",
            "read the single file": "done",
            "read outside": "EACCES",
            "list outside": "EACCES",
            "write inside": "EACCES",
            "make inside": "EACCES",
            "truncate inside": "EACCES" if version >= 3 else "done",
            "execute": "ENOENT",
            "execute what may be read": "EACCES",
            "connect": "done",
            "connect elsewhere": "EACCES" if version >= 4 else "done",
            "bind": "EACCES" if version >= 4 else "done",
            "signal the parent": "EPERM" if version >= 6 else "done",
        }


@needs_landlock
def test_a_child_in_a_domain_of_its_own_reaches_no_sibling() -> None:
    said = ran(PROGRAM, "siblings")["said"]
    assert said["known"] is (landlock.abi() >= 6)
    assert said["before"] == "done"
    assert said["after"] == ("EPERM" if said["known"] else "done")


@pytest.mark.parametrize("version", [0, 3])
def test_a_rule_that_the_kernel_cannot_keep_is_an_error(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: version)
    with pytest.raises(OSError, match="landlock"):
        landlock.prepare(connect_ports=[80])
    assert landlock.isolation() is None


@needs_landlock
def test_a_ruleset_that_names_a_missing_path_leaves_no_descriptor_behind() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        landlock.prepare(read=["/usr", "/there/is/no/such/place"])
    assert os.listdir("/proc/self/fd") == before


def test_capabilities_that_are_gone_stay_gone() -> None:
    answer = ran(PROGRAM, "powerless")
    if "skip" in answer:
        pytest.skip(answer["skip"])
    assert answer == {
        "full": [True, True, False],
        "some": [True, 1 << 5, False],
        "none": [False, 0, True],
        "regained": "EPERM",
        "hostname": "EPERM",
    }


def test_a_staged_process_sees_its_own_root_and_forks_into_fresh_pid_namespaces() -> None:
    answer = ran(PROGRAM, "staged")
    if "skip" in answer:
        pytest.skip(answer["skip"])
    said = answer["said"]
    os.rmdir(said.pop("folder"))
    assert said == {
        "root": ["old", "usr"],
        "name": "sandbox",
        "pid": 1,
        "write": "EROFS",
        "write to the bind": "EROFS",
        "refused mount names its place": "[Errno 2] mount: No such file or directory (none on /nowhere)",
        "children": [{"said": 1, "ended": 0, "held": []}] * 2,
    }


def test_attributes_of_a_process_are_set() -> None:
    assert ran(PROGRAM, "descriptors") == {
        "closed": "EBADF",
        "again": "EBADF",
        "dumpable": 0,
        "no new privileges": [0, 1],
    }
