"""Golden sets as people use them in the admin: set up, filled by hand, from files, messages and traces, exported."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import GoldenSet
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn
from tests.annotations.test_queue_put import content_of

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def golden(client: Client, editor: User, app: Application) -> GoldenSet:
    """A set that the editor has made with the form."""
    client.force_login(editor)
    form = {"name": "Spring", "description": "", "application": str(app.id)}
    response = client.post(reverse("admin:annotations_goldenset_add"), form)
    assert response.status_code == 302, response.context["adminform"].form.errors
    made = GoldenSet.objects.get()
    assert response["Location"] == page("set", made)
    return made


def page(name: str, golden: GoldenSet, *more: Any) -> str:
    return reverse(f"admin:annotations_golden_{name}", args=[golden.id, *more])


def written(**changes: Any) -> dict[str, Any]:
    """What the form of an item sends."""
    rows = {f"{field}-{part}": [] for field in ("inputs", "metadata") for part in ("name", "kind", "value")}
    return {"question": "How many frames?", "expected_kind": "text", "expected": "Ten", "tags": "", **rows, **changes}


def upload(name: str, text: str, **changes: Any) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, text.encode()), "same_question": "replace", **changes}


def test_an_item_is_written_changed_taken_out_and_brought_back(client: Client, golden: GoldenSet) -> None:
    inputs = {
        "inputs-name": ["month", "tools"],
        "inputs-kind": ["text", "json"],
        "inputs-value": ["April", '["smoker"]'],
    }
    response = client.post(page("add", golden), written(tags="hive, basics,", **inputs))
    assert response["Location"] == page("set", golden)
    row = items_of(golden, 1).get()
    assert (row.inputs, row.tags) == ({"month": "April", "tools": ["smoker"]}, ["hive", "basics"])
    shown = client.get(page("set", golden)).content.decode()
    assert "How many frames?" in shown
    assert "basics" in shown
    client.post(page("item", golden, 1), written(expected_kind="json", expected='{"frames": 10}', **inputs))
    history = client.get(page("item", golden, 1)).content.decode()
    assert "<del>Ten</del>" in history
    client.post(page("take_out", golden), {"item": ["1"]})
    assert "No items yet" in client.get(page("set", golden)).content.decode()
    assert "How many frames?" in client.get(page("set", golden) + "?version=2").content.decode()
    client.post(page("restore", golden, 1))
    assert items_of(golden, 4).get().expected == "Ten"
    said = client.get(page("versions", golden)).content.decode()
    assert "Back to version 1" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": ""}, "Give a question or at least one input."),
        ({"expected_kind": "json", "expected": "{no"}, "This is not valid JSON."),
        ({"inputs-name": ["a", "a"], "inputs-kind": ["text"] * 2, "inputs-value": ["1", "2"]}, "is there twice"),
        ({"tags": "x" * 61}, "up to 60 characters"),
    ],
)
def test_what_cannot_be_stored_is_said_in_the_form(
    client: Client, golden: GoldenSet, changes: dict[str, Any], words: str
) -> None:
    response = client.post(page("add", golden), written(**changes))
    assert response.status_code == 400
    assert words in response.content.decode()
    assert golden.items.count() == 0


def test_a_file_is_looked_through_and_then_taken_in(client: Client, golden: GoldenSet, editor: User) -> None:
    add_items(
        golden, [NewItem(question="Wood?", expected="Pine"), NewItem(question="Same?", expected="Yes")], by=editor
    )
    head = "Query;expected_output;tags;inputs.month;source"
    text = f'{head}\n"How\nmany?";Ten;a; April ;book\nWood?;Cedar;;;\nSame?;Yes;;;\n;;x;;\n'
    looked = client.post(page("look", golden), upload("spring.csv", text)).content.decode()
    for figure in ("New items", "Line 6", "Give a question or at least one input.", "Kept as notes: source"):
        assert figure in looked
    refused = client.post(page("import", golden), upload("spring.csv", text))
    assert refused.status_code == 400
    assert golden.versions.count() == 1
    done = client.post(page("import", golden), upload("spring.csv", text, leave_out_bad="on"))
    assert done["Location"] == page("set", golden) + "?done=2"
    rows = {row.question: row for row in items_of(golden, 2)}
    assert rows["Wood?"].expected == "Cedar"
    assert (rows["How\nmany?"].inputs, rows["How\nmany?"].metadata) == ({"month": " April "}, {"source": "book"})
    assert golden.versions.get(number=2).note == "spring.csv"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"colour,size\nred,1\n", "The first line must name the columns"),
        ("a.jsonl", b"\n\n", "The file holds no items."),
        ("a.csv", "question\nWo ist der Bär?".encode("latin-1"), "The file is not UTF-8"),
        ("a.pdf", b"%PDF", "Choose a CSV or JSONL file."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    client: Client, golden: GoldenSet, name: str, data: bytes, words: str
) -> None:
    for address in (page("look", golden), page("import", golden)):
        response = client.post(address, {"file": SimpleUploadedFile(name, data), "same_question": "add"})
        assert words in response.content.decode()


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_what_is_exported_can_be_taken_in_again(
    client: Client, golden: GoldenSet, team: Team, editor: User, format: str
) -> None:
    items = [
        NewItem(question="=1+1", expected="- two\n- lines", tags=("a", "b"), metadata={"from": "book"}),
        NewItem(inputs={"month": 4, "names": ["Bär", "熊"]}, expected={"inspect": True}),
        NewItem(question="No answer"),
    ]
    add_items(golden, items, by=editor)
    response = client.get(page("export", golden, 1, format))
    data = content_of(response)
    other = GoldenSet.objects.create(team=team, name="Copy")
    taken = {"file": SimpleUploadedFile(f"x.{format}", data), "same_question": "add"}
    assert client.post(page("import", other), taken).status_code == 302
    contents = [
        [(row.question, row.inputs, row.expected, row.metadata, row.tags) for row in items_of(each, 1)]
        for each in (golden, other)
    ]
    assert contents[0] == contents[1]
    assert LogEntry.objects.filter(user=editor, change_message__contains="Downloaded version 1").exists()


def test_a_turn_enters_a_set_with_the_correction_as_what_is_expected(
    client: Client, golden: GoldenSet, app: Application, editor: User
) -> None:
    turn = make_turn(app)
    address = reverse("admin:annotations_golden_from_message", args=[turn.id])
    assert WRONG in client.get(address).content.decode()
    services.correct_answer(turn.id, RIGHT, by=editor)
    shown = client.get(address)
    assert RIGHT in shown.content.decode()
    sent = written(question=QUESTION, expected=RIGHT, golden_set=str(golden.id))
    assert client.post(address, sent).status_code == 302
    row = items_of(golden, GoldenSet.objects.get(id=golden.id).version).get(source_message_id=turn.id)
    assert (row.question, row.expected, row.source_trace_id) == (QUESTION, RIGHT, turn.run_id)
    # From there a click leads back, and from the turn to the item.
    assert (
        reverse("admin:annotations_message_review", args=[turn.id])
        in client.get(page("item", golden, 1)).content.decode()
    )
    assert page("item", golden, row.number) in client.get(address).content.decode()


def test_nobody_reaches_the_sets_of_others(client: Client, golden: GoldenSet, team: Team, app: Application) -> None:
    turn = make_turn(app)
    others = Team.objects.create(slug="wasps", name="Wasps")
    stranger = User.objects.create_user(username="stan", is_staff=True)
    Membership.objects.create(team=others, user=stranger, role=Role.OWNER)
    viewer = User.objects.create_user(username="vera", is_staff=True)
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    names = ("set", "versions", "add", "import")
    client.force_login(stranger)
    for address in (*(page(name, golden) for name in names), page("export", golden, 1, "csv")):
        assert client.get(address).status_code == 404
    assert client.get(reverse("admin:annotations_golden_from_message", args=[turn.id])).status_code == 404
    client.force_login(viewer)
    assert [client.get(page(name, golden)).status_code for name in names] == [200, 200, 403, 403]
    assert client.post(page("take_out", golden), {"item": ["1"]}).status_code == 403


def test_pages_take_as_many_queries_however_much_there_is(
    client: Client, golden: GoldenSet, editor: User, django_assert_max_num_queries: Any
) -> None:
    for start in range(0, 120, 40):
        add_items(
            golden, [NewItem(question=f"Question {n}?", tags=("t",)) for n in range(start, start + 40)], by=editor
        )
    for address in (
        page("set", golden),
        page("set", golden) + "?tag=t&q=Question&after=50",
        page("versions", golden),
        page("item", golden, 7),
        reverse("admin:annotations_goldenset_changelist"),
    ):
        with django_assert_max_num_queries(24):
            assert client.get(address).status_code == 200
    second = client.get(page("set", golden) + "?after=50").content.decode()
    assert "Question 50?" in second
    assert "Question 49?" not in second


def test_a_set_of_another_app_of_another_team_cannot_be_made(client: Client, golden: GoldenSet) -> None:
    others = Team.objects.create(slug="wasps", name="Wasps")
    theirs = make_app(others, slug="nest")
    form = {"name": "Stolen", "description": "", "application": str(theirs.id)}
    response = client.post(reverse("admin:annotations_goldenset_add"), form)
    assert "application" in response.context["adminform"].form.errors
    assert GoldenSet.objects.count() == 1
