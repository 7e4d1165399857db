"""Files and values that people bring to break a golden set or its readers: taken in, or refused with a sentence."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from apps.annotations.golden.item import BadItem, NewItem, checked
from apps.annotations.golden.reading import BadFile, read_items
from apps.annotations.golden.writing import csv_lines
from apps.annotations.models import GoldenSet
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application


@pytest.fixture
def golden(app: Application) -> GoldenSet:
    return GoldenSet.objects.create(team=app.team, application=app, name="Spring")


@pytest.mark.parametrize("text", ["\\u0000", "C:\\u0000dir", "\\\\u0000", "a\x00b", "\\", '\\u0000"', "half \ud83d"])
def test_backslashes_and_nulls_in_values_are_kept_or_left_out_and_break_nothing(
    golden: GoldenSet, operator: User, text: str
) -> None:
    item = NewItem(question="Q", inputs={"path": text, text: 1}, expected={"said": [text]}, metadata={"note": text})
    add_items(golden, [item], by=operator)
    kept = text.replace("\x00", "").replace("\ud83d", "?")
    row = golden.items.get()
    assert (row.inputs["path"], row.expected, row.metadata) == (kept, {"said": [kept]}, {"note": kept})


@pytest.mark.parametrize("levels", [100, 500, 20_000])
def test_values_within_values_without_end_are_refused_line_by_line(levels: int) -> None:
    deep: Any = "x"
    line = f'{{"question": "Q", "expected": {"[" * levels}1{"]" * levels}}}'
    reading = read_items(f'{line}\n{{"question": "Fine"}}\n'.encode(), is_csv=False)
    assert [each.line for each in reading.faults] == [1]
    assert [item.question for item in reading.items] == ["Fine"]
    for _level in range(min(levels, 500)):
        deep = {"a": deep}
    with pytest.raises(BadItem):
        checked(NewItem(question="Q", expected=deep))


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfquestion,expected\nQ\x00,A\x00\n",
        b'question,expected\n"Q,A\n' + b"x" * 200_000,
        b"question,question,expected\nQ,R,A\n",
        b"question;expected\r\nQ;A\r\n",
        b"question,expected\rQ,A\r",
        b'{"question": 1e999}',
        b'question,inputs\nQ,"{""n"": NaN}"\n',
        b'question,inputs\nQ,"{""n"": 1' + b"0" * 5_000 + b'}"\n',
    ],
)
def test_odd_csv_is_read_or_refused_by_the_line(data: bytes) -> None:
    reading = read_items(data, is_csv=True) if not data.startswith(b"{") else None
    if reading is None:
        with pytest.raises(BadFile):
            read_items(data, is_csv=True)
        assert read_items(data, is_csv=False).bad_lines == 1
    else:
        assert len(reading.items) + reading.bad_lines == 1


@pytest.mark.parametrize(
    "data", ["question\nä".encode("latin-1"), "question\nä".encode("utf-16"), b"\x89PNG\r\n\x1a\n\xff"]
)
def test_what_is_no_utf_8_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(BadFile, match="not_text"):
        read_items(data, is_csv=True)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n=HYPERLINK()"])
def test_no_cell_of_an_export_is_a_formula_and_it_comes_back_the_same(
    golden: GoldenSet, operator: User, cell: str
) -> None:
    item = NewItem(question=f"x{cell}", expected=cell, tags=(cell,), metadata={})
    golden_item = add_items(golden, [item, NewItem(question=cell, expected={"v": cell})], by=operator)
    assert golden_item.added == 2
    written = b"".join(csv_lines(golden.items.order_by("number")))
    for row in list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))[1:]:
        for value in row:
            assert not value.lstrip(" \n\t\r").startswith(("=", "+", "-", "@", "＝"))
    again = read_items(written, is_csv=True).items
    assert [(each.question, each.expected) for each in again] == [
        (row.question, row.expected) for row in golden.items.order_by("number")
    ]


def test_script_in_items_is_shown_as_text_on_every_page(client: Client, golden: GoldenSet, operator: User) -> None:
    evil = '</textarea><script>alert(1)</script><img src=x onerror="alert(2)">'
    add_items(
        golden,
        [NewItem(question=evil, inputs={evil: evil}, expected={"a": evil}, metadata={evil: evil}, tags=("<script>",))],
        by=operator,
    )
    client.force_login(operator)
    file = SimpleUploadedFile("evil.jsonl", json.dumps({"question": evil, "expected": evil, evil: evil}).encode())
    look = client.post(
        reverse("admin:annotations_golden_look", args=[golden.id]), {"file": file, "same_question": "add"}
    )
    pages = [look] + [
        client.get(reverse(f"admin:annotations_{name}", args=args))
        for name, args in (
            ("golden_set", [golden.id]),
            ("golden_item", [golden.id, 1]),
            ("golden_versions", [golden.id]),
        )
    ]
    for page in pages:
        assert page.status_code == 200
        assert b"<script>alert" not in page.content
        assert b"<img src=x" not in page.content
