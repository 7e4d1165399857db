"""Reading workbooks, slides, books, messages, subtitles and data."""

from __future__ import annotations

import datetime
import json
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
import xlsxwriter
from pptx import Presentation
from pptx.util import Inches
from reportlab.lib import colors
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from apps.datasets.text.child import extract_in_child
from apps.datasets.text.clean import CleanSettings
from apps.datasets.text.errors import Damaged, Encrypted, TooLarge, UnsupportedType
from apps.datasets.text.extract import detect_type, extract, extractor_for
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section


def read(path: Path, *, limits: Limits | None = None, tables: bool = False) -> list[Section]:
    chosen = limits or Limits()
    kind = detect_type(path, path.name, limits=chosen)
    return list(extract(path, kind=kind, limits=chosen, tables=tables))


def whole(sections: list[Section]) -> str:
    return "\n\n".join(section.text for section in sections)


# Workbooks


def workbook(path: Path, *, rows: int = 60) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Hives")
    sheet.write_row(0, 0, ["Hive", "Queen", "Honey kg", "Seen"])
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for number in range(1, rows + 1):
        sheet.write_row(number, 0, [f"H{number}", "蜂王", number * 1.5])
        sheet.write_datetime(number, 3, datetime.datetime(2026, 5, 1), day)
    book.add_worksheet("Empty")
    other = book.add_worksheet("Notes")
    other.write_row(0, 0, ["Note"])
    other.write_row(1, 0, ["two lines\nin a cell | with a bar"])
    book.add_chartsheet("Chart")
    book.close()
    return path


def test_every_group_of_rows_of_a_sheet_repeats_its_header_and_names_its_sheet(tmp_path):
    path = workbook(tmp_path / "hives.xlsx")
    sections = read(path)
    hives = [section for section in sections if section.heading_path == ("Hives",)]
    assert len(hives) > 3
    assert all(section.text.startswith("| Hive | Queen | Honey kg | Seen |\n") for section in hives)
    assert all(section.page == 1 for section in hives)
    rows = [line for section in hives for line in section.text.split("\n")[2:]]
    assert rows[0] == "| H1 | 蜂王 | 1.5 | 2026-05-01 |"
    assert rows[1] == "| H2 | 蜂王 | 3 | 2026-05-01 |"
    assert len(rows) == 60
    assert sections[-1].text.endswith("| two lines in a cell \\| with a bar |")
    assert extractor_for("xlsx").page_count(path) == 3


def test_a_workbook_that_is_none_is_damaged_and_one_behind_a_password_says_so(tmp_path):
    whole_file = workbook(tmp_path / "a.xlsx").read_bytes()
    broken = tmp_path / "b.xlsx"
    broken.write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(Damaged):
        read(broken)
    locked = tmp_path / "c.xlsx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(Encrypted):
        read(locked)
    old = tmp_path / "d.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "Workbook".encode("utf-16-le"))
    with pytest.raises(Damaged):
        read(old)


def test_a_workbook_under_another_name_is_told_what_to_call_it(tmp_path):
    path = workbook(tmp_path / "a.xlsx").rename(tmp_path / "a.docx")
    with pytest.raises(UnsupportedType, match=r"rename it to \.xlsx"):
        read(path)


# Slides


def test_a_slide_is_a_page_with_its_title_its_lists_its_table_and_its_notes(tmp_path):
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "The hive"
    body = slide.placeholders[1].text_frame
    body.text = "Inside it"
    item = body.add_paragraph()
    item.text, item.level = "bees", 1
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(5), Inches(4), Inches(1)).table
    for row, column, text in [(0, 0, "a"), (0, 1, "b"), (1, 0, "1"), (1, 1, "2")]:
        table.cell(row, column).text = text
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    deck.slides.add_slide(deck.slide_layouts[6])
    last = deck.slides.add_slide(deck.slide_layouts[5])
    last.shapes.title.text = "结束"
    path = tmp_path / "deck.pptx"
    deck.save(str(path))
    first, second = read(path)
    assert (first.page, first.heading_path) == (1, ("The hive",))
    assert first.text.split("\n\n") == [
        "# The hive",
        "Inside it\n- bees",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "Notes: Say it slowly.",
    ]
    assert (second.page, second.text) == (3, "# 结束")
    assert extractor_for("pptx").page_count(path) == 3
    with pytest.raises(TooLarge):
        read(path, limits=Limits(max_pages=2))


def test_broken_slides_are_damaged(tmp_path):
    path = tmp_path / "deck.pptx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ppt/presentation.xml", "<nothing/>")
    with pytest.raises(Damaged):
        read(path)


# Books

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>On Bees</dc:title></metadata><manifest>
<item id="two" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.png" media-type="image/png"/></manifest>
<spine><itemref idref="cover"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""


def book(path: Path, **extra: str) -> Path:
    chapter = "<html><head><title>x</title></head><body><h1>{0}</h1><p>{1}</p></body></html>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OPS/book.opf", PACKAGE)
        archive.writestr("OPS/text/one.xhtml", chapter.format("First", "Bees dance."))
        archive.writestr("OPS/text/two b.xhtml", chapter.format("第二章", "蜜蜂跳舞。"))
        for name, content in extra.items():
            archive.writestr(f"META-INF/{name}.xml", content)
    return path


def test_a_book_is_read_in_the_order_of_its_spine_under_its_title(tmp_path):
    sections = read(book(tmp_path / "bees.epub"))
    assert [section.heading_path for section in sections] == [("On Bees", "First"), ("On Bees", "第二章")]
    assert whole(sections) == "# First\n\nBees dance.\n\n# 第二章\n\n蜜蜂跳舞。"


def test_a_locked_book_says_so_and_scrambled_fonts_do_not_lock_it(tmp_path):
    form = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
        xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
        <enc:EncryptionMethod Algorithm="{}"/></enc:EncryptedData></encryption>"""
    with pytest.raises(Encrypted):
        read(book(tmp_path / "a.epub", encryption=form.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")))
    assert read(book(tmp_path / "b.epub", encryption=form.format("http://www.idpf.org/2008/embedding")))


def test_a_book_without_its_parts_is_damaged(tmp_path):
    path = tmp_path / "a.epub"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
    with pytest.raises(Damaged):
        read(path)


# Messages


def message(subject: str, text: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ada <ada@example.org>", "bee@example.org", subject
    made.set_content(text)
    return made


def test_a_message_gives_its_head_its_plain_text_and_what_is_attached(tmp_path):
    outer = message("Grüße vom Stand", "Hello,\n\nthe bees dance.\n")
    outer.add_alternative("<p>Hello, <b>in HTML</b></p>", subtype="html")
    outer.add_attachment("Notes in a text.", filename="notes.txt")
    outer.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="plan.pdf")
    outer.add_attachment(message("Inner", "An older message."))
    path = tmp_path / "mail.eml"
    path.write_bytes(outer.as_bytes())
    sections = read(path)
    assert sections[0].text == "From: Ada <ada@example.org>\nTo: bee@example.org\nSubject: Grüße vom Stand"
    assert sections[1].text.strip() == "Hello,\n\nthe bees dance."
    text = whole(sections)
    assert "in HTML" not in text
    assert "Notes in a text." in text
    assert "Attachment: plan.pdf (application/pdf)" in text
    inner = next(section for section in sections if "An older message." in section.text)
    assert inner.heading_path == ("Grüße vom Stand", "Inner")


def test_a_message_in_html_only_is_read_as_a_page(tmp_path):
    made = message("News", "")
    made.set_content("<h1>Title</h1><p>Body text</p><script>no()</script>", subtype="html")
    path = tmp_path / "mail.eml"
    path.write_bytes(made.as_bytes())
    assert whole(read(path)).endswith("# Title\n\nBody text")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.c\r\nSubject: =?utf-8?b?!!!?=\r\nContent-Type: text/plain; charset=x-unknown\r\n\r\n\xff words",
        b"From: \xff\xfe<>,;:\r\nTo: a:b;c\r\nSubject: x\r\nContent-Type: multipart/mixed\r\n\r\nno boundary words",
    ],
)
def test_a_broken_message_still_gives_its_words(tmp_path, raw):
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    assert "words" in whole(read(path))


def test_a_file_without_any_header_is_no_message(tmp_path):
    path = tmp_path / "mail.eml"
    path.write_text("\njust words\n")
    with pytest.raises(Damaged):
        read(path)


# Subtitles and data


def test_subtitles_are_stretches_under_their_time_and_say_nothing_twice(tmp_path):
    path = tmp_path / "talk.vtt"
    path.write_text(
        "WEBVTT\n\nNOTE not spoken\n\n1\n00:00:01.000 --> 00:00:02.000 align:start\n"
        "<v Ada>Bees <i>dance</i> &amp; sing.\n\n"
        "00:00:03.000 --> 00:00:04.000\nAda: Bees dance & sing.\nThen rest.\n\n00:03:00.000 --> 00:03:01.000\nLater.\n"
    )
    first, second = read(path)
    assert (first.heading_path, first.text) == (("00:00:01",), "Ada: Bees dance & sing.\nThen rest.")
    assert (second.heading_path, second.text) == (("00:03:00",), "Later.")
    srt = tmp_path / "talk.srt"
    srt.write_text("1\n00:00:01,000 --> 00:00:02,000\n蜜蜂跳舞。\n")
    assert read(srt)[0].text == "蜜蜂跳舞。"
    path.write_text("WEBVTT\n\nnothing timed\n")
    with pytest.raises(Damaged):
        read(path)


def test_records_are_lines_of_names_and_values(tmp_path):
    records = [{"hive": "H1", "queen": {"age": 2, "marks": ["red", "blue"]}, "gone": None}, {"visits": [{"by": "Ada"}]}]
    expected = ["hive: H1\nqueen.age: 2\nqueen.marks: red, blue", "visits[1].by: Ada"]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records))
    assert [section.text for section in read(path)] == expected
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(each) for each in records))
    assert [section.text for section in read(lines)] == expected


@pytest.mark.parametrize("source", ['{"cut": "off', "[" * 100_000])
def test_what_only_looks_like_data_is_read_as_text(tmp_path, source):
    path = tmp_path / "a.json"
    path.write_text(source)
    assert "".join(section.text for section in read(path)) == source


# Tables in PDF, and the rules of a dataset, as the child applies them


@pytest.fixture
def pdf_with_table(tmp_path) -> Path:
    path = tmp_path / "table.pdf"
    style = [("GRID", (0, 0), (-1, -1), 1, colors.black)]
    table = Table([["Hive", "Honey"], ["H1", "12 kg"], ["H2", "9 kg"]], style=style)
    SimpleDocTemplate(str(path)).build([Paragraph("What was harvested.", getSampleStyleSheet()["Normal"]), table])
    return path


def test_the_ruled_tables_of_a_pdf_follow_its_text_when_asked_for(pdf_with_table):
    found = "| Hive | Honey |\n| --- | --- |\n| H1 | 12 kg |\n| H2 | 9 kg |"
    assert found not in whole(read(pdf_with_table))
    text = whole(read(pdf_with_table, tables=True))
    assert text.startswith("What was harvested.")
    assert text.endswith(found)
    settings = CleanSettings(tables=True)
    assert found in whole(list(extract_in_child(pdf_with_table, "table.pdf", clean=settings)))


def test_the_rules_of_a_dataset_are_applied_in_their_order(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("DRAFT\nBees dance [1].\nPage 7 of 9\n")
    rules = ((r"^DRAFT$", ""), (r"\s*\[\d+\]", ""), (r"^Page (\d+) of \d+$", r"(p. \1)"))
    (section,) = extract_in_child(path, "a.txt", clean=CleanSettings(rules=rules))
    assert section.text == "Bees dance.\n(p. 7)"


@pytest.mark.parametrize("kind", ["xlsx", "pptx"])
def test_the_child_reads_office_files_within_its_limits(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        workbook(path)
    else:
        deck = Presentation()
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "Hive"
        deck.save(str(path))
    assert "Hive" in whole(list(extract_in_child(path, path.name)))
