"""Good cases enter golden sets from the lists where people meet them, are counted before, and can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Correction, GoldenSet
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn
from tests.annotations.test_queues import person
from tests.traces.conftest import record  # noqa: F401  # the trace of a told run

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
PUT = "/admin/annotations/goldenset/put/"


@pytest.fixture
def editor(client: Client, team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client.force_login(user)
    return user


@pytest.fixture
def golden(team: Team, app: Application, editor: User) -> GoldenSet:
    made = GoldenSet.objects.create(team=team, application=app, name="Spring")
    items = [NewItem(question="Known?", expected="Yes"), NewItem(question="Moot?", expected="Old")]
    add_items(made, items, by=editor)
    return made


def held(golden: GoldenSet) -> dict[str, Any]:
    golden.refresh_from_db()
    return {row.question: row.expected for row in items_of(golden, golden.version)}


def words_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_answers_of_the_review_list_are_counted_added_once_and_taken_back(
    client: Client, app: Application, golden: GoldenSet
) -> None:
    turns = [make_turn(app, ask, say) for ask, say in (("New?", "Sure"), ("Known?", "Yes"), ("Moot?", "New"))]
    back = reverse("admin:annotations_review_changelist") + "?show=all"
    listed = client.get(back).content.decode()
    assert f'formaction="{PUT}"' in listed
    asked = words_of(client.get(PUT, {"ids": [str(turn.id) for turn in turns]}, headers={"Referer": back}))
    for figure in ("3 cases are picked", "One is new", "One is there already", "One is there with another answer"):
        assert figure in asked
    body = {"ids": ",".join(str(turn.id) for turn in turns), "set": str(golden.id), "back": back}
    done = client.post(PUT, body, follow=True)
    assert done.redirect_chain[-1][0].startswith(reverse("admin:annotations_golden_set", args=[golden.id]))
    said = words_of(done)
    for figure in ("One item was added.", "Version 2", "One item was in the set already.", "which stays", "Back to"):
        assert figure in said
    assert held(golden) == {"New?": "Sure", "Known?": "Yes", "Moot?": "Old"}
    assert golden.versions.get(number=2).origin == "conversation"
    assert client.post(PUT, body, follow=True).content.decode().count("data-undo") == 0
    undo = reverse("admin:annotations_golden_undo", args=[golden.id, 2])
    assert "version 3 stands now" in words_of(client.post(undo, follow=True))
    assert held(golden) == {"Known?": "Yes", "Moot?": "Old"}
    # Undone is undone: nothing of that version is left to take back.
    assert "nothing left of version 2" in words_of(client.post(undo, follow=True))
    assert golden.versions.count() == 3


def test_another_answer_takes_the_place_of_the_old_one_where_that_is_asked_for(
    client: Client, app: Application, golden: GoldenSet
) -> None:
    turn = make_turn(app, "Moot?", "New")
    body = {"ids": str(turn.id), "set": str(golden.id), "same_question": "replace"}
    assert "One item was changed." in words_of(client.post(PUT, body, follow=True))
    assert held(golden)["Moot?"] == "New"
    client.post(reverse("admin:annotations_golden_undo", args=[golden.id, 2]))
    assert held(golden)["Moot?"] == "Old"


def test_a_new_set_is_made_on_the_way_and_a_taken_name_is_said_in_the_form(
    client: Client, app: Application, golden: GoldenSet
) -> None:
    turn = make_turn(app, "New?", "Sure")
    body = {"ids": str(turn.id), "set": "new", "team": str(app.team_id)}
    for name, words in (("", "Give the new set a name"), ("Spring", "There is a golden set with this name already.")):
        refused = client.post(PUT, {**body, "name": name})
        assert refused.status_code in (400, 409, 422)
        assert words in refused.content.decode()
        assert f'value="{turn.id}"' in refused.content.decode()
    client.post(PUT, {**body, "name": "  Good   ones "})
    made = GoldenSet.objects.get(name="Good ones")
    assert (made.application_id, held(made)) == (app.id, {"New?": "Sure"})


def test_corrections_enter_with_the_better_answer_and_leave_with_their_approval(
    client: Client, app: Application, golden: GoldenSet, editor: User
) -> None:
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=editor)
    waiting = services.correct_answer(make_turn(app, "Later?").id, "Better", by=editor, approve=False)
    address = reverse("admin:annotations_correction_changelist")
    chosen = [str(correction.id), str(waiting.id)]
    form = client.post(address, {"action": "add_to_golden_set", "_selected_action": chosen})
    assert "One correction is left out: it is not approved." in words_of(form)
    client.post(PUT, {"ids": ",".join(chosen), "set": str(golden.id)})
    assert held(golden)[QUESTION] == RIGHT
    # The message itself is the same case.
    assert "One is there already" in words_of(client.get(PUT, {"ids": str(turn.id)}))
    # Where corrections go by themselves is another matter than where somebody put them.
    other = GoldenSet.objects.create(team=golden.team, name="By itself")
    change_settings(app, Switches(golden_set_id=other.id), by=editor)
    again = services.correct_answer(make_turn(app, "Third?").id, "Best", by=editor)
    services.approve_correction(again, by=editor)
    assert QUESTION in held(golden)
    services.withdraw_correction(Correction.objects.get(id=correction.id), by=editor)
    assert QUESTION not in held(golden)


def test_disliked_answers_are_nothing_to_expect(
    client: Client, app: Application, golden: GoldenSet, editor: User
) -> None:
    bad, good = make_turn(app, "Bad?", WRONG), make_turn(app, "Good?", "Fine")
    services.record_feedback(bad, rating="dislike", source="api", end_user="ada")
    services.record_feedback(good, rating="like", source="api", end_user="ada")
    services.record_feedback(good, rating="like", source="api", end_user="bob")
    address = reverse("admin:annotations_feedback_changelist")
    listed = client.get(address)
    chosen = [str(row.id) for row in listed.context["cl"].result_list]
    assert len(chosen) == 3
    form = client.post(address, {"action": "add_to_golden_set", "_selected_action": chosen})
    assert "2 cases are picked" in words_of(form)
    assert "One enters without an expected answer" in words_of(form)
    client.post(PUT, {"ids": f"{bad.id},{good.id}", "set": str(golden.id)})
    assert {"Bad?": None, "Good?": "Fine"}.items() <= held(golden).items()


def test_traces_are_offered_the_page_in_their_list_and_enter_by_its_filters(
    client: Client,
    golden: GoldenSet,
    record: Any,  # noqa: F811
) -> None:
    traces = [record() for _ in range(2)]
    listed = client.get(reverse("admin:traces_trace_changelist")).content.decode()
    assert f'action="{PUT}"' in listed
    assert (
        f"{PUT}?ids={traces[0].id}"
        in client.get(reverse("admin:traces_trace_change", args=[traces[0].id])).content.decode()
    )
    # Both ask the same: the second is the first one again.
    asked = words_of(client.get(PUT, {"ids": "", "query": "since=7d"}))
    for figure in ("2 cases are picked", "One is new", "One is picked twice"):
        assert figure in asked
    ids = ",".join(str(trace.id) for trace in traces)
    client.post(PUT, {"ids": ids, "set": str(golden.id)})
    assert len(held(golden)) == 3
    assert items_of(golden, 2).last().source_trace_id in {trace.id for trace in traces}


def test_nobody_puts_what_is_not_theirs_or_where_they_may_not(
    client: Client, app: Application, team: Team, golden: GoldenSet, django_assert_max_num_queries: Any
) -> None:
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    theirs = GoldenSet.objects.create(team=wasps, name="Theirs")
    foreign = make_turn(make_app(wasps, slug="nest"), "Foreign question?", "Answer")
    own = make_turn(app, "Own question?", "Answer")
    with django_assert_max_num_queries(40):
        shown = words_of(client.get(PUT, {"ids": f"{own.id},{foreign.id}"}))
    assert "One is left out: it is no longer there, or not yours to review." in shown
    assert "Theirs" not in shown
    for golden_set in (golden, theirs):
        client.post(PUT, {"ids": f"{own.id},{foreign.id}", "set": str(golden_set.id)})
    assert "Own question?" in held(golden)
    assert "Foreign question?" not in held(golden)
    assert held(theirs) == {}
    vera = person(team, "vera", Role.VIEWER)
    client.force_login(vera)
    before = golden.version
    assert "None of these can enter" in words_of(client.get(PUT, {"ids": str(own.id)}))
    client.post(PUT, {"ids": str(own.id), "set": str(golden.id)})
    undo = reverse("admin:annotations_golden_undo", args=[golden.id, golden.version])
    assert client.post(undo).status_code == 403
    golden.refresh_from_db()
    assert golden.version == before
    operator = person(team, "olga", Role.OPERATOR)
    client.force_login(operator)
    assert 'value="new"' not in client.get(PUT, {"ids": str(own.id)}).content.decode()
    assert client.post(PUT, {"ids": str(own.id), "set": "new", "name": "Mine"}).status_code == 403
    assert not GoldenSet.objects.filter(name="Mine").exists()


def test_nothing_picked_is_answered_with_a_way_on(client: Client, editor: User) -> None:
    assert "Nothing is picked" in words_of(client.get(PUT))
    assert "Nothing is picked" in words_of(client.get(PUT, {"ids": "no-id", "back": "https://evil.example/"}))
