"""The pages of publish gates: managers set them up, everybody of the team reads them, nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team, User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, GoldenSet, PublishGate
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from tests.annotations.experiments.conftest import member

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
LIST = reverse("admin:annotations_publishgate_changelist")
ADD = reverse("admin:annotations_publishgate_add")


def test_a_manager_sets_a_gate_up_and_an_editor_only_sees_it(
    client: Client,
    app: Application,
    golden: Callable[..., GoldenSet],
    evaluator: Callable[..., Evaluator],
    editor: User,
    manager: User,
) -> None:
    spring, exact = golden("One"), evaluator()
    body = {
        "application": str(app.id),
        "golden_set": str(spring.id),
        "evaluator": str(exact.id),
        "figure": "lower",
        "threshold": "",
        "against_live": "none",
        "is_enabled": "on",
    }
    client.force_login(editor)
    assert client.post(ADD, body).status_code == 403
    client.force_login(manager)
    refused = client.post(ADD, body)
    assert refused.status_code == 200
    assert "Give a threshold, or compare with the published version." in refused.content.decode()
    assert client.post(ADD, {**body, "threshold": "0.8"}).status_code == 302
    gate = PublishGate.objects.get()
    assert (gate.team_id, gate.threshold, gate.figure, gate.created_by) == (app.team_id, 0.8, "lower", manager)
    again = client.post(ADD, {**body, "threshold": "0.9"})
    assert (again.status_code, PublishGate.objects.count()) == (200, 1)
    change = reverse("admin:annotations_publishgate_change", args=[gate.id])
    assert client.post(change, {**body, "threshold": "0.7", "figure": "mean"}).status_code == 302
    gate.refresh_from_db()
    assert (gate.threshold, gate.figure) == (0.7, "mean")
    client.force_login(editor)
    assert "0.7 on average" in client.get(LIST).content.decode()
    assert client.get(change).status_code == 200
    assert client.post(change, {**body, "threshold": "0.1"}).status_code == 403

    wasp = member(Team.objects.create(slug="wasps", name="Wasps"), "wanda", Role.OWNER)
    client.force_login(wasp)
    assert "Spring" not in client.get(LIST).content.decode()
    assert "Spring" not in client.get(ADD).content.decode()
    assert client.post(ADD, {**body, "threshold": "0.8"}).status_code == 200
    assert PublishGate.objects.count() == 1


def test_the_page_of_a_gate_says_when_its_set_has_moved_on_and_moves_it(
    client: Client,
    app: Application,
    golden: Callable[..., GoldenSet],
    evaluator: Callable[..., Evaluator],
    editor: User,
    manager: User,
) -> None:
    spring, autumn, exact = golden("One"), golden("Two", name="Autumn"), evaluator()
    body = {
        "application": str(app.id),
        "golden_set": str(spring.id),
        "set_version": "",
        "evaluator": str(exact.id),
        "figure": "lower",
        "threshold": "0.8",
        "against_live": "none",
        "is_enabled": "on",
    }
    client.force_login(manager)
    assert "no such version" in client.post(ADD, {**body, "set_version": "2"}).content.decode()
    assert client.post(ADD, body).status_code == 302
    gate = PublishGate.objects.get()
    assert gate.set_version == 1
    for question in ("Three", "Four"):
        add_items(spring, [NewItem(question=question)], by=editor)
    assert "Spring v1 (newest: 3)" in client.get(LIST).content.decode()
    form = reverse("admin:annotations_publishgate_change", args=[gate.id])
    assert "Version 3 is the newest one." in client.get(form).content.decode()

    action = {"action": "use_newest", "_selected_action": [str(gate.id)]}
    client.force_login(editor)
    client.post(LIST, action)
    gate.refresh_from_db()
    assert gate.set_version == 1
    client.force_login(manager)
    client.post(LIST, action)
    gate.refresh_from_db()
    assert gate.set_version == 3
    # Of another set it is another number.
    assert client.post(form, {**body, "golden_set": str(autumn.id), "set_version": "3"}).status_code == 302
    gate.refresh_from_db()
    assert (gate.golden_set, gate.set_version) == (autumn, 1)
