"""Whatever goes wrong in an API view leaves as {code, message, status}."""

from __future__ import annotations

import json

import pytest
from django.http import Http404
from django.test import Client
from rest_framework import exceptions

from support.api import handle_exception
from support.errors import Busy, ConsoleError, InvalidInput


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (InvalidInput("No.", path="/x"), 400, "invalid_param"),
        (Busy("Later."), 429, "too_many_requests"),
        (Http404("secret path"), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.ParseError(), 400, "invalid_param"),
        (exceptions.ValidationError({"name": ["Too long."]}), 400, "invalid_param"),
        (exceptions.NotAuthenticated(), 401, "unauthorized"),
    ],
)
def test_known_errors_keep_their_meaning(raised: Exception, status: int, code: str) -> None:
    response = handle_exception(raised, {})
    assert response.status_code == status
    assert response.data["code"] == code
    assert response.data["status"] == status
    assert response.data["message"]


def test_an_unforeseen_error_says_nothing_of_itself_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    response = handle_exception(RuntimeError("password=hunter2"), {})
    assert response.status_code == 500
    assert "hunter2" not in json.dumps(response.data)
    assert "unhandled error" in caplog.text


def test_every_error_knows_its_wire_shape() -> None:
    body = InvalidInput("Two things are wrong.", errors=[{"path": "/a"}]).as_dict()
    assert body == {
        "code": "invalid_param",
        "message": "Two things are wrong.",
        "status": 400,
        "details": {"errors": [{"path": "/a"}]},
    }
    assert ConsoleError("x").as_dict()["status"] == 500


@pytest.mark.parametrize("address", ["/v1/nothing", "/v1/", "/v1/messages/7/feedbacks"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_the_api_does_not_have_is_answered_as_json(address: str, method: str) -> None:
    response = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert response.status_code == 404
    assert response.json() == {"code": "not_found", "message": f"There is nothing at {address}.", "status": 404}
