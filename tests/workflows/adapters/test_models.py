"""The engine's model port over a team's providers: what crosses it, on the wire and from the demo model."""

from __future__ import annotations

import json

import pytest

from accounts.models import Team
from apps.workflows.adapters.models import TeamModels
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.ports import ModelRequest, Picture, PromptMessage, ReplyShape, ToolCall, ToolOffer
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.engine.ports_for_tests import HeldFiles

pytestmark = pytest.mark.django_db(transaction=True)

PICTURE = {"kind": "file", "id": "f1", "name": "cat.png", "type": "image", "mime_type": "image/png"}
FILES = HeldFiles({"f1": FileContent(name="cat.png", mime_type="image/png", content=b"\x89PNG")})
SHAPE = ReplyShape(name="days", schema={"type": "object", "properties": {"days": {"type": "integer"}}})


@pytest.fixture
def team():
    return Team.objects.create(name="Beekeepers", slug="beekeepers")


@pytest.fixture
def provider(settings):
    with OpenAIServer().in_thread() as server:
        settings.ENV_PROVIDERS = [server.as_env_provider()]
        yield server


def request(*messages, **more):
    return ModelRequest(model="openai/gpt-4o-mini", messages=messages, **more)


async def gathered(models, asked):
    return [delta async for delta in models.stream(asked)]


async def test_pictures_calls_tools_and_the_shape_reach_the_provider(team, provider):
    turns = (
        PromptMessage(role="user", text="What is it?", pictures=[Picture(file=PICTURE, detail="low")]),
        PromptMessage(role="assistant", text="", tool_calls=[ToolCall(id="c1", name="look", arguments="{}")]),
        PromptMessage(role="tool", text="A cat", tool_call_id="c1"),
    )
    provider.script(Completion("A cat."))
    offer = ToolOffer(name="look", description="Looks.", parameters={"type": "object"})
    deltas = await gathered(TeamModels(team.id, files=FILES), request(*turns, tools=[offer], shape=SHAPE))
    body = provider.requests[0].body
    assert body["messages"][0]["content"][1]["image_url"] == {"url": "data:image/png;base64,iVBORw==", "detail": "low"}
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    assert body["tools"][0]["function"]["name"] == "look"
    assert body["response_format"]["json_schema"]["name"] == "days"
    assert "".join(delta.text for delta in deltas) == "A cat."
    assert (deltas[-1].model, deltas[-1].provider) == ("openai/gpt-4o-mini", "openai")


async def test_a_picture_that_may_not_be_read_is_not_sent(team, provider):
    message = PromptMessage(role="user", text="x", pictures=[Picture(file={**PICTURE, "id": "somebody-else-s"})])
    with pytest.raises(NodeFailure) as failed:
        await gathered(TeamModels(team.id, files=FILES), request(message))
    assert (failed.value.code, provider.requests) == ("file_not_found", [])


async def test_the_built_in_model_gives_data_and_calls_tools(team, settings):
    settings.ENV_PROVIDERS = []
    models = TeamModels(team.id)
    message = PromptMessage(role="user", text="It takes 3 days.")
    deltas = await gathered(models, request(message, shape=SHAPE))
    assert json.loads("".join(delta.text for delta in deltas)) == {"days": 3}
    offer = ToolOffer(name="note", description="Takes days down.", parameters=SHAPE.schema)
    deltas = await gathered(models, request(message, tools=[offer], tool_choice="note"))
    assert deltas[-1].tool_calls == [ToolCall(id="call_1", name="note", arguments='{"days":3}')]
    assert (deltas[-1].model, deltas[-1].provider) == ("demo", "built-in")
