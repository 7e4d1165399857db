"""Corrections as people meet them: their page, their list, their switches, and what leads back from products."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import Correction, CorrectionSettings, GoldenSet, PreferencePair
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn
from tests.annotations.test_queues import make_config, make_queue

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
#: The page of a correction asks this often, whatever it came from and led to.
MOST_QUERIES = 28


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def golden(team: Team) -> GoldenSet:
    return GoldenSet.objects.create(team=team, name="Spring")


def address(name: str, row: Any) -> str:
    return reverse(f"admin:annotations_correction_{name}", args=[getattr(row, "slug", None) or row.id])


def disliked_and_proposed(app: Application, by: User) -> Correction:
    """A turn that somebody disliked, that entered a queue, and that was corrected there."""
    make_queue(app.team, configs=[make_config(app.team)])
    turn = make_turn(app)
    services.record_feedback(
        turn, rating="dislike", source="public", end_user="v", reason="wrong", text="It is weekly."
    )
    return services.correct_answer(turn.id, RIGHT, by=by, approve=False, propose=True)


def test_every_step_from_the_answer_to_the_products_and_back_is_a_link_that_opens(
    client: Client, app: Application, editor: User, operator: User, golden: GoldenSet
) -> None:
    change_settings(app, Switches(golden_set_id=golden.id, needs_second_person=True), by=editor)
    correction = disliked_and_proposed(app, operator)
    client.force_login(editor)
    body = {"seen": correction.updated_at.isoformat()}
    html = client.post(address("approve", correction), body, follow=True).content.decode()
    steps = dict(re.findall(r'href="([^"]+)" data-chain="([^"]+)"', html))
    assert set(steps.values()) == {"conversation", "answer", "feedback", "queue-item", "trace"}
    products = re.findall(r'<li class="product"[^>]*data-product="([^"]+)">.*?<a href="([^"]+)"', html, re.DOTALL)
    assert {kind for kind, _url in products} == {"annotation", "example", "golden-item", "preference-pair"}
    own = address("change", correction)
    for url, step in steps.items():
        assert client.get(url.split("#")[0]).status_code == (404 if step == "trace" else 200), step
    for kind, url in products:
        opened = client.get(url)
        assert opened.status_code == 200, kind
        if kind != "golden-item":
            assert own in opened.content.decode(), kind
    item = next(url for url, step in steps.items() if step == "queue-item")
    assert own in client.get(item).content.decode()


def test_the_page_is_read_in_few_queries(
    client: Client, app: Application, editor: User, operator: User, django_assert_max_num_queries: Any
) -> None:
    correction = disliked_and_proposed(app, operator)
    services.approve_correction(correction, by=editor)
    client.force_login(editor)
    client.get(address("change", correction))
    with django_assert_max_num_queries(MOST_QUERIES):
        assert client.get(address("change", correction)).status_code == 200


def test_both_texts_are_shown_by_words_and_side_by_side(client: Client, app: Application, operator: User) -> None:
    turn = make_turn(app, answer="<b>Once</b> a year.")
    correction = services.correct_answer(turn.id, "Every <i>week</i>.", by=operator)
    client.force_login(operator)
    words = client.get(address("change", correction)).content.decode()
    sides = client.get(address("change", correction), {"view": "sides"}).content.decode()
    assert "<ins>" in words
    assert "The answer that was given" in sides
    for html in (words, sides):
        assert "<i>week" not in html
        assert "&lt;" in html


def test_a_correction_outlives_its_message(client: Client, app: Application, operator: User) -> None:
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=operator)
    turn.conversation.delete()
    client.force_login(operator)
    html = client.get(address("change", correction)).content.decode()
    assert "deleted since" in html
    assert str(correction.trace_id) in html
    client.post(address("withdraw", correction))
    assert Correction.objects.get().status == "withdrawn"


def test_a_proposal_is_approved_or_sent_back_by_somebody_else_on_its_page(
    client: Client, app: Application, editor: User, operator: User
) -> None:
    change_settings(app, Switches(needs_second_person=True), by=editor)
    correction = disliked_and_proposed(app, operator)
    client.force_login(operator)
    page = client.get(address("change", correction)).content.decode()
    assert "somebody else has to approve" in page
    assert "data-approve" not in page
    assert "somebody else" in client.post(address("approve", correction), follow=True).content.decode()
    assert Correction.objects.get().is_proposed

    client.force_login(editor)
    stale = {"seen": correction.created_at.isoformat()}
    assert "Read it again" in client.post(address("approve", correction), stale, follow=True).content.decode()
    client.post(address("send_back", correction), {"remark": "Name the source."})
    client.force_login(operator)
    review = reverse("admin:annotations_message_review", args=[correction.message_id])
    for url in (address("change", correction), review):
        assert "Name the source." in client.get(url).content.decode()
    client.post(address("propose", correction))
    client.force_login(editor)
    assert "data-proposal" in client.get(review).content.decode()
    client.post(address("approve", correction), {"from": "review"})
    assert Correction.objects.get().approved_by == editor


def test_the_switches_of_an_app_are_changed_on_their_page(
    client: Client, app: Application, editor: User, operator: User, golden: GoldenSet
) -> None:
    body = {"makes_example": "on", "golden_set": str(golden.id), "needs_second_person": "on"}
    client.force_login(operator)
    assert client.get(address("switches", app)).status_code == 200
    assert client.post(address("switches", app), body).status_code == 403
    client.force_login(editor)
    assert client.post(address("switches", app), body).status_code == 302
    row = CorrectionSettings.objects.get()
    assert (row.makes_annotation, row.makes_example, row.makes_preference_pair) == (False, True, False)
    assert (row.golden_set, row.needs_second_person, row.changed_by) == (golden, True, editor)
    listed = client.get(reverse("admin:annotations_correction_settings")).content.decode()
    assert app.name in listed
    assert "in “Spring”" in listed
    foreign = GoldenSet.objects.create(team=Team.objects.create(slug="w", name="W"), name="Foreign")
    page = client.post(address("switches", app), {"golden_set": str(foreign.id)})
    assert "Select a valid choice" in page.content.decode()


def test_corrections_of_other_teams_are_not_there_and_viewers_only_look(
    client: Client, app: Application, operator: User, team: Team
) -> None:
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    stranger = User.objects.create_user(username="sam", is_staff=True)
    Membership.objects.create(team=Team.objects.create(slug="w", name="W"), user=stranger, role=Role.OWNER)
    viewer = User.objects.create_user(username="vic", is_staff=True)
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    pair = reverse("admin:annotations_preferencepair_change", args=[PreferencePair.objects.get().id])
    for user, sees, acts in [(stranger, 404, 404), (viewer, 200, 403)]:
        client.force_login(user)
        assert client.get(address("change", correction)).status_code == sees
        assert client.get(pair).status_code == (200 if sees == 200 else 302)
        for name in ("approve", "propose", "send_back", "withdraw"):
            assert client.post(address(name, correction)).status_code == acts, name
        assert client.get(address("switches", app)).status_code == sees
    assert Correction.objects.get().is_approved


def test_the_list_approves_what_it_can_and_says_why_not(
    client: Client, app: Application, editor: User, operator: User
) -> None:
    change_settings(app, Switches(needs_second_person=True), by=editor)
    theirs = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    own = services.correct_answer(make_turn(app, "Own?").id, RIGHT, by=editor)
    client.force_login(editor)
    body = {"action": "approve", "_selected_action": [str(theirs.id), str(own.id)]}
    html = client.post(reverse("admin:annotations_correction_changelist"), body, follow=True).content.decode()
    assert "1 approved." in html
    assert "somebody else has to approve" in html
    assert {row.id: row.status for row in Correction.objects.all()} == {theirs.id: "approved", own.id: "proposed"}


@pytest.mark.parametrize(("name", "query"), [("correction", "app={app}"), ("feedback", "history=all")])
def test_the_lists_can_be_narrowed_by_their_own_filters(
    client: Client, app: Application, operator: User, name: str, query: str
) -> None:
    disliked_and_proposed(app, operator)
    client.force_login(operator)
    address = reverse(f"admin:annotations_{name}_changelist") + "?" + query.format(app=app.id)
    assert QUESTION in client.get(address).content.decode()


def test_a_blind_queue_shows_reviewers_their_own_answers_only(
    client: Client, app: Application, editor: User, operator: User
) -> None:
    from apps.annotations.services.claiming import claim_next
    from apps.annotations.services.submitting import submit_answers

    config = make_config(app.team, "Right?")
    queue = make_queue(app.team, configs=[config], overlap=2)
    services.record_feedback(make_turn(app), rating="dislike", source="api", end_user="ada")
    claimed = claim_next(queue, by=editor)
    assert claimed is not None
    submit_answers(claimed.id, {str(config.id): False}, by=editor)
    page = reverse("admin:annotations_queue_item", args=[queue.id, claimed.item_id])
    for user, sees in [(editor, True), (operator, False)]:
        client.force_login(user)
        assert (">erna<" in client.get(page).content.decode()) is sees
    other = make_queue(make_app(Team.objects.create(slug="w", name="W"), slug="w").team, configs=[], name="Theirs")
    foreign = reverse("admin:annotations_queue_item", args=[other.id, claimed.item_id])
    assert client.get(foreign).status_code == 404


def test_the_question_and_the_original_stand_on_the_page_of_a_pair(
    client: Client, app: Application, operator: User
) -> None:
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    client.force_login(operator)
    html = client.get(reverse("admin:annotations_preferencepair_changelist")).content.decode()
    for text in (QUESTION, WRONG, RIGHT):
        assert text in html
