"""The page of a conversation: what was said, what each answer took and was thought of; sessions elsewhere too."""

import datetime as dt
import json
import re

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.annotations.selectors.review import open_turn
from apps.annotations.services import record_feedback
from apps.traces.models import Trace
from tests.annotations.conftest import make_app, make_turn
from tests.traces import elsewhere, stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
CITED = {
    "position": 1,
    "document_name": "Leave.pdf",
    "dataset_name": "Handbook",
    "page": 12,
    "segment_id": "0190f0c4-0000-7000-8000-000000000001",
    "content": "Thirty days <b>a year</b>.",
}


@pytest.fixture
def app(team):
    return make_app(team, slug="handbook")


@pytest.fixture
def traced(record):
    """Writes the trace of a turn, as its run would have left it."""

    def write(message, tell=stories.retrieval_chat, **changes):
        facts = {
            "run_id": message.run_id,
            "team_id": message.team_id,
            "application_id": message.application_id,
            "conversation_id": message.conversation_id,
            "message_id": message.id,
        }
        return record(tell, **{**facts, **changes})

    return write


@pytest.fixture
def read(client, operator):
    client.force_login(operator)

    def get(address, **query):
        response = client.get(address, query)
        assert response.status_code == 200, response.status_code
        return response.content.decode()

    return get


def page_of(conversation) -> str:
    return reverse("admin:traces_conversation", args=[conversation.id])


def session_page(team) -> str:
    return reverse("admin:traces_session", args=[team.id])


def numbers(page: str) -> list[str]:
    return re.findall(r'aria-label="Turn ([\d,]+)"', page)


def dislike(message, *, user="ada", text=""):
    turn = open_turn(message.id, team_ids=[message.team_id])
    return record_feedback(turn, rating="dislike", source="api", end_user=user, reason="wrong", text=text)


def test_each_turn_shows_its_sources_thoughts_cost_and_what_people_thought(app, traced, read, operator):
    first = make_turn(app, "How much leave?", "Thirty days [1].", metadata={"retriever_resources": [CITED]})
    second = make_turn(app, "And dogs?", "<script>alert(1)</script>", conversation=first.conversation)
    trace = traced(first)
    traced(second, stories.annotated_reply)
    dislike(first, text="It was <i>25</i> days.")

    page = read(page_of(first.conversation))
    assert numbers(page) == ["1", "2"]
    assert "Thirty days [1]." in page
    assert "&lt;b&gt;a year&lt;/b&gt;" in page
    assert "page 12" in page
    assert "gpt-4o-mini" in page
    assert "1 thought" in page
    assert "812 in, 64 out" in page
    assert "Not helpful" in page
    assert "It was &lt;i&gt;25&lt;/i&gt; days." in page
    assert "1 not helpful" in page
    assert "<script>alert(1)" not in page
    for name, key in (
        ("admin:traces_trace_change", trace.id),
        ("admin:workflows_run_change", first.run_id),
        ("admin:annotations_message_review", second.id),
    ):
        assert reverse(name, args=[key]) in page


def test_the_conversation_of_the_list_is_this_page(app, client, operator):
    message = make_turn(app)
    client.force_login(operator)
    response = client.get(reverse("admin:workflows_conversation_change", args=[message.conversation_id]))
    assert (response.status_code, response["Location"]) == (302, page_of(message.conversation))


def test_turns_without_a_trace_or_that_still_run_are_shown_too(app, read):
    gone = make_turn(app, "Old question", "Old answer")
    running = make_turn(app, "New question", "", conversation=gone.conversation, status="running")
    page = read(page_of(gone.conversation))
    assert "Old answer" in page
    assert "312 in, 28 out" in page
    assert reverse("admin:traces_trace_change", args=[gone.run_id]) not in page
    assert "The answer is being written." in page
    assert "Watch" in page
    assert reverse("admin:traces_trace_change", args=[running.run_id]) in page


def test_a_long_conversation_comes_in_pages_and_leads_to_the_next_trouble(app, client, read):
    first = make_turn(app, "Question 0", "Answer 0")
    turns = [first] + [
        make_turn(app, f"Question {n}", f"Answer {n}", conversation=first.conversation) for n in range(1, 70)
    ]
    for n in (5, 40):
        turns[n].status = "error"
        turns[n].error = {"code": "model_unavailable", "message": "It did not answer."}
        turns[n].save()
    dislike(turns[60])
    address = page_of(first.conversation)
    page = read(address, page=3)
    assert numbers(page) == [str(n) for n in range(51, 71)]
    assert "Turns 51 to 70 of 70" in page
    assert numbers(read(address, page=99)) == numbers(page)

    def leads(**query):
        response = client.get(address, query)
        assert response.status_code == 302
        return response["Location"]

    assert leads(find="error") == f"{address}?page=1#turn-{turns[5].id}"
    assert leads(find="error", after=str(turns[5].id)) == f"{address}?page=2#turn-{turns[40].id}"
    assert leads(find="error", after=str(turns[40].id)) == f"{address}?page=1#turn-{turns[5].id}"
    assert leads(find="dislike") == f"{address}?page=3#turn-{turns[60].id}"
    assert leads(at=str(turns[30].id)) == f"{address}?page=2#turn-{turns[30].id}"


def test_ten_or_thousands_of_turns_cost_the_same_queries(app, traced, client, operator):
    client.force_login(operator)
    short = make_turn(app)
    traced(short)
    long = make_turn(app)
    for n in range(40):
        message = make_turn(app, f"Question {n}", conversation=long.conversation)
        traced(message)
        if n % 10 == 0:
            dislike(message)
    few, many = queries(client, page_of(short.conversation)), queries(client, page_of(long.conversation))
    assert few == many
    assert many[1] == 2  # the traces with their thoughts; what all come to
    assert many[0] <= 14


def test_a_session_of_thousands_of_traces_is_read_a_page_at_a_time(team, client, operator):
    client.force_login(operator)
    since = timezone.now() - dt.timedelta(hours=9)
    template = elsewhere.foreign_trace(team.id, session="other", input={"messages": [{"role": "user", "content": "Q"}]})
    fields = {
        field.attname: getattr(template, field.attname)
        for field in Trace._meta.concrete_fields
        if field.attname not in ("id", "started_at", "session")
    }
    Trace.objects.bulk_create(
        Trace(**fields, session="s <1>", started_at=since + dt.timedelta(seconds=n)) for n in range(3_000)
    )
    address = session_page(team)
    response = client.get(address, {"session": "s <1>", "page": 120})
    page = response.content.decode()
    assert numbers(page) == [f"{n:,}" for n in range(2_976, 3_001)]
    assert "Turns 2,976 to 3,000 of 3,000" in page
    assert queries(client, f"{address}?session=other")[1] == queries(client, f"{address}?session=s+%3C1%3E&page=60")[1]
    found = client.get(address, {"session": "s <1>", "at": str(Trace.objects.filter(session="s <1>").first().id)})
    assert found.status_code == 302


def test_a_session_from_elsewhere_is_read_like_a_conversation(team, read):
    asked = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where to go?"}]}
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "To the sea."}]}]
    elsewhere.foreign_trace(team.id, input=asked, output={"messages": said}, total_tokens=12, input_tokens=9)
    elsewhere.foreign_trace(
        team.id, input="And then?", output={}, status="failed", error_message="No tool", error_code="tool_missing"
    )
    elsewhere.foreign_trace(team.id, session="another", input="Elsewhere")
    page = read(session_page(team), session="session-42")
    assert "Where to go?" in page
    assert "To the sea." in page
    assert "Be kind." not in page
    assert "And then?" in page
    assert "tool_missing" in page
    assert "1 error" in page
    assert "Elsewhere" not in page


def test_amounts_of_different_currencies_are_not_added_up(team, read):
    elsewhere.foreign_trace(team.id, cost="1.5", currency="USD")
    elsewhere.foreign_trace(team.id, cost="2", currency="CNY")
    elsewhere.foreign_trace(team.id, cost="0.5", currency="USD")
    assert "¥2.00 + $2.00" in read(session_page(team), session="session-42")


def test_files_have_every_turn_with_what_belongs_to_it(app, traced, client, read):
    first = make_turn(app, "How much leave?", "Thirty days [1].", metadata={"retriever_resources": [CITED]})
    traced(first)
    for n in range(30):
        make_turn(app, f"Question {n}", "x" * 9_000, conversation=first.conversation)
    dislike(first, text="It was 25.")
    lines = [json.loads(line) for line in read(page_of(first.conversation), download="jsonl").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 32))
    assert lines[0]["citations"][0]["document_name"] == "Leave.pdf"
    assert lines[0]["feedback"][0]["text"] == "It was 25."
    assert len(lines[1]["answer"]) == 9_000  # the page cuts, the file does not
    told = client.get(page_of(first.conversation), {"download": "markdown"})
    assert told["Content-Disposition"].endswith('.md"')
    text = told.content.decode()
    assert "> How much leave?" in text
    assert "[1] Leave.pdf, page 12" in text
    assert "## 31." in text


def test_other_teams_conversations_and_sessions_are_not_there(app, client, operator, team):
    message = make_turn(app)
    elsewhere.foreign_trace(team.id)
    stranger = User.objects.create_user(username="sam", password="a long password", is_staff=True)
    other = Team.objects.create(slug="wasps", name="Wasps")
    Membership.objects.create(team=other, user=stranger, role=Role.OPERATOR)
    client.force_login(stranger)
    assert client.get(page_of(message.conversation)).status_code == 404
    assert client.get(session_page(team), {"session": "session-42"}).status_code == 404
    assert client.get(session_page(other), {"session": "session-42"}).status_code == 404
    client.force_login(operator)
    assert client.get(session_page(team)).status_code == 404


def test_an_empty_conversation_says_what_would_be_here(app, read):
    message = make_turn(app)
    conversation = message.conversation
    message.delete()
    assert "Nothing was said yet" in read(page_of(conversation))


def queries(client, address) -> tuple[int, int]:
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["traces"]) as traces,
    ):
        assert client.get(address).status_code == 200
    own = [each["sql"] for each in traces.captured_queries if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    return len(default), len(own)
