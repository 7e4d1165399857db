"""Finding out what an installation of Node.js consists of, and hearing what it says when it dies."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from apps.sandbox.sidecar.zygote import node_files
from apps.sandbox.sidecar.zygote.control import Spawn, Stage
from apps.sandbox.sidecar.zygote.last_words import LastWords
from apps.sandbox.sidecar.zygote.node_child import NodeGuest, arguments, environment
from apps.sandbox.sidecar.zygote.preload import PreloadFailed


def test_an_installation_names_its_program_its_loader_and_its_libraries(node: str) -> None:
    found = node_files.find(node)
    assert int(found.version.split(".")[0]) >= node_files.OLDEST
    assert os.access(found.program, os.X_OK)
    assert found.loader is None or os.access(found.loader, os.X_OK)
    assert all(Path(library).is_file() for library in found.libraries)
    assert found.data_bytes > 1 << 20


def test_a_symbolic_link_leads_to_the_program_itself(node: str, tmp_path: Path) -> None:
    link = tmp_path / "node"
    link.symlink_to(node)
    assert node_files.find(str(link)).program == str(Path(node).resolve())


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with 3"),
        ("echo not json", "did not answer"),
        ('echo \'{"version": "20.1.0"}\'', "did not answer"),
        (
            'echo \'{"version": "16.20.0", "program": "/bin/sh", "libraries": [], "data": "9"}\'',
            "18 is the oldest",
        ),
    ],
)
def test_what_is_no_node_that_can_be_used_is_refused_with_the_reason(tmp_path: Path, script: str, reason: str) -> None:
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(node_files.NodeUnusable, match=reason):
        node_files.find(str(program))


def test_a_profile_without_node_says_so(tmp_path: Path) -> None:
    for node in (None, str(tmp_path / "missing")):
        with pytest.raises(PreloadFailed, match=r"no Node|no program"):
            NodeGuest(Stage(profile="javascript", mode="root", language="javascript", node=node)).shown()


def test_only_the_program_and_its_loader_may_be_executed(node: str) -> None:
    guest = NodeGuest(Stage(profile="javascript", mode="root", language="javascript", node=node))
    shown = guest.shown()
    assert {Path(path).resolve() for path in shown.execute} == {
        Path(path).resolve() for path in (node, node_files.find(node).loader) if path
    }
    assert not any(path.startswith(("/etc/passwd", "/home", "/root")) for path in shown.read)


def test_the_heaps_limit_comes_before_the_kernels(node: str) -> None:
    guest = NodeGuest(Stage(profile="javascript", mode="root", language="javascript", node=node))
    guest.shown()
    for memory_mb in (32, 256, 1024):
        limits = guest.limits(Spawn(id=1, slot=0, memory_mb=memory_mb, cpu_s=1), baseline=0)
        command = arguments(node=node, runner="/runner.js", memory_mb=memory_mb)
        heap_mb = next(int(word.split("=")[1]) for word in command if word.startswith("--max-old-space-size="))
        assert heap_mb << 20 < memory_mb << 20 < limits[resource.RLIMIT_DATA]


def test_the_environment_says_nothing_of_the_machine() -> None:
    assert set(environment()) == {"UV_THREADPOOL_SIZE", "UV_USE_IO_URING", "MALLOC_ARENA_MAX"}


def test_the_telling_phrase_is_heard_among_many() -> None:
    words = LastWords()
    os.write(words.writable, b"<--- Last few GCs --->\n\n[1:0x1] 40 ms: Mark-Compact\n")
    os.write(words.writable, b"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n")
    os.write(words.writable, b"----- Native stack trace -----\n\n 1: 0xb0 node::Abort() [node]\n")
    words.forked()
    assert words.hear() == "out of memory"


def test_silence_and_noise_are_heard_without_waiting() -> None:
    silent, loud = LastWords(), LastWords()
    assert silent.hear() is None
    written = os.write(loud.writable, b"\xff" * 100_000)
    assert 0 < written < 100_000
    with pytest.raises(BlockingIOError):
        os.write(loud.writable, b"more")
    assert loud.hear() is None
    for words in (silent, loud):
        words.forked()
