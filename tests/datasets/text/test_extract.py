"""Reading documents of every kind, as the child process does it but in this one."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from apps.datasets.text.chunk import chunk_sections
from apps.datasets.text.errors import (
    Damaged,
    EmptyDocument,
    Encrypted,
    ExtractionError,
    NeedsOcr,
    TooLarge,
    UnsupportedType,
)
from apps.datasets.text.extract import detect_type, extract
from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.extract.garble import garble_share
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

ENGLISH = [
    ["Bees dance to tell where flowers are.", "Page one ends."],
    ["A skep is a woven hive.", "Second page."],
]
CHINESE = [["蜜蜂用舞蹈告诉同伴花在哪里。", "第一页完。"], ["草编蜂箱是一种古老的蜂箱。", "第二页完。"]]


def read(path: Path, *, limits: Limits | None = None) -> list[Section]:
    chosen = limits or Limits()
    return list(extract(path, kind=detect_type(path, path.name, limits=chosen), limits=chosen))


def written(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# PDF


@pytest.mark.parametrize(("pages", "font"), [(ENGLISH, "Helvetica"), (CHINESE, "STSong-Light")])
def test_every_page_of_a_pdf_is_a_section_with_its_number_and_its_text(build_pdf, pages, font):
    sections = read(build_pdf(pages, font=font))
    assert [section.page for section in sections] == [1, 2]
    for section, lines in zip(sections, pages, strict=True):
        assert section.text.split("\n") == lines


def test_an_encrypted_pdf_asks_for_the_protection_to_be_removed(build_pdf):
    with pytest.raises(Encrypted, match="Remove the protection"):
        read(build_pdf(ENGLISH, password="hive"))


def test_a_truncated_pdf_is_reported_as_damaged(build_pdf):
    path = build_pdf(ENGLISH)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(Damaged) as caught:
        read(path)
    assert caught.value.code == "damaged"


def test_a_pdf_that_shows_nothing_is_empty_and_one_that_shows_pictures_needs_ocr(build_pdf):
    with pytest.raises(EmptyDocument):
        read(build_pdf([[], []]))
    with pytest.raises(NeedsOcr) as caught:
        read(build_pdf([None, None, ["A long enough line of text to be read."]]))
    assert caught.value.params == {"unreadable": 2, "pages": 3}


def test_a_single_picture_page_is_marked_and_the_rest_of_the_document_is_read(build_pdf):
    sections = read(build_pdf([*ENGLISH, None]))
    assert [section.unreadable for section in sections] == [False, False, True]
    assert sections[2].text == ""


def test_garbled_text_is_told_from_text_in_any_language():
    assert garble_share("(cid:12)(cid:7)(cid:99)") == 1.0
    assert garble_share("\ue001\ue002\ufffd good") > 0.4
    assert garble_share("Ünïcode, 中文 and emoji 🐝 are fine") == 0.0


def test_a_pdf_with_more_pages_than_allowed_is_refused_before_it_is_read(build_pdf):
    with pytest.raises(TooLarge, match="1 pages"):
        read(build_pdf(ENGLISH), limits=Limits(max_pages=1))


def test_a_hundred_pages_come_in_order(build_pdf):
    lines = [[f"Hive {number} line {line} holds honey." for line in range(40)] for number in range(1, 101)]
    sections = read(build_pdf(lines))
    assert [section.page for section in sections] == list(range(1, 101))
    assert all(f"Hive {section.page} line 39" in section.text for section in sections)


# Markdown


def test_markdown_headings_give_paths_and_the_parts_put_together_are_the_source(tmp_path):
    source = (
        "---\nt: 1\n---\nintro\n\n# One *bold*\n\ntext\n\nSub\n---\n\n```\n# not a heading\n```\n\n# Two `c`\n\nend\n"
    )
    sections = read(written(tmp_path, "a.md", source))
    assert "".join(section.text for section in sections) == source
    assert [section.heading_path for section in sections] == [
        (),
        ("One bold",),
        ("One bold", "Sub"),
        ("Two c",),
    ]


def test_a_heading_in_a_quotation_does_not_open_a_section(tmp_path):
    sections = read(written(tmp_path, "a.md", "# Top\n\n> # Quoted\n\ntext"))
    assert [section.heading_path for section in sections] == [("Top",)]


# Plain text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Grüße, 世界"),
        ("utf-8-sig", "mark at the start"),
        ("utf-16", "wide 字符"),
        ("gbk", "蜜蜂是一种会飞的昆虫，它们在花园里采蜜。我们的产品支持中文文档的检索和问答。" * 3),
        ("gb18030", "中国有很多古老的蜂箱，有的是草编的，也有的是木头做的。" * 3),
        ("big5", "蜜蜂是一種會飛的昆蟲，牠們在花園裡採蜜。我們的產品支援中文文件的檢索。" * 5),
        ("shift_jis", "これは日本語の文章です。蜂は花の蜜を集めます。検索のためのテキストです。" * 5),
        ("euc_kr", "꿀벌은 꽃에서 꿀을 모으는 곤충입니다. 이 문서는 검색을 위한 시험 문서입니다." * 5),
        ("cp1252", "Die Bienen fliegen über die grüne Wiese und schöpfen süßen Nektar. " * 4),
        ("cp1251", "Пчёлы летают над лугом и собирают нектар. Улей стоит в саду. " * 4),
    ],
)
def test_plain_text_is_read_in_the_encoding_it_was_written_in(tmp_path, encoding, text):
    sections = read(written(tmp_path, "a.txt", text.encode(encoding)))
    assert "".join(section.text for section in sections) == text


def test_a_broken_byte_does_not_make_a_utf_8_file_another_encoding(tmp_path):
    content = "蜜蜂采蜜。".encode() * 400 + b"\xff" + "结束".encode()
    assert detect_encoding(written(tmp_path, "a.txt", content)) == "utf-8"


def test_a_long_text_comes_in_blocks_that_lose_nothing(tmp_path):
    text = "".join(f"Paragraph {number} about bees.\n\n" for number in range(5_000))
    sections = read(written(tmp_path, "a.txt", text))
    assert len(sections) > 2
    assert "".join(section.text for section in sections) == text


def test_a_single_endless_line_is_read_too(tmp_path):
    text = "abcdefgh" * 30_000
    assert "".join(section.text for section in read(written(tmp_path, "a.txt", text))) == text


# HTML

ARTICLE = "".join(f"<p>Bees gather nectar from flower number {n} and carry it home to the hive.</p>" for n in range(8))


def test_html_gives_its_title_and_its_article_without_navigation(tmp_path):
    page = (
        "<html><head><title>Bees at work</title><script>alert(1)</script></head><body>"
        "<nav><a href='/'>Home</a> <a href='/shop'>Shop now</a></nav>"
        f"<article><h1>Gathering</h1>{ARTICLE}<h2>Costs</h2><table><tr><th>Hive</th><th>Price</th></tr>"
        f"<tr><td>Skep</td><td>42</td></tr></table>{ARTICLE}</article>"
        "<footer>Imprint 2020</footer></body></html>"
    )
    sections = read(written(tmp_path, "a.html", page))
    text = "\n".join(section.text for section in sections)
    assert "flower number 7" in text
    assert "| Skep | 42 |" in text
    assert not any(word in text for word in ("Shop now", "Imprint", "alert"))
    assert ("Bees at work", "Gathering", "Costs") in [section.heading_path for section in sections]


def test_a_short_page_without_an_article_still_gives_all_it_shows(tmp_path):
    head = "<html><head><title>Tel</title></head>"
    page = f"{head}<body><div>Call <b>555</b></div><ul><li>Mon</li></ul></body></html>"
    [section] = read(written(tmp_path, "a.html", page))
    assert "Call 555" in section.text.replace("**", "")
    assert "Mon" in section.text
    assert section.heading_path == ("Tel",)


def test_identifiers_code_and_nested_lists_of_a_page_are_read_as_they_stand(tmp_path):
    page = (
        f"<html><body><article><h1>Setup¶</h1>{ARTICLE}<p>Set <code>OPENAI_API_KEY</code>, a*b and <b>c_d</b>.</p>"
        "<pre><code># comment\n  indented = 1\n</code></pre><ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul>"
        "</article></body></html>"
    )
    [section] = read(written(tmp_path, "a.html", page))
    assert section.heading_path == ("Setup",)
    assert "Set OPENAI_API_KEY, a*b and c_d." in section.text
    assert "# comment\n  indented = 1" in section.text
    assert "- one\n  - inner\n- two" in section.text


def test_html_is_decoded_by_the_charset_it_declares(tmp_path):
    page = f"<html><head><meta charset='big5'></head><body><p>{'蜜蜂採蜜。' * 60}</p></body></html>"
    assert "蜜蜂採蜜" in read(written(tmp_path, "a.html", page.encode("big5")))[0].text


# Word


def word_file(tmp_path: Path, document) -> Path:
    path = tmp_path / "a.docx"
    document.save(str(path))
    return path


def test_word_headings_lists_and_tables_keep_their_order_and_structure(tmp_path):
    document = docx.Document()
    document.add_heading("Hives", 1)
    document.add_paragraph("Of all kinds.")
    document.add_heading("Skep", 2)
    document.add_paragraph("straw", style="List Bullet")
    document.add_paragraph("wicker", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip([*table.rows[0].cells, *table.rows[1].cells], ["Kind", "Year", "a|b", "1600"], strict=True):
        cell.text = text
    document.add_paragraph("After the table.")
    sections = read(word_file(tmp_path, document))
    assert [section.heading_path for section in sections] == [("Hives",), ("Hives", "Skep")]
    assert sections[0].text == "# Hives\n\nOf all kinds."
    assert sections[1].text == (
        "## Skep\n\n- straw\n- wicker\n\n| Kind | Year |\n| --- | --- |\n| a\\|b | 1600 |\n\nAfter the table."
    )


def test_a_merged_cell_stands_once_in_its_table(tmp_path):
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for row, name in zip(table.rows, "abc", strict=True):
        for column, cell in enumerate(row.cells):
            cell.text = f"{name}{column}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "across"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "down"
    [section] = read(word_file(tmp_path, document))
    rows = section.text.split("\n")
    assert rows == ["| across |  | a2 |", "| --- | --- | --- |", "| b0 | b1 | down |", "| c0 | c1 |  |"]


def test_a_thousand_rows_merged_downwards_are_no_problem(tmp_path):
    document = docx.Document()
    table = document.add_table(rows=1_200, cols=2)
    for number, row in enumerate(table._tbl.tr_lst):
        first, second = row.tc_lst
        second.p_lst[0].add_r().text = f"value {number}"
        merge = OxmlElement("w:vMerge")
        merge.set(qn("w:val"), "restart" if number == 0 else "continue")
        first.get_or_add_tcPr().append(merge)
    text = "".join(section.text for section in read(word_file(tmp_path, document)))
    assert "value 1199" in text


def test_tracked_insertions_and_form_fields_are_read_and_deletions_are_not(tmp_path):
    document = docx.Document()
    paragraph = document.add_paragraph("kept ")._p
    for tag, text_tag, text in (("w:ins", "w:t", "inserted"), ("w:del", "w:delText", "deleted")):
        change, run, words = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(text_tag)
        words.text = text
        run.append(words)
        change.append(run)
        paragraph.append(change)
    control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    field = document.add_paragraph("in a form")._p
    field.addprevious(control)
    content.append(field)
    control.append(content)
    assert read(word_file(tmp_path, document))[0].text == "kept inserted\n\nin a form"


# CSV


def test_rows_of_a_csv_keep_their_header_and_their_line_breaks_inside_cells(tmp_path):
    rows = "".join(f'{n},"Bee\nnumber {n}, flying"\n' for n in range(200))
    sections = read(written(tmp_path, "a.csv", f"id;x,name\n{rows}"))
    assert len(sections) > 2
    assert all(section.text.startswith("| id;x | name |\n| --- | --- |\n| ") for section in sections)
    assert sum(section.text.count("Bee number") for section in sections) == 200
    chunks = list(chunk_sections(sections))
    assert [chunk.text for chunk in chunks] == [section.text for section in sections]


def test_a_table_of_names_only_and_a_single_row_are_read(tmp_path):
    assert read(written(tmp_path, "a.csv", "name;year\n"))[0].text == "| name | year |\n| --- | --- |"
    [section] = read(written(tmp_path, "b.tsv", "name\tyear\nSkep\t1600\n\n"))
    assert section.text == "| name | year |\n| --- | --- |\n| Skep | 1600 |"


# Types


def test_a_name_that_promises_another_format_is_refused_with_advice(tmp_path, build_pdf):
    pdf = build_pdf(ENGLISH)
    with pytest.raises(UnsupportedType, match=r"rename it to \.pdf"):
        detect_type(pdf, "notes.txt")
    assert detect_type(pdf, "no-extension") == "pdf"
    with pytest.raises(Damaged):
        detect_type(written(tmp_path, "b", "plain words"), "b.pdf")
    with pytest.raises(Damaged):
        detect_type(written(tmp_path, "c", "plain words"), "c.docx")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"\x89PNG\r\n\x1a\n", "PNG picture"),
        ("a.md", b"words \x00\x01\x02", "binary"),
        ("a.exe", b"MZ\x90", "type .exe"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"WordDocument", "before 2007"),
    ],
)
def test_what_we_do_not_read_is_named(tmp_path, name, content, words):
    with pytest.raises(UnsupportedType, match=words):
        detect_type(written(tmp_path, name, content), name)


def test_a_word_document_behind_a_password_is_told_from_an_old_one(tmp_path):
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(Encrypted):
        detect_type(written(tmp_path, "a.docx", content), "a.docx")


def zipped(tmp_path: Path, entries: dict[str, bytes]) -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return written(tmp_path, "a.docx", packed.getvalue())


def test_other_containers_are_named_and_bombs_are_refused(tmp_path):
    with pytest.raises(UnsupportedType, match="Excel"):
        read(zipped(tmp_path, {"xl/workbook.xml": b"<x/>"}))
    with pytest.raises(TooLarge, match="packed size"):
        read(zipped(tmp_path, {"word/document.xml": b" " * (20 << 20)}))
    with pytest.raises(TooLarge, match="unpacked"):
        read(
            zipped(tmp_path, {"word/document.xml": b"x" * 2_000_000}),
            limits=Limits(max_unpacked_bytes=1 << 20),
        )
    with pytest.raises(TooLarge, match="parts"):
        read(zipped(tmp_path, {"word/document.xml": b"", "b": b""}), limits=Limits(max_archive_entries=1))


def test_a_container_without_its_parts_or_cut_off_is_damaged(tmp_path):
    with pytest.raises(Damaged):
        read(zipped(tmp_path, {"word/document.xml": b"<w/>"}))
    path = zipped(tmp_path, {"word/document.xml": b"<w/>" * 100})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(Damaged):
        read(path)


def test_empty_and_oversized_files_are_refused_in_every_format(tmp_path):
    for name in ("a.txt", "a.md", "a.html", "a.csv"):
        with pytest.raises(EmptyDocument):
            read(written(tmp_path, name, ""))
        with pytest.raises(EmptyDocument):
            read(written(tmp_path, name, " \n \n"))
    with pytest.raises(TooLarge, match="MB"):
        read(written(tmp_path, "a.txt", "x" * 2_000), limits=Limits(max_bytes=1_000))
    with pytest.raises(TooLarge, match="characters"):
        read(written(tmp_path, "a.txt", "x" * 2_000), limits=Limits(max_chars=1_000))


def test_every_error_says_what_to_do_next():
    for error in (
        EmptyDocument(),
        Encrypted(),
        Damaged(kind="pdf", reason="r"),
        NeedsOcr(unreadable=1, pages=1),
    ):
        assert isinstance(error, ExtractionError)
        assert "upload" in error.message or "Check" in error.message
