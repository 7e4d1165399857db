"""Reading in a child process, with limits that are really hit."""

import os
import threading
import time
from pathlib import Path

import pytest

from apps.datasets.text import child
from apps.datasets.text.child import Progress, extract_in_child
from apps.datasets.text.errors import (
    Cancelled,
    Damaged,
    EmptyDocument,
    Encrypted,
    ExtractionTimeout,
    NeedsOcr,
    OutOfMemory,
    TooLarge,
    UnsupportedType,
)
from apps.datasets.text.limits import MEGABYTE, Limits

LINES = [[f"Line {line} of page {page} tells about bees." for line in range(30)] for page in range(1, 31)]


def children() -> set[int]:
    """The ids of this process's children, from the kernel."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


@pytest.fixture(autouse=True)
def no_child_remains():
    before = children()
    yield
    assert children() <= before


def text_file(tmp_path: Path, text: str, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_document_is_read_and_cleaned_in_the_child_and_progress_is_told(build_pdf):
    seen: list[Progress] = []
    sections = list(extract_in_child(build_pdf(LINES), "book.pdf", on_progress=seen.append))
    assert [section.page for section in sections] == list(range(1, 31))
    assert "Line 29 of page 7 tells about bees." in sections[6].text
    assert seen[0] == Progress(kind="pdf", page_total=30)
    assert seen[-1].pages == 30
    assert seen[-1].chars > 30 * 30 * 20


def test_cleaning_may_be_left_to_the_caller(tmp_path):
    path = text_file(tmp_path, "a  <|b|>")
    assert next(extract_in_child(path, "a.txt")).text == "a <b>"
    assert next(extract_in_child(path, "a.txt", clean=None)).text == "a  <|b|>"


def test_errors_of_the_child_arrive_as_their_own_class_with_their_words(tmp_path, build_pdf):
    broken = build_pdf(LINES[:1], name="broken.pdf")
    broken.write_bytes(broken.read_bytes()[:300])
    cases = [
        (build_pdf(LINES[:1], name="locked.pdf", password="x"), "locked.pdf", Encrypted),
        (broken, "broken.pdf", Damaged),
        (build_pdf([None], name="scan.pdf"), "scan.pdf", NeedsOcr),
        (text_file(tmp_path, " ", "blank.txt"), "blank.txt", EmptyDocument),
        (text_file(tmp_path, "words"), "a.exe", UnsupportedType),
    ]
    for path, name, error in cases:
        with pytest.raises(error) as caught:
            list(extract_in_child(path, name))
        assert type(caught.value) is error
        assert len(caught.value.message) > 30


def test_sections_read_before_an_error_are_given_first(tmp_path):
    path = text_file(tmp_path, "A paragraph about bees.\n\n" * 4_000)
    stream = extract_in_child(path, "a.txt", limits=Limits(max_chars=50_000))
    assert next(stream).text.startswith("A paragraph")
    with pytest.raises(TooLarge):
        list(stream)


def test_a_document_that_needs_too_much_memory_is_stopped(tmp_path):
    path = text_file(tmp_path, "# heading\n\nsome *words* here\n\n" * 300_000, "a.md")
    with pytest.raises(OutOfMemory) as caught:
        list(extract_in_child(path, "a.md", limits=Limits(memory_bytes=160 * MEGABYTE)))
    assert caught.value.params == {"megabytes": 160}


def test_a_document_that_takes_too_long_is_stopped_at_its_time(tmp_path):
    path = text_file(tmp_path, "# heading\n\nsome *words* here\n\n" * 300_000, "a.md")
    began = time.monotonic()
    with pytest.raises(ExtractionTimeout):
        list(extract_in_child(path, "a.md", limits=Limits(wall_seconds=0.7)))
    assert 0.6 < time.monotonic() - began < 5


def test_the_time_a_slow_caller_takes_is_not_the_documents(tmp_path):
    path = text_file(tmp_path, "A paragraph about bees.\n\n" * 8_000)
    count = 0
    for _ in extract_in_child(path, "a.txt", limits=Limits(wall_seconds=2)):
        time.sleep(0.4)
        count += 1
    assert count > 5


def test_a_reading_can_be_cancelled_while_the_child_is_busy(tmp_path):
    path = text_file(tmp_path, "# heading\n\nsome *words* here\n\n" * 300_000, "a.md")
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(extract_in_child(path, "a.md", cancelled=stop.is_set))
    assert time.monotonic() - began < 3
    timer.join()


def test_leaving_the_sections_early_ends_the_child(tmp_path):
    stream = extract_in_child(text_file(tmp_path, "A paragraph.\n\n" * 50_000), "a.txt")
    before = children()
    next(stream)
    assert len(children() - before) == 1
    stream.close()
    assert children() == before


def test_a_child_killed_from_outside_is_an_error_and_not_a_silence(tmp_path):
    stream = extract_in_child(text_file(tmp_path, "A paragraph.\n\n" * 200_000), "a.txt")
    before = children()
    next(stream)
    [pid] = children() - before
    os.kill(pid, 9)
    with pytest.raises(OutOfMemory):
        list(stream)


def test_the_child_has_no_django_and_none_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    monkeypatch.setattr(
        child,
        "_START",
        "import sys, os; sys.path.insert(0, sys.argv[1]);"
        "from apps.datasets.text import child_main, extract, clean;"
        "from apps.datasets.text.extract import extractor_for, EXTRACTORS;"
        "from apps.datasets.text.errors import TooLarge;"
        "from apps.datasets.text.frames import write_message, pack_error;"
        "[extractor_for(kind) for kind in EXTRACTORS];"
        "known = [name for name in ('django', 'celery', 'psycopg') if name in sys.modules];"
        "write_message(sys.stdout.buffer, pack_error(TooLarge(what=str(known), limit=str(os.environ))))",
    )
    with pytest.raises(TooLarge) as caught:
        list(extract_in_child(text_file(tmp_path, "x"), "a.txt"))
    assert caught.value.params["what"] == "[]"
    assert "do not tell" not in str(caught.value.params["limit"])


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"\x00\x00\x00\x02[]", b'\x00\x00\x00\x12{"type":"section"}'],
)
def test_a_child_that_was_taken_over_cannot_make_the_parent_believe_nonsense(tmp_path, monkeypatch, nonsense):
    monkeypatch.setattr(child, "_START", f"import sys; sys.stdout.buffer.write({nonsense!r})")
    with pytest.raises(Damaged, match="nonsense"):
        list(extract_in_child(text_file(tmp_path, "x"), "a.txt"))


def test_a_file_that_is_not_there_is_the_callers_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(extract_in_child(tmp_path / "gone.txt", "gone.txt"))


def test_a_reader_that_cannot_run_here_tells_the_log_why(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(
        child, "_START", f"import sys; sys.modules['trafilatura'] = None; {child._START.removeprefix('import sys; ')}"
    )
    with pytest.raises(Damaged, match="gave up"):
        list(extract_in_child(text_file(tmp_path, "<p>Bees</p>", "page.html"), "page.html"))
    assert "page.html" in caplog.text
    assert "trafilatura" in caplog.text
