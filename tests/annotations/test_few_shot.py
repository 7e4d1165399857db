"""Examples in the prompts of real runs: which ones, within which budget, and what the trace tells of them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from apps.annotations import services
from apps.annotations.models import FewShotExample
from apps.traces.models import Span, Trace
from apps.traces.recorder.observer import flush
from apps.workflows.models import Application
from apps.workflows.services import import_document
from model_runtime.tokens import TokenScale, estimate_tokens
from tests.annotations.conftest import QUESTION, RIGHT

CHAT = """
skep: 1
app: {name: Beekeeper, kind: chat}
features: {annotation_reply: {threshold: 1}}
nodes:
  - {id: start, type: start}
  - id: ask
    type: llm
    config:
      model: {name: demo}
      few_shot: {k: 2, token_budget: 60, min_score: 0.1}
      prompt: [{role: user, text: "{{ sys.query }}"}]
  - {id: say, type: answer, config: {text: "{{ ask.text }}"}}
edges: [{from: start, to: ask}, {from: ask, to: say}]
"""


@pytest.fixture
def beekeeper(team: Team) -> Application:
    application, _saved = import_document(text=CHAT, team_id=team.id)
    facts: dict[str, Any] = {"team_id": team.id, "application_id": application.id}
    long = "Look at the brood, the food and the queen. " * 20
    services.add_example(**facts, question=QUESTION, answer=long)
    services.add_example(**facts, question="How often should I inspect hives?", answer=RIGHT)
    services.add_example(**facts, question="How often should I feed a hive?", answer="Only when it is hungry.")
    services.add_example(**facts, question="Who wrote Faust?", answer="Goethe.")
    return application


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_the_trace_of_a_run_names_its_examples_with_their_similarity_and_leads_to_them(
    client: Client, beekeeper: Application, operator: User
) -> None:
    call_command("run_app", "beekeeper", "--query", QUESTION, "--team", "bees", stdout=io.StringIO())
    assert flush(10)
    trace = Trace.objects.get()
    span = Span.objects.get(trace=trace, node_id="ask")
    process = span.payload.process
    kept = {row.question: str(row.id) for row in FewShotExample.objects.all()}
    names = ["How often should I inspect hives?", "How often should I feed a hive?"]
    assert [(each["question"], each["id"]) for each in process["examples"]] == [(name, kept[name]) for name in names]
    assert 1 > process["examples"][0]["score"] > process["examples"][1]["score"] >= 0.1
    budget = process["examples_budget"]
    assert (budget["tokens"], budget["too_long"]) == (60, 1)
    assert budget["used"] == sum(each["tokens"] for each in process["examples"]) <= 60
    assert [each["text"] for each in process["messages"]][:2] == [names[0], RIGHT]

    client.force_login(operator)
    address = reverse("admin:traces_trace_change", args=[trace.id])
    page = client.get(f"{address}?span={span.id}&tab=examples").content.decode()
    for name in names:
        assert reverse("admin:annotations_fewshotexample_change", args=[kept[name]]) in page
    assert f"{budget['used']} of 60 tokens" in page
    assert "One more was near enough and too long." in page
    assert f"{process['examples'][0]['score']:.4f}" in page


def test_tokens_are_counted_as_the_provider_of_the_model_did_before() -> None:
    scale, text = TokenScale(), "A text of some words. " * 10
    plain = estimate_tokens(text)
    assert scale.count("lab/wordy", text) == plain
    for _ in range(30):
        scale.learn("lab/wordy", estimated=100, reported=150)
    assert scale.count("lab/wordy", text) == -(-plain * 3 // 2)
    assert scale.count("lab/terse", text) == plain
    # What was not about the text (a picture, a cached prompt) changes nothing; nor do a few words.
    scale.learn("lab/wordy", estimated=100, reported=100_000)
    scale.learn("lab/wordy", estimated=3, reported=1)
    assert scale.count("lab/wordy", text) == -(-plain * 3 // 2)
