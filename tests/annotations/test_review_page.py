"""The review screens: by keyboard in a real browser, and who may open them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import Annotation, Correction, Feedback
from apps.workflows.models import Conversation
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> [x](javascript:alert(1)) **bold**'


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A browser page that fails the test on script errors and on violations of the security policy."""
    from playwright.sync_api import sync_playwright

    # Playwright's own loop lives in this thread; the ORM is used from it in between, never inside.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda entry: faults.append(entry.text) if entry.type == "error" else None)
        yield page
        browser.close()
        # While that loop runs, Django keeps the test's connections apart from those it has without it.
        connections.close_all()
    assert faults == []


@pytest.fixture
def sign_in(page: Any, server: str, client: Any) -> Any:
    """Signs somebody in and opens the review page of a message."""

    def go(user: User, message_id: Any) -> Any:
        client.force_login(user)
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server}])
        page.goto(server + reverse("admin:annotations_message_review", args=[message_id]))
        return page

    return go


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_answer_is_rated_corrected_approved_and_withdrawn_by_keyboard_only(app, operator, sign_in, ask):
    older = make_turn(app, "When do bees swarm?", "In May.")
    turn = make_turn(app)
    page = sign_in(operator, turn.id)

    page.keyboard.press("2")
    page.wait_for_selector("[data-down][aria-pressed=true]")
    assert Feedback.objects.get(superseded_at=None).rating == "dislike"
    page.keyboard.press("1")
    page.wait_for_selector("[data-up][aria-pressed=true]")
    assert Feedback.objects.get(superseded_at=None).rating == "like"

    page.keyboard.press("c")
    page.keyboard.press("Control+a")
    # Letters and digits that are keys of the page are only text while somebody types.
    page.keyboard.type("Inspect a hive every 12 jk days")
    page.wait_for_selector("[data-diff] ins")
    assert page.locator("[data-diff] del").all_inner_texts() == ["once a year."]
    page.keyboard.press("Control+a")
    page.keyboard.type(RIGHT)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#approved-title")
    correction = Correction.objects.get()
    assert (correction.corrected, correction.original, correction.status) == (RIGHT, WRONG, "approved")
    assert ask(app, QUESTION).text == RIGHT

    page.keyboard.press("j")
    page.wait_for_url(f"**/{older.id}/")
    page.keyboard.press("k")
    page.wait_for_url(f"**/{turn.id}/")
    page.keyboard.press("Shift+?")
    page.wait_for_selector("#key-sheet[open]")
    assert "Save and approve the correction" in page.inner_text("#key-sheet")
    page.keyboard.press("Escape")

    page.locator("[data-open-dialog=withdraw]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#withdraw[open]")
    page.locator("[data-withdraw]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#approved-title", state="detached")
    assert ask(app, QUESTION) is None
    # The withdrawn text is still in the editor, to be approved again.
    page.keyboard.press("c")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#approved-title")
    assert ask(app, QUESTION).text == RIGHT


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_hostile_answers_passages_and_comments_stay_text(app, operator, sign_in):
    passage = {"position": 1, "document_name": HOSTILE, "content": HOSTILE, "page": 3, "score": 0.5}
    turn = make_turn(app, HOSTILE, HOSTILE, end_user=HOSTILE, metadata={"retriever_resources": [passage]})
    services.record_feedback(turn, rating="dislike", source="api", end_user=HOSTILE, text=HOSTILE)
    page = sign_in(operator, turn.id)
    page.keyboard.press("c")
    page.keyboard.type(HOSTILE)
    page.wait_for_selector("[data-diff] ins")
    assert page.title().startswith("Review an answer")
    assert page.locator("main img, main script, a[href^='javascript:']").count() == 0
    assert page.locator(".review-text strong").inner_text() == "bold"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#approved-title")
    assert page.locator("main img, main script").count() == 0


@pytest.mark.django_db
def test_the_dialogue_is_shown_around_the_answer_under_review(client, app, operator):
    talk = Conversation.objects.create(team=app.team, application=app, source="api", end_user="ada")
    turns = [make_turn(app, f"Question {n}?", f"Answer {n}.", conversation=talk) for n in range(4)]
    client.force_login(operator)
    response = client.get(reverse("admin:annotations_message_review", args=[turns[2].id]))
    assert [turn.id for turn in response.context["earlier"]] == [turn.id for turn in turns[:2]]
    assert response.context["later_turns"] == 1


@pytest.mark.django_db
def test_only_members_see_an_answer_and_only_some_of_them_review_it(client, app, team):
    turn = make_turn(app)
    page = reverse("admin:annotations_message_review", args=[turn.id])
    rate = reverse("admin:annotations_review_feedback", args=[turn.id])
    stranger = User.objects.create_user(username="stranger", is_staff=True)
    Membership.objects.create(team=Team.objects.create(slug="w", name="W"), user=stranger, role=Role.OWNER)
    viewer = User.objects.create_user(username="viewer", is_staff=True)
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    for user, sees, reviews in [(stranger, 404, 404), (viewer, 200, 403)]:
        client.force_login(user)
        assert client.get(page).status_code == sees
        assert client.post(rate, {"rating": "like"}).status_code == reviews
    assert not Feedback.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["review", "annotation", "annotationhit", "correction", "feedback", "fewshotexample"])
def test_each_list_shows_the_rows_of_ones_own_teams_only(client, app, operator, name):
    admin_of_wasps = User.objects.create_superuser(username="root")
    wasps = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps")
    for here, question in [(app, "Own question about bees?"), (wasps, "Foreign question about wasps?")]:
        turn = make_turn(here, question)
        services.record_feedback(turn, rating="dislike", source="api", end_user="ada")
        correction = services.correct_answer(turn.id, RIGHT, by=admin_of_wasps, approve=name != "review")
        if name == "annotationhit":
            record(correction, turn)
    client.force_login(operator)
    html = client.get(reverse(f"admin:annotations_{name}_changelist")).content.decode()
    assert "Own question about bees?" in html
    assert "Foreign question" not in html


def record(correction: Correction, turn: Any) -> None:
    from apps.annotations.services.hits import Hit, record_hit

    assert record_hit(
        Hit(
            team_id=turn.team_id,
            application_id=turn.application_id,
            annotation_id=correction.annotation.id,
            run_id=turn.run_id,
            message_id=turn.id,
            question=turn.query,
            annotation_question=turn.query,
            annotation_answer=RIGHT,
            score=1.0,
            source="api",
        )
    )


@pytest.mark.django_db
def test_a_withdrawn_correction_cannot_be_switched_on_from_the_list(client, app, operator):
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    services.withdraw_correction(correction, by=operator)
    client.force_login(operator)
    body = {"action": "enable", "_selected_action": [str(correction.annotation.id)]}
    html = client.post(reverse("admin:annotations_annotation_changelist"), body, follow=True).content.decode()
    assert "Its correction was withdrawn" in html
    assert not Annotation.objects.get().is_enabled


@pytest.mark.django_db
def test_the_list_finds_what_needs_somebody(client, app, operator):
    disliked, failed, fine = make_turn(app), make_turn(app, "Broken?", "", status="error"), make_turn(app, "Fine?")
    services.record_feedback(disliked, rating="dislike", source="api", end_user="ada")
    services.record_feedback(fine, rating="like", source="admin", user=operator)
    make_turn(app, "Measured?", source="experiment")
    client.force_login(operator)
    address = reverse("admin:annotations_review_changelist")
    shown = {
        show: [row.id for row in client.get(address, {"show": show}).context["rows"]]
        for show in ("disliked", "unreviewed", "errors", "all")
    }
    assert shown == {
        "disliked": [disliked.id],
        "unreviewed": [failed.id, disliked.id],
        "errors": [failed.id],
        "all": [fine.id, failed.id, disliked.id],
    }
    assert [row.id for row in client.get(address, {"show": "all", "q": "broken"}).context["rows"]] == [failed.id]
