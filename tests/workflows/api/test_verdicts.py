"""A verdict given earlier is shown where messages are listed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx


def test_the_list_of_messages_tells_an_end_user_his_own_verdict_only(
    server: str, make_app: Callable[..., Any], key_of: Callable[..., dict[str, str]]
) -> None:
    headers = key_of(make_app())
    body = {"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking"}
    reply = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20).json()
    url = f"{server}/v1/messages/{reply['message_id']}/feedbacks"
    assert httpx.post(url, json={"rating": "dislike", "user": "ada"}, headers=headers).status_code == 200
    params = {"conversation_id": reply["conversation_id"], "user": "ada"}
    listed = httpx.get(f"{server}/v1/messages", params=params, headers=headers).json()
    assert listed["data"][0]["feedback"] == {"rating": "dislike"}
    assert httpx.post(url, json={"rating": None, "user": "ada"}, headers=headers).status_code == 200
    listed = httpx.get(f"{server}/v1/messages", params=params, headers=headers).json()
    assert listed["data"][0]["feedback"] is None
