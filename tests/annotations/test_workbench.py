"""The workbench: reviewed, decided and set up where people do it, and who may."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, Team, User
from apps.annotations import services
from apps.annotations.models import Assignment, ReviewQueue, Score, ScoreConfig
from tests.annotations.conftest import make_turn
from tests.annotations.test_queues import make_config, make_items, make_queue, person
from tests.annotations.test_review_page import page  # noqa: F401  # the browser


@pytest.fixture
def visit(page: Any, server: str, client: Any) -> Callable[..., Any]:  # noqa: F811
    """Signs somebody in and opens a page of a queue."""

    def go(user: User, name: str, *args: Any) -> Any:
        client.force_login(user)
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server}])
        page.goto(server + reverse(f"admin:annotations_queue_{name}", args=args))
        return page

    return go


def wait_for_item(page: Any, text: str) -> None:  # noqa: F811
    page.wait_for_function("text => document.querySelector('[data-ask]').textContent === text", arg=text)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_draft_outlives_the_page_an_answer_is_taken_back_and_an_item_skipped(team, operator, visit):
    rating = make_config(team, "Rating", "numeric", minimum=1, maximum=5)
    note = make_config(team, "Why", "text")
    queue = make_queue(team, configs=[rating, note])
    make_items(queue, 3)
    work = visit(operator, "work", queue.id)
    wait_for_item(work, "Question 0")
    work.keyboard.press("Enter")
    work.wait_for_selector("[data-error]:not([hidden])")
    work.keyboard.press("4")
    work.keyboard.press("c")
    work.keyboard.type("Clear.")
    work.wait_for_function("() => document.querySelector('[data-draft-state]').textContent === 'Draft saved'")
    work.reload()
    wait_for_item(work, "Question 0")
    assert work.get_attribute("[data-value='4']", "aria-pressed") == "true"
    assert work.input_value("textarea[data-field]") == "Clear."
    work.keyboard.press("Enter")
    wait_for_item(work, "Question 1")
    work.keyboard.press("z")
    wait_for_item(work, "Question 0")
    assert not Score.objects.exists()
    work.keyboard.press("5")
    work.keyboard.press("5")
    work.keyboard.press("2")
    work.keyboard.press("Enter")
    wait_for_item(work, "Question 1")
    assert Score.objects.get(config=rating).number == 2
    work.keyboard.press("s")
    work.keyboard.press("3")
    wait_for_item(work, "Question 2")
    assert Assignment.objects.get(state="skipped").skip_reason == "language"
    work.keyboard.press("?")
    assert "Skip with a reason" in work.inner_text("#key-sheet")
    work.keyboard.press("Escape")


def claim(client: Any, queue: ReviewQueue, **body: Any) -> Any:
    return client.post(reverse("admin:annotations_queue_claim", args=[queue.id]), body, "application/json")


def test_only_members_who_review_get_items_and_only_editors_decide(client, team, operator):
    queue, named = make_queue(team), make_queue(team, name="Named", configs=[make_config(team, "B")])
    make_items(queue, 1)
    stranger = person(Team.objects.create(slug="wasps", name="Wasps"), "walt", Role.OWNER)
    named.reviewers.add(person(team, "nora"))
    viewer = person(team, "vera", Role.VIEWER)
    item = queue.items.get()
    decide = reverse("admin:annotations_queue_decide", args=[queue.id, item.id])
    for user, status, deciding in [(stranger, 404, 404), (viewer, 403, 403), (operator, 200, 403)]:
        client.force_login(user)
        assert claim(client, queue).status_code == status
        assert client.get(decide).status_code == deciding
    assert claim(client, named).status_code == 403


def test_nobody_acts_on_what_is_in_other_hands(client, team, operator):
    queue = make_queue(team)
    make_items(queue, 1)
    client.force_login(operator)
    mine = claim(client, queue).json()["item"]["assignment"]
    ben = person(team, "ben")
    client.force_login(ben)
    assert claim(client, queue).json()["item"] is None
    for verb in ("heartbeat", "draft", "submit", "skip", "release"):
        address = reverse("admin:annotations_queue_act", args=[queue.id, mine, verb])
        body = {"answers": {}, "reason": "other"}
        assert client.post(address, body, "application/json").status_code == 409


def test_blind_queues_show_nothing_of_others_and_open_ones_do(client, team, operator):
    config = make_config(team)
    for name, blind in (("Blind", True), ("Open", False)):
        queue = make_queue(team, configs=[config], name=name, overlap=2, is_blind=blind)
        make_items(queue, 1)
        client.force_login(operator)
        mine = claim(client, queue).json()["item"]["assignment"]
        address = reverse("admin:annotations_queue_act", args=[queue.id, mine, "submit"])
        answered = client.post(address, {"answers": {str(config.id): True}}, "application/json")
        assert answered.json()["progress"] == {"done": 1, "left": 0}
        ben = User.objects.filter(username="ben").first() or person(team, "ben")
        client.force_login(ben)
        others = claim(client, queue).json()["item"].get("others")
        assert others == (None if blind else [{"name": "olga", "answers": {str(config.id): True}}])


@pytest.mark.django_db(databases=["default", "traces"])
def test_an_editor_sets_up_a_question_and_a_queue(client, team, operator):
    edna = person(team, "edna", Role.EDITOR)
    client.force_login(operator)
    add = reverse("admin:annotations_reviewqueue_add")
    assert client.get(add).status_code == 403
    client.force_login(edna)
    config = {"name": "Tone", "kind": "categorical", "categories": "warm\ncold\n", "tolerance": "0"}
    assert client.post(reverse("admin:annotations_scoreconfig_add"), config).status_code == 302
    tone = team_config(team)
    assert tone.categories == ["warm", "cold"]
    assert client.get(add).status_code == 200
    form = {"name": "Costly", "overlap": "2", "is_open": "on", "feed": "expensive", "asks": str(tone.id)}
    refused = client.post(add, form)
    assert refused.status_code == 200
    assert list(refused.context["adminform"].form.errors) == ["cost"]
    assert client.post(add, {**form, "cost": "0.50"}).status_code == 302
    queue = ReviewQueue.objects.get()
    assert (queue.team, queue.created_by, queue.feed_options) == (team, edna, {"cost": "0.5"})
    assert [row.config for row in queue.questions.all()] == [tone]
    listed = client.get(reverse("admin:annotations_reviewqueue_changelist"))
    assert "Costly" in listed.content.decode()
    assert client.get(reverse("admin:annotations_reviewqueue_change", args=[queue.id])).status_code == 200


@pytest.mark.django_db(databases=["default", "traces"])
def test_a_queue_asks_in_the_order_of_its_form(client, team):
    edna = person(team, "edna", Role.EDITOR)
    client.force_login(edna)
    add = reverse("admin:annotations_reviewqueue_add")
    assert reverse("admin:annotations_scoreconfig_add") in client.get(add).content.decode()
    text, right, tone = make_config(team, "A text", "text"), make_config(team, "Right?"), make_config(team, "Tone")
    offered = client.get(add).context["adminform"].form.fields["asks"].queryset
    assert list(offered) == [right, tone, text], "what takes a key comes before what is written"
    form = {"name": "Asked", "overlap": "1", "is_open": "on", "feed": "dislikes"}
    assert client.post(add, {**form, "asks": [str(tone.id), str(text.id), str(right.id)]}).status_code == 302
    queue = ReviewQueue.objects.get()
    assert [row.config for row in queue.questions.all()] == [tone, text, right]
    change = client.get(reverse("admin:annotations_reviewqueue_change", args=[queue.id]))
    assert list(change.context["adminform"].form.fields["asks"].queryset) == [tone, text, right]


def test_a_queue_is_filled_by_hand_and_its_pages_ask_a_bounded_number_of_questions(
    client, team, app, django_assert_max_num_queries
):
    edna = person(team, "edna", Role.EDITOR)
    queue = make_queue(team, is_continuous=False)
    for number in range(12):
        services.record_feedback(make_turn(app, f"Q {number}"), rating="dislike", source="api", end_user="ada")
    client.force_login(edna)
    fill = reverse("admin:annotations_queue_fill", args=[queue.id])
    assert client.post(fill, {"days": "7"}).status_code == 302
    assert queue.items.count() == 12
    with django_assert_max_num_queries(25):
        assert client.get(reverse("admin:annotations_queue_overview", args=[queue.id])).status_code == 200
    with django_assert_max_num_queries(25):
        assert client.get(reverse("admin:annotations_reviewqueue_changelist")).status_code == 200
    with django_assert_max_num_queries(35):
        assert claim(client, queue).json()["item"]["question"] == "Q 0"
    Assignment.objects.update(leased_until=timezone.now() - dt.timedelta(minutes=1))
    assert claim(client, queue).json()["item"]["question"] == "Q 0"


def team_config(team: Team) -> Any:
    return ScoreConfig.objects.get(team=team, name="Tone")
