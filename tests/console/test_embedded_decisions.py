"""The decisions behind `up`, which need no process to be tried."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from console.embedded import children, console_log, identity, roster
from console.embedded.children import Child
from console.embedded.datadir import DataDir, kept_secret, read_json, write_private
from console.embedded.errors import DataDirLocked, StartupError
from console.embedded.locks import hold
from console.embedded.prepared import fingerprint, is_prepared, note_prepared

SERVICE = Child(name="web", argv=["true"], environment={}, directory=Path("/"))
JOB = replace(SERVICE, name="prepare", once=True)


def test_a_child_is_due_when_everything_it_waits_for_is_known():
    worker = replace(SERVICE, name="worker", after=frozenset({"migrated", "redis"}))
    assert children.due([SERVICE, worker], facts={"redis"}, started=set()) == [SERVICE]
    assert children.due([SERVICE, worker], facts={"redis", "migrated"}, started={"web"}) == [worker]


def test_the_pause_before_a_restart_doubles_and_has_a_limit():
    assert [children.restart_delay(deaths) for deaths in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert children.restart_delay(50) == children.SLOWEST_RESTART


def test_a_child_that_ran_steadily_is_forgiven_its_earlier_deaths():
    assert children.count_death(4, ran_for=2.0) == 5
    assert children.count_death(4, ran_for=children.STEADY_AFTER) == 1


def test_starting_is_given_up_for_a_failed_job_or_after_too_many_deaths_but_never_once_ready():
    assert children.is_hopeless(JOB, quick_deaths=1, all_ready=False)
    assert not children.is_hopeless(SERVICE, quick_deaths=children.TRIES_BEFORE_READY - 1, all_ready=False)
    assert children.is_hopeless(SERVICE, quick_deaths=children.TRIES_BEFORE_READY, all_ready=False)
    assert not children.is_hopeless(SERVICE, quick_deaths=99, all_ready=True)


def test_an_end_is_told_in_words():
    assert children.how_it_ended(3) == "ended with code 3"
    assert children.how_it_ended(-9) == "was killed by SIGKILL"


def test_root_steps_aside_for_postgresql_and_others_do_not():
    choose = identity.choose_identity
    assert choose(is_root=False, namespaces_work=False, unprivileged=None) == identity.Ourselves()
    assert choose(is_root=True, namespaces_work=True, unprivileged=None) == identity.InUserNamespace()
    other = choose(is_root=True, namespaces_work=False, unprivileged=(65534, 65533))
    assert other == identity.OtherUser(uid=65534, gid=65533)
    with pytest.raises(StartupError, match="ordinary user"):
        choose(is_root=True, namespaces_work=False, unprivileged=None)


@pytest.mark.parametrize("cut", range(12))
def test_lines_survive_any_cut(cut: int):
    stream, splitter = b"one\r\ntwo\nrest", console_log.LineSplitter()
    lines = splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) + splitter.finish()
    assert lines == [b"one", b"two", b"rest"]


def test_a_line_that_never_ends_is_cut_instead_of_eating_memory():
    splitter = console_log.LineSplitter()
    lines = splitter.feed(b"x" * (3 * console_log.LONGEST_LINE))
    assert {len(line) for line in lines} == {console_log.LONGEST_LINE}
    assert len(splitter.rest) <= console_log.LONGEST_LINE


def test_a_log_file_is_put_aside_when_it_has_grown(tmp_path: Path):
    log = console_log.LogFile(tmp_path / "web.log", max_bytes=20)
    for number in range(4):
        log.write(b"line %d ...." % number)
    log.close()
    assert (tmp_path / "web.log").read_bytes() == b"line 3 ....\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"line 2 ....\n"


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path):
    made = kept_secret(tmp_path / "key")
    assert kept_secret(tmp_path / "key") == made
    assert len(made) >= 40
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_note_is_taken_for_none(tmp_path: Path):
    write_private(tmp_path / "ports.json", "{half")
    assert read_json(tmp_path / "ports.json") == {}


def test_a_held_lock_names_its_holder_and_is_free_afterwards(tmp_path: Path):
    refused = pytest.raises(DataDirLocked, match=r"process \d+, http://127\.0\.0\.1:1/")
    with hold(tmp_path / "lock", url="http://127.0.0.1:1/"), refused, hold(tmp_path / "lock", url="x"):
        pass
    with hold(tmp_path / "lock", url="http://127.0.0.1:2/"):
        assert read_json(tmp_path / "lock")["url"] == "http://127.0.0.1:2/"


def test_an_unwritable_data_directory_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="--data-dir"):
        DataDir(tmp_path / "file" / "data").make()


def test_the_database_counts_as_prepared_for_this_code_only(tmp_path: Path):
    data = DataDir(tmp_path)
    data.make()
    assert not is_prepared(data, demo=False)
    (data.postgres / "data").mkdir()
    note_prepared(data, demo=False)
    assert is_prepared(data, demo=False)
    assert not is_prepared(data, demo=True)
    note_prepared(data, demo=True)
    assert is_prepared(data, demo=True)
    assert is_prepared(data, demo=False)


def test_a_new_migration_changes_the_fingerprint(tmp_path: Path):
    migrations = tmp_path / "apps" / "workflows" / "migrations"
    migrations.mkdir(parents=True)
    before = fingerprint(tmp_path)
    (migrations / "0002_more.py").write_text("")
    assert fingerprint(tmp_path) != before


def test_addresses_are_written_for_twisted_and_for_people():
    assert roster.endpoint("127.0.0.1", 8000) == "tcp:8000:interface=127.0.0.1:backlog=2048"
    assert roster.endpoint("::1", 8000) == "tcp6:8000:interface=\\:\\:1:backlog=2048"
    assert roster.shown("0.0.0.0", 8000) == "http://127.0.0.1:8000/"
    assert roster.shown("::1", 8000) == "http://[::1]:8000/"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could spoil somebody else's data directory")
def test_root_leaves_another_users_data_directory_alone(tmp_path: Path):
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 65534, 65534)
    with pytest.raises(StartupError, match="belongs to user 65534"):
        DataDir(tmp_path / "data").make()
    assert list((tmp_path / "data").iterdir()) == []
