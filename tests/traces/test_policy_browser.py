"""The pages of policies, deletions and prices in a real browser: nothing breaks, nothing overflows a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Membership, Role
from apps.traces.models import TracePolicy
from providers.models import ModelPrice
from tests.traces.test_trace_browser import page  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(databases=["default", "traces"], transaction=True)]


@pytest.fixture
def addresses(team, operator, record):
    Membership.objects.filter(user=operator).update(role=Role.ADMIN)
    policy = TracePolicy.objects.create(team_id=team.id, retention_days=30, personal=["email", "phone"])
    price = ModelPrice.objects.create(team=team, model="house-*", input=1, output=2, note="Contract of 2026")
    record(end_user="ada")
    return {
        "policies": reverse("admin:traces_tracepolicy_changelist"),
        "policy": reverse("admin:traces_tracepolicy_change", args=[policy.id]),
        "prices": reverse("admin:providers_modelprice_changelist"),
        "price": reverse("admin:providers_modelprice_change", args=[price.id]),
        "listed": reverse("admin:providers_modelprice_listed"),
        "erasure": reverse("admin:traces_erasure_add"),
    }


def test_the_pages_fit_a_desk_and_a_phone(addresses, page, tmp_path):  # noqa: F811
    for name, address in addresses.items():
        for width in (1440, 375):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(address)
            page.screenshot(path=str(tmp_path / f"{name}_{width}.png"), full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} at {width}"


def test_a_deletion_is_counted_before_it_can_be_made(addresses, page):  # noqa: F811
    page.goto(addresses["erasure"])
    assert page.get_by_role("button", name="Delete 1 traces").count() == 0
    page.get_by_label("User").fill("ada")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete 1 traces").wait_for()
