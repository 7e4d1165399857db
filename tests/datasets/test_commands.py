"""`ingest` and `search` as somebody at a shell meets them."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from apps.datasets.models import Dataset, Document
from tests.datasets.making import pdf


def ingest(*arguments: object) -> tuple[dict, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("ingest", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as exc:
        status = exc.code
    return json.loads(out.getvalue()), err.getvalue(), status


def search(*arguments: str) -> dict:
    out = io.StringIO()
    call_command("search", *arguments, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def folder(tmp_path):
    books = tmp_path / "books"
    (books / "deep").mkdir(parents=True)
    (books / ".hidden").mkdir()
    (books / "guide.pdf").write_bytes(pdf([["The smoker calms the bees."], ["Gloves protect the hands."]]))
    (books / "deep" / "notes.md").write_text("# Tools\n\nA hive tool lifts the frames.")
    (books / "手册.txt").write_text("起刮刀用来撬开巢框。")
    (books / "picture.bin").write_bytes(b"\x00\x01")
    (books / ".hidden" / "secret.txt").write_text("not for indexing")
    return books


def test_a_folder_becomes_a_dataset_that_can_be_searched(team, folder):
    report, progress, status = ingest("tools", folder, "--inline")
    assert status == 0
    assert (report["files"], report["created"], report["ready"], report["pages"]) == (3, 3, 3, 2)
    assert (report["dataset"], report["team"], report["errors"]) == ("tools", "bees", [])
    assert "3/3 indexed" in progress
    answer = search("tools", "What protects the hands?", "--top-k", "1")
    assert [(hit["document_name"], hit["page"]) for hit in answer["hits"]] == [("guide.pdf", 2)]
    assert answer["hits"][0]["scores"].keys() == {"lexical", "vector", "fused"}
    assert search("tools", "起刮刀", "--method", "full_text")["hits"][0]["document_name"] == "手册.txt"
    assert Document.objects.filter(name="deep/notes.md").exists()


def test_a_second_time_only_what_changed_is_indexed(team, folder):
    ingest("tools", folder, "--inline")
    (folder / "deep" / "notes.md").write_text("# Tools\n\nA bee brush sweeps the frames.")
    report, _, _ = ingest("tools", folder, "--inline")
    assert (report["created"], report["replaced"], report["unchanged"]) == (0, 1, 2)
    assert Document.objects.count() == 3
    assert "brush" in search("tools", "frames")["hits"][0]["text"]


def test_one_broken_file_fails_the_command_and_not_the_others(team, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.5 broken")
    report, _, status = ingest("tools", folder, "--inline")
    assert status == 1
    assert report["ready"] == 3
    (error,) = report["errors"]
    assert (error["name"], error["code"]) == ("broken.pdf", "damaged")
    assert "upload the new copy" in error["message"]


def test_without_waiting_the_files_are_queued(team, folder, django_capture_on_commit_callbacks):
    report, _, status = ingest("tools", folder / "guide.pdf")
    assert (status, report["indexing"], report["ready"]) == (0, 1, 0)


def test_without_any_team_the_demo_team_is_made(db, folder):
    report, _, _ = ingest("tools", folder / "guide.pdf", "--inline")
    assert report["team"] == "demo"


def test_a_team_that_was_named_owns_the_dataset(team, other_team, folder):
    ingest("tools", folder / "guide.pdf", "--inline", "--team", "wasps")
    assert Dataset.objects.get().team == other_team
    assert search("tools", "smoker", "--team", "wasps")["hits"]
    with pytest.raises(CommandError, match="no datasets yet"):
        search("tools", "smoker", "--team", "bees")


def test_wrong_names_are_refused_with_exit_code_2(team, folder):
    for command in (
        lambda: ingest("tools", folder / "missing.pdf"),
        lambda: ingest("tools", folder, "--team", "hornets"),
        lambda: search("nowhere", "bees"),
    ):
        with pytest.raises(CommandError) as refused:
            command()
        assert refused.value.returncode == 2
