"""Passwords cannot be guessed at the speed of the machine, and nobody else is kept out by who guesses."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from accounts import sign_in
from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def name() -> str:
    made = f"guess-{uuid4().hex[:10]}"
    User.objects.create_user(username=made, password=PASSWORD, is_staff=True)
    return made


def tried(name: str, password: str, *, page: str = "/login/", address: str = "10.1.2.3") -> tuple[bool, str]:
    """Whether it signed in, and what the page said."""
    client = Client(REMOTE_ADDR=address)
    answer = client.post(page, {"username": name, "password": password})
    return answer.status_code == 302, answer.content.decode()


@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_after_ten_wrong_passwords_even_the_right_one_waits(name, page):
    for _try in range(sign_in.MOST_FROM_ONE_ADDRESS):
        signed_in, said = tried(name, "wrong", page=page)
        assert not signed_in
        assert "Too many" not in said
    signed_in, said = tried(name, PASSWORD, page=page)
    assert not signed_in
    assert "Too many wrong passwords. Try again in 15 minutes." in said


def test_somebody_elsewhere_still_signs_in_meanwhile(name):
    for _try in range(sign_in.MOST_FROM_ONE_ADDRESS + 2):
        tried(name, "wrong", address="10.9.9.9")
    assert tried(name, PASSWORD, address="10.1.2.3")[0]


def test_the_right_password_forgets_the_wrong_ones_of_its_address(name):
    for _round in range(3):
        for _try in range(sign_in.MOST_FROM_ONE_ADDRESS - 1):
            tried(name, "wrong")
        assert tried(name, PASSWORD)[0]


def test_many_addresses_are_no_way_around(name):
    for number in range(sign_in.MOST_FROM_EVERYWHERE):
        sign_in.count_try(name, f"10.0.{number // 250}.{number % 250}")
    assert "Too many" in tried(name, PASSWORD, address="10.77.0.1")[1]


def test_the_case_of_a_name_is_no_way_around(name):
    for _try in range(sign_in.MOST_FROM_ONE_ADDRESS):
        tried(name, "wrong")
    assert "Too many" in tried(name.upper(), PASSWORD)[1]


def test_without_redis_people_sign_in(name, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    sign_in._client.cache_clear()
    try:
        assert tried(name, PASSWORD)[0]
    finally:
        sign_in._client.cache_clear()
