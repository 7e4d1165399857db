"""Documents of runs: every kind that datasets read is read here, also without an extension that says so."""

import io
from uuid import uuid4

import pytest
import xlsxwriter
from pptx import Presentation

from apps.workflows.adapters.files import TeamFiles
from apps.workflows.adapters.http import GuardedHttp
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.selectors.files import type_of
from support.egress import EgressPolicy
from tests.datasets.website import website

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def workbook() -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    book.add_worksheet("Hives").write_row(0, 0, ["Hive", "Honey"])
    book.close()
    return file.getvalue()


def slides() -> bytes:
    file, deck = io.BytesIO(), Presentation()
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "Keeping bees"
    deck.save(file)
    return file.getvalue()


MAIL = b"From: a@b.example\r\nSubject: Swarm\r\nContent-Type: text/plain\r\n\r\nThe swarm left in May.\r\n"


@pytest.fixture
def site():
    with website() as served:
        yield served


def reader(site) -> TeamFiles:
    async def keep(content):
        raise AssertionError("nothing is made here")

    policy = EgressPolicy.parse(allow=[f"127.0.0.1:{site.port}"])
    return TeamFiles(uuid4(), http=GuardedHttp(policy), keep=keep)


@pytest.mark.parametrize(
    ("content", "mime_type", "name", "expected"),
    [
        (workbook(), SHEET, "download", "| Hive | Honey |"),
        (slides(), SLIDES, "download", "Keeping bees"),
        (MAIL, "message/rfc822", "letter", "The swarm left in May."),
        (b"1\n00:00:01,000 --> 00:00:02,000\nBees!\n", "application/octet-stream", "film.srt", "Bees!"),
        (b'{"hive": 7}', "application/json; charset=utf-8", "answer", "7"),
        (b"print('bees')\n", "text/x-python", "keep.py", "print('bees')"),
    ],
)
async def test_a_document_is_read_by_what_its_server_says_it_is(site, content, mime_type, name, expected):
    site.put("/file", content, type=mime_type)
    file = {"name": name, "url": site.url("/file"), "transfer_method": "remote_url"}
    assert expected in await reader(site).text(file)


async def test_what_nobody_reads_fails_with_the_reason(site):
    site.put("/file", b"\x89PNG\r\n\x1a\n", type="image/png")
    file = {"name": "picture.png", "url": site.url("/file"), "transfer_method": "remote_url"}
    with pytest.raises(NodeFailure) as failed:
        await reader(site).text(file)
    assert failed.value.code == "file_unreadable"
    assert failed.value.details["reason"] == "unsupported_type"


def test_every_kind_that_is_read_counts_as_a_document_in_forms():
    for extension in (".pptx", ".ods", ".epub", ".eml", ".srt", ".jsonl", ".doc"):
        assert type_of("application/octet-stream", extension) == "document"
    assert type_of("application/octet-stream", ".bin") == "custom"
