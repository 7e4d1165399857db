"""Which model a name means, tried down to the wire."""

import asyncio

import pytest

from accounts.models import Team
from model_runtime.errors import ProviderMisconfigured, UnauthorizedProvider
from model_runtime.providers.demo import DemoChatModel
from model_runtime.providers.hashing import HashingEmbedder
from model_runtime.transport import close_clients
from model_runtime.types import Message, ModelParameters
from providers.errors import ModelNotFound
from providers.services import (
    default_chat_model_name,
    default_embedding_model_name,
    list_models,
    open_chat_model,
    open_embedding_model,
    store_credential,
)
from tests.model_runtime.openai_server import OpenAIServer, Refusal

pytestmark = pytest.mark.django_db
ENV = {"name": "openai", "kind": "openai_compatible", "base_url": "https://api.example/v1", "api_key": "k"}


@pytest.fixture
def team():
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture(autouse=True)
def _no_providers(settings):
    settings.ENV_PROVIDERS, settings.MODEL_MAP, settings.EGRESS_ALLOW, settings.EGRESS_DENY = [], {}, "", ""


@pytest.fixture
def server():
    with OpenAIServer().in_thread() as running:
        yield running


def store(team, name="ours", **more):
    details = {"base_url": "https://ours.example/v1", "secret": "sk-1", "chat_models": ["small", "org/large"], **more}
    return store_credential(team_id=team.id, name=name, **details)


def chat_name(name, team):
    return open_chat_model(name, team_id=team.id).name


async def say(model):
    try:
        messages = [Message(role="user", text="hi")]
        return "".join([chunk.text async for chunk in model.stream(messages, parameters=ModelParameters())])
    finally:
        await close_clients()


@pytest.mark.parametrize("name", ["", "demo", "gpt-4o-mini", "openai/gpt-4o"])
def test_without_a_provider_every_name_means_the_built_in_models(team, name):
    assert isinstance(open_chat_model(name, team_id=team.id), DemoChatModel)
    assert isinstance(open_embedding_model(name, team_id=team.id), HashingEmbedder)
    assert default_chat_model_name(team.id) == "demo"
    assert default_embedding_model_name(team.id) == "hashing"


def test_the_built_in_models_are_there_beside_providers(team, settings):
    settings.ENV_PROVIDERS, settings.MODEL_MAP = [ENV], {"*": "openai/gpt-4o-mini"}
    assert chat_name("demo", team) == "demo"
    assert open_embedding_model("hashing", team_id=team.id).name == "hashing"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("small", "ours/small"),
        ("ours/small", "ours/small"),
        ("org/large", "ours/org/large"),
        ("ours/org/large", "ours/org/large"),
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("meta-llama/llama-3", "openai/meta-llama/llama-3"),
        ("old-name", "ours/small"),
        ("", "ours/small"),
    ],
)
def test_a_name_is_looked_for_in_the_map_then_the_team_s_then_the_operator_s(team, settings, asked, meant):
    settings.ENV_PROVIDERS, settings.MODEL_MAP = [ENV], {"old-name": "small"}
    store(team)
    assert chat_name(asked, team) == meant


def test_a_star_in_the_map_stands_for_every_chat_model_and_for_no_embedding_model(team, settings):
    settings.ENV_PROVIDERS, settings.MODEL_MAP = [ENV], {"*": "openai/gpt-4o-mini"}
    assert chat_name("claude", team) == "openai/gpt-4o-mini"
    assert open_embedding_model("text-embedding-3-small", team_id=team.id).name == "openai/text-embedding-3-small"


def test_a_name_that_nobody_serves_is_refused_with_what_there_is(team):
    store(team)
    for name in ("huge", "ours/huge", "theirs/small"):
        with pytest.raises(ModelNotFound) as caught:
            open_chat_model(name, team_id=team.id)
        assert caught.value.available == ("ours/small", "ours/org/large", "demo")
        assert "ours/small" in caught.value.message


def test_another_team_s_and_a_disabled_credential_do_not_count(team):
    other = Team.objects.create(slug="wasps", name="Wasps")
    store(other)
    store(team, name="off", is_enabled=False)
    assert chat_name("small", team) == "demo"
    assert [info.name for info in list_models(team.id)] == ["demo", "hashing"]


@pytest.mark.parametrize(
    ("asked", "name", "dim"),
    [
        ("my-embed", "ours/my-embed", 768),
        ("ours/my-embed", "ours/my-embed", 768),
        ("my-embed@768", "ours/my-embed", 768),
        ("bge-m3", "ours/bge-m3", 1024),
        ("openai/text-embedding-3-large", "openai/text-embedding-3-large", 3072),
        ("openai/other@640", "openai/other", 640),
        ("", "ours/my-embed", 768),
    ],
)
def test_an_embedding_model_comes_with_its_dimension(team, settings, asked, name, dim):
    settings.ENV_PROVIDERS = [ENV]
    store(team, embedding_models=["my-embed@768", {"name": "bge-m3"}])
    model = open_embedding_model(asked, team_id=team.id)
    assert (model.name, model.dim, model.space) == (name, dim, f"{name}/v1/{dim}")


def test_an_embedding_model_of_unknown_dimension_is_refused_with_advice(team, settings):
    settings.ENV_PROVIDERS = [ENV]
    with pytest.raises(ProviderMisconfigured, match="@1024"):
        open_embedding_model("openai/unheard-of", team_id=team.id)


def test_opening_a_model_takes_one_query(team, django_assert_max_num_queries):
    store(team)
    with django_assert_max_num_queries(1):
        open_chat_model("small", team_id=team.id)


def test_the_operator_s_provider_is_reached_on_this_machine(team, settings, server):
    settings.ENV_PROVIDERS = [server.as_env_provider(api_key="sk-env", chat_model="small")]
    assert asyncio.run(say(open_chat_model("", team_id=team.id))) == "Hello from the wire."
    assert server.requests[0].headers["authorization"] == "Bearer sk-env"
    assert server.requests[0].body["model"] == "small"


def test_a_team_s_provider_is_not_reached_on_this_machine_unless_the_operator_allows_it(team, settings, server):
    store(team, base_url=server.base_url, secret="sk-team")
    with pytest.raises(ProviderMisconfigured) as caught:
        asyncio.run(say(open_chat_model("small", team_id=team.id)))
    assert caught.value.details["reason"] == "egress_refused"
    assert server.requests == []
    settings.EGRESS_ALLOW = f"127.0.0.1:{server.port}"
    assert asyncio.run(say(open_chat_model("small", team_id=team.id))) == "Hello from the wire."
    assert server.requests[0].headers["authorization"] == "Bearer sk-team"


def test_a_refused_key_is_a_typed_error(team, settings, server):
    settings.ENV_PROVIDERS = [server.as_env_provider()]
    server.script(Refusal(401, {"error": {"message": "bad key test-key"}}))
    with pytest.raises(UnauthorizedProvider):
        asyncio.run(say(open_chat_model("any", team_id=team.id)))


def test_a_key_that_cannot_be_decrypted_asks_to_be_entered_again(team, settings):
    store(team)
    settings.ENCRYPTION_KEYS = ["a different key"]
    with pytest.raises(ProviderMisconfigured, match="enter it again"):
        open_chat_model("small", team_id=team.id)
