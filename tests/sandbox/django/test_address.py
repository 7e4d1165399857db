"""Where the sandbox is: what may be written, and the short directory for a long path."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from apps.sandbox.address import parse_address
from console.embedded import children, sandbox
from console.embedded.datadir import DataDir
from console.embedded.errors import StartupError


@pytest.mark.parametrize(
    ("text", "base_url", "path"),
    [
        ("unix:/run/skep/sandbox.sock", "http://sandbox", "/run/skep/sandbox.sock"),
        ("unix:///run/it's 养蜂.sock", "http://sandbox", "/run/it's 养蜂.sock"),
        ("http://sandbox:8194/", "http://sandbox:8194", None),
        (" https://sandbox.example ", "https://sandbox.example", None),
    ],
)
def test_an_address_is_a_socket_or_a_url(text: str, base_url: str, path: str | None):
    found = parse_address(text)
    assert found is not None
    assert found.base_url == base_url
    assert found.socket == (Path(path) if path else None)


@pytest.mark.parametrize("text", ["", "off", "OFF", "  "])
def test_nothing_and_off_mean_none(text: str):
    assert parse_address(text) is None


@pytest.mark.parametrize(
    "text", ["unix:sandbox.sock", "sandbox:8194", "ftp://x", "http://", "http://key@host", "http://h/?k=1"]
)
def test_what_cannot_be_read_is_refused(text: str):
    with pytest.raises(ValueError, match="SANDBOX_URL"):
        parse_address(text)


def test_the_socket_lies_in_the_data_directory_where_its_path_is_short_enough():
    assert sandbox.socket_path(Path("/srv/skep")) == Path("/srv/skep/sandbox.sock")


def test_a_deep_data_directory_gets_a_short_private_one_and_the_same_each_time(tmp_path: Path):
    deep = tmp_path / ("养蜂" * 20)
    path = sandbox.socket_path(deep)
    try:
        assert len(os.fsencode(path)) <= sandbox.MAX_SOCKET_PATH
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert sandbox.socket_path(deep) == path
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        assert path.exists()
    finally:
        sandbox.forget(sandbox.Sidecar(path), DataDir(deep))
    assert not path.parent.exists()


def test_a_name_that_somebody_else_took_is_not_used(tmp_path: Path):
    deep = tmp_path / ("x" * 100)
    taken = sandbox.socket_path(deep).parent
    taken.chmod(0o777)
    try:
        other = sandbox.socket_path(deep).parent
        assert other != taken
        assert other.stat().st_mode & 0o777 == 0o700
        other.rmdir()
    finally:
        taken.rmdir()


def test_what_an_earlier_copy_left_is_cleared_away(tmp_path: Path):
    for name in ("sandbox.sock", "sandbox.sock.refused"):
        (tmp_path / name).touch()
    assert sandbox.plan(DataDir(tmp_path)).url == f"unix:{tmp_path}/sandbox.sock"
    assert list(tmp_path.iterdir()) == []


def test_a_floor_that_does_not_exist_is_named_before_anything_starts(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SANDBOX_FLOOR", "castle")
    with pytest.raises(StartupError, match="castle"):
        sandbox.plan(DataDir(tmp_path))


def test_the_sandbox_is_given_no_secret_of_ours(monkeypatch):
    for name in ("SECRET_KEY", "DATABASE_URL", "OPENAI_API_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SANDBOX_API_KEY", "0123456789abcdef")
    given = sandbox.environment()
    assert "secret" not in given.values()
    assert given["SANDBOX_API_KEY"] == "0123456789abcdef"


def test_starting_is_never_given_up_for_an_optional_child():
    child = children.Child(name="sandbox", argv=["x"], environment={}, directory=Path("/"), optional=True)
    assert not children.is_hopeless(child, quick_deaths=99, all_ready=False)
