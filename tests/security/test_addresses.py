"""Addresses, numbers and values that no page ever makes: a refusal, never a fault of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from tests.security.conftest import Tenant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
SignedIn = Callable[..., Client]
MANY_DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "path",
    [
        "/?q=%00",
        "/palette.json?q=%00",
        "/datasets/?q=a%00b",
        "/datasets/%00/",
        "/datasets/bees-papers/?q=%00",
        "/admin/traces/trace/?q=%00",
        "/admin/traces/span/?q=%00",
        "/admin/traces/agentthought/?q=%00",
        "/admin/workflows/run/?status__exact=%00",
    ],
)
def test_a_nul_in_an_address_is_refused_before_the_database_sees_it(
    bees: Tenant, signed_in: SignedIn, path: str
) -> None:
    client = signed_in(bees=Role.OWNER)
    client.raise_request_exception = False
    answer = client.get(path)
    assert answer.status_code == 400
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "messages?conversation_id=%00",
        f"messages?limit={MANY_DIGITS}",
        f"conversations?limit={MANY_DIGITS}",
        f"apps/annotations?page={MANY_DIGITS}",
        f"app/feedbacks?page={MANY_DIGITS}",
    ],
)
def test_the_api_refuses_what_is_no_number_or_text_in_its_own_shape(bees: Tenant, client: Client, path: str) -> None:
    client.raise_request_exception = False
    answer = client.get(f"/v1/{path}", headers={"Authorization": f"Bearer {bees.key()}"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_param"


@pytest.mark.parametrize("mode", [["streaming"], {"a": 1}, 1, True])
def test_a_response_mode_that_is_no_word_is_refused(bees: Tenant, client: Client, mode: Any) -> None:
    client.raise_request_exception = False
    answer = client.post(
        "/v1/chat-messages",
        {"query": "Hello", "user": "ada", "response_mode": mode},
        content_type="application/json",
        headers={"Authorization": f"Bearer {bees.key()}"},
    )
    assert answer.status_code == 400
    assert answer.json()["details"]["path"] == "/response_mode"


def test_publishing_a_version_with_thousands_of_digits_publishes_nothing(bees: Tenant, signed_in: SignedIn) -> None:
    client = signed_in(bees=Role.OWNER)
    client.raise_request_exception = False
    live = bees.app.live_id
    answer = client.post(f"/apps/{bees.app.slug}/publish/", {"number": MANY_DIGITS})
    assert answer.status_code == 302
    bees.app.refresh_from_db()
    assert bees.app.live_id == live


@pytest.mark.parametrize(
    "path",
    [
        "providers/providercredential/?encrypted_secret__startswith=g",
        "accounts/apikey/?digest__startswith=a",
        "workflows/run/?application__team__memberships__user__password__startswith=p",
        "workflows/run/?query__regex=(a%2B)%2B$",
    ],
)
def test_columns_that_nobody_is_shown_cannot_be_guessed_in_the_address(
    bees: Tenant, signed_in: SignedIn, path: str
) -> None:
    client = signed_in(bees=Role.OWNER)
    client.raise_request_exception = False
    assert client.get(f"/admin/{path}").status_code == 400
    listed = client.get(f"/admin/datasets/document/?dataset__id__exact={bees.dataset.id}")
    assert listed.status_code == 200, "the links of the admin's own pages work"


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "undefined", "raw_unicode_escape"])
@pytest.mark.parametrize("path", ["/login/", "/forms/x/", "/hooks/x/", "/v1/chat-messages"])
def test_an_encoding_that_takes_long_to_read_is_refused_from_everybody(
    client: Client, db: None, path: str, encoding: str
) -> None:
    client.raise_request_exception = False
    answer = client.generic("POST", path, b"--b--", f"multipart/form-data; boundary=b; charset={encoding}")
    assert answer.status_code == 400


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "latin1", "windows-1252", "Shift_JIS", "never-heard-of"])
def test_encodings_that_people_use_are_taken(client: Client, db: None, encoding: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--b--\r\n'
    answer = client.generic("POST", "/login/", body, f"multipart/form-data; boundary=b; charset={encoding}")
    assert answer.status_code == 200
