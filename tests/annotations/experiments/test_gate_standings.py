"""The page of a gate says how the published version and the draft stand before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from apps.annotations.models import Evaluator, GoldenSet, PublishGate
from apps.annotations.services.gates import save_gate
from apps.workflows.models import Application
from tests.annotations.experiments.conftest import draft, measure, saying

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


def test_the_page_of_a_gate_says_how_versions_stand(
    client: Client,
    app: Application,
    golden: Callable[..., GoldenSet],
    evaluator: Callable[..., Evaluator],
    manager: User,
    editor: User,
    django_assert_max_num_queries: Any,
) -> None:
    spring, exact = golden("One", "Two"), evaluator()
    save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.5, figure="mean", by=manager)
    gate = PublishGate.objects.get()
    client.force_login(editor)

    def shown() -> str:
        text = client.get(reverse("admin:annotations_publishgate_change", args=[gate.id])).content.decode()
        return " ".join(text.split())

    assert "Version 1, published and draft" in shown()
    assert "was not measured on “Spring”" in shown()
    assert "Run the experiment</a>" in shown()
    assert ("Not yet" in shown(), "Does not pass" in shown()) == (True, False)
    good = measure(spring, exact, app=app)
    assert "Passes" in shown()
    assert reverse("admin:annotations_experiment", args=[good.id]) in shown()
    number = draft(app, saying("No idea"))
    assert number == 2
    measure(spring, exact, app=app, version=number)
    with django_assert_max_num_queries(60):
        text = shown()
    assert ("Version 1, published<" in text, "Version 2, draft<" in text) == (True, True)
    assert "Does not pass" in text
    assert "Mean is 0 and must be at least 0.5" in text
    client.force_login(manager)
    assert "how versions stand" in shown().lower()
    assert "how versions stand" not in client.get(reverse("admin:annotations_publishgate_add")).content.decode().lower()
