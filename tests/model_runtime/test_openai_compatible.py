"""The OpenAI-compatible client against a server on a real socket."""

import asyncio
import time
from contextlib import aclosing

import pytest

from model_runtime.errors import (
    BadModelRequest,
    ContextTooLong,
    InsufficientQuota,
    InvalidModelReply,
    ModelError,
    ModelRefused,
    ProviderMisconfigured,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    StreamInterrupted,
    UnauthorizedProvider,
)
from model_runtime.providers.openai_compatible import OpenAICompatibleChat, OpenAICompatibleEmbeddings
from model_runtime.transport import Endpoint, Timeouts, client_for, close_clients
from model_runtime.types import Message, ModelParameters
from support.egress import EgressPolicy
from tests.model_runtime.openai_server import Completion, Embeddings, OpenAIServer, Raw, Refusal, vector_of

KEY = "sk-very-secret-0123456789"
ASK = [Message(role="system", text="Be brief."), Message(role="user", text="你好, who are you?")]
QUICK = Timeouts(connect=1, read=0.3, total=2)


@pytest.fixture
async def server():
    async with OpenAIServer() as running:
        yield running
        await close_clients()


def endpoint(server, **more):
    return Endpoint(
        **{"provider": "openai", "base_url": server.base_url, "api_key": KEY, "policy": server.policy, **more}
    )


async def ask(server, *, parameters=None, **more):
    chat = OpenAICompatibleChat(endpoint(server, **more), model="small")
    return [chunk async for chunk in chat.stream(ASK, parameters=parameters or ModelParameters())]


def text_of(chunks):
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("split", [None, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_an_answer_is_whole_wherever_the_bytes_are_split(server, split, newline):
    said = "Ich heiße Skep 蜂巢 🐝\u2028\u0085 and that is all."
    server.script(Completion(said, split=split, newline=newline))
    chunks = await ask(server)
    assert text_of(chunks) == said
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]


async def test_the_provider_s_usage_is_reported_on_the_last_chunk(server):
    details = {
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    server.script(Completion("yes", usage={"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, **details}))
    usage = (await ask(server))[-1].usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.estimated) == (9, 3, 12, False)
    assert (usage.cached_input_tokens, usage.reasoning_tokens) == (4, 2)
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


async def test_usage_is_estimated_and_marked_when_the_provider_reports_none(server):
    server.script(Completion("a short answer", usage=None))
    usage = (await ask(server))[-1].usage
    assert usage.estimated
    assert 0 < usage.output_tokens < 10 < usage.input_tokens


async def test_the_request_carries_the_key_the_messages_and_only_the_parameters_that_were_set(server):
    wanted = ModelParameters.from_mapping({"temperature": 0.0, "stop": "END", "top_k": 5, "seed": None})
    await ask(server, parameters=wanted)
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "small",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "你好, who are you?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "stop": ["END"],
        "top_k": 5,
    }


async def test_a_server_that_answers_in_one_piece_is_understood(server):
    server.script(Completion("all at once", streamed=False))
    chunks = await ask(server)
    assert text_of(chunks) == "all at once"
    assert chunks[-1].usage.total_tokens == 16


async def test_a_stream_without_done_but_with_a_finish_reason_is_complete(server):
    server.script(Completion("fine", done=False, finish_reason="length"))
    assert (await ask(server))[-1].finish_reason == "length"


async def test_optional_fields_that_the_server_rejects_are_left_out_the_second_time(server):
    server.script(
        Refusal(400, {"error": {"message": "Unrecognized request argument: stream_options"}}),
        Refusal(400, {"error": {"message": "Use 'max_completion_tokens' instead", "param": "max_tokens"}}),
        Completion("then it works"),
    )
    chunks = await ask(server, parameters=ModelParameters(max_tokens=20))
    assert text_of(chunks) == "then it works"
    last = server.requests[-1].body
    assert "stream_options" not in last
    assert "max_tokens" not in last
    assert last["max_completion_tokens"] == 20


@pytest.mark.parametrize(
    ("refusal", "expected", "retryable"),
    [
        (
            Refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
            UnauthorizedProvider,
            False,
        ),
        (Refusal(403, "forbidden"), UnauthorizedProvider, False),
        (Refusal(402, {"error": {"message": "Insufficient Balance"}}), InsufficientQuota, False),
        (Refusal(429, {"error": {"message": "no", "code": "insufficient_quota"}}), InsufficientQuota, False),
        (Refusal(429, {"error": {"message": f"slow down {KEY}"}}), RateLimited, True),
        (Refusal(500, "<html>oops</html>"), ProviderUnavailable, True),
        (Refusal(529, {"error": {"type": "overloaded_error"}}), ProviderUnavailable, True),
        (Refusal(504), ProviderTimeout, True),
        (
            Refusal(404, {"error": {"message": "The model `small` does not exist"}}),
            ProviderMisconfigured,
            False,
        ),
        (Refusal(307, headers={"Location": "http://127.0.0.1:1/"}), ProviderMisconfigured, False),
        (Refusal(400, {"error": {"message": "x", "code": "context_length_exceeded"}}), ContextTooLong, False),
        (Refusal(400, {"error": {"message": "x", "code": "content_filter"}}), ModelRefused, False),
        (Refusal(400, {"error": {"message": f"temperature {KEY} is bad"}}), BadModelRequest, False),
        (Refusal(422, {"detail": [{"loc": ["body"], "msg": "bad"}]}), BadModelRequest, False),
    ],
)
async def test_a_refusal_becomes_the_error_that_says_what_to_do(server, refusal, expected, retryable):
    server.script(refusal)
    with pytest.raises(ModelError) as caught:
        await ask(server)
    assert type(caught.value) is expected
    assert caught.value.retryable is retryable
    assert caught.value.partial_text == ""
    assert KEY not in repr(caught.value.as_dict())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_a_rate_limit_says_how_long_to_wait(server, headers, seconds):
    server.script(Refusal(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        await ask(server)
    assert caught.value.retry_after == seconds


async def test_a_huge_error_page_is_cut_short(server):
    server.script(Refusal(500, "x" * 5_000_000))
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(server)
    assert len(caught.value.message) < 500


async def test_a_closed_port_is_an_unavailable_provider():
    policy = EgressPolicy().allowing("127.0.0.1")
    gone = Endpoint(provider="gone", base_url="http://127.0.0.1:1/v1", policy=policy)
    with pytest.raises(ProviderUnavailable, match="gone cannot be reached"):
        await anext(OpenAICompatibleChat(gone, model="m").stream(ASK, parameters=ModelParameters()))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "no url", "http://[::1/v1"])
async def test_an_address_that_is_none_is_the_operator_s_mistake(url):
    wrong = Endpoint(provider="wrong", base_url=url, policy=EgressPolicy.parse(allow=["*"]))
    with pytest.raises(ProviderMisconfigured):
        await anext(OpenAICompatibleChat(wrong, model="m").stream(ASK, parameters=ModelParameters()))


async def test_a_private_address_is_refused_unless_it_is_allowed(server):
    with pytest.raises(ProviderMisconfigured) as caught:
        await ask(server, policy=EgressPolicy())
    assert caught.value.details["reason"] == "egress_refused"
    assert server.requests == []


async def test_a_provider_that_never_answers_times_out(server):
    server.script(Completion(hang_after=0))
    began = time.monotonic()
    with pytest.raises(ProviderTimeout):
        await ask(server, timeouts=QUICK)
    assert time.monotonic() - began < 1.5


async def test_a_provider_that_drips_for_ever_meets_the_total_timeout(server):
    server.script(Completion("word " * 100, pause=0.05))
    with pytest.raises(StreamInterrupted) as caught:
        await ask(server, timeouts=Timeouts(read=1, total=0.4))
    assert caught.value.partial_text.startswith("word word")


@pytest.mark.parametrize("trouble", [{"cut_after": 3}, {"cut_after": 4}, {"hang_after": 3}])
async def test_half_a_stream_keeps_the_half_that_came(server, trouble):
    server.script(Completion("one two three four", **trouble))
    with pytest.raises(StreamInterrupted) as caught:
        await ask(server, timeouts=QUICK)
    assert caught.value.partial_text.startswith("one two")
    assert caught.value.partial_text != "one two three four"
    assert "one two" not in caught.value.message


async def test_a_stream_that_ends_politely_in_mid_answer_is_interrupted_too(server):
    server.script(Completion("one two", finish_reason=None, done=False))
    with pytest.raises(StreamInterrupted) as caught:
        await ask(server)
    assert caught.value.partial_text == "one two"


async def test_an_error_inside_a_stream_is_typed_and_keeps_the_text(server):
    error = {"error": {"message": "slow down", "code": 429, "type": "rate_limit"}}
    server.script(Completion("one two three", error_after=(3, error)))
    with pytest.raises(RateLimited) as caught:
        await ask(server)
    assert caught.value.partial_text == "one two"


async def test_an_error_object_inside_a_plain_200_is_an_error(server):
    server.script(
        Raw(b'{"error": {"message": "The server is overloaded", "type": "server_error"}}', "application/json")
    )
    with pytest.raises(ProviderUnavailable):
        await ask(server)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": null}', RateLimited),
        (b'{"base_resp": {"status_code": 1004, "status_msg": "login fail"}}', UnauthorizedProvider),
        (b'{"object": "error", "message": "too busy", "type": "rate_limit_error", "code": 429}', RateLimited),
        (b'{"code": "500", "message": "internal", "success": false}', ProviderUnavailable),
    ],
)
async def test_errors_inside_a_200_are_recognised_in_the_shapes_that_providers_use(server, body, error):
    server.script(Raw(body, "application/json"))
    with pytest.raises(error):
        await ask(server)


@pytest.mark.parametrize(
    "raw",
    [
        Raw(b"data: {not json\n\n"),
        Raw(b"data: [1, 2]\n\n"),
        Raw(b"<html>a proxy says hello</html>", "text/html"),
        Raw(b'{"choices": []}', "application/json"),
    ],
)
async def test_a_reply_outside_the_protocol_is_named_as_such(server, raw):
    server.script(raw)
    with pytest.raises(InvalidModelReply):
        await ask(server)


async def test_a_filtered_answer_is_a_refusal(server):
    server.script(Completion("", finish_reason="content_filter"))
    with pytest.raises(ModelRefused):
        await ask(server)


async def test_leaving_early_closes_the_connection_and_the_next_call_works(server):
    server.script(Completion("word " * 50, pause=0.01), Completion("again"))
    chat = OpenAICompatibleChat(endpoint(server), model="small")
    async with aclosing(chat.stream(ASK, parameters=ModelParameters())) as chunks:
        assert (await anext(chunks)).text == "word"
    assert text_of(await ask(server)) == "again"


def test_each_event_loop_has_its_own_client_and_closes_it_when_it_ends():
    with OpenAIServer().in_thread() as server:

        async def turn():
            assert text_of(await ask(server)) == "Hello from the wire."
            return await client_for(server.policy)

        first, second = asyncio.run(turn()), asyncio.run(turn())
    assert first is not second
    assert first.is_closed
    assert second.is_closed


def test_the_key_is_not_shown_by_the_endpoint():
    assert KEY not in repr(Endpoint(provider="p", base_url="http://x", api_key=KEY))


def embedder(server, **more):
    return OpenAICompatibleEmbeddings(endpoint(server), **{"model": "embed", "dim": 8, "batch_size": 3, **more})


async def test_embeddings_come_back_in_the_order_of_the_texts(server):
    server.script(Embeddings(shuffled=True), Embeddings(shuffled=True), Embeddings())
    texts = [f"text {number}" for number in range(7)]
    assert await embedder(server).embed(texts) == [vector_of(text, 8) for text in texts]
    assert [len(request.body["input"]) for request in server.requests] == [3, 3, 1]
    assert await embedder(server).embed_query("text 1") == vector_of("text 1", 8)
    assert embedder(server).space == "openai/embed/v1/8"


async def test_vectors_of_another_length_are_the_operator_s_mistake(server):
    with pytest.raises(ProviderMisconfigured, match="8 dimensions"):
        await embedder(server, dim=16).embed(["a"])


async def test_a_vector_too_few_is_an_invalid_reply(server):
    server.script(Embeddings(missing=1))
    with pytest.raises(InvalidModelReply):
        await embedder(server).embed(["a", "b"])


async def test_embedding_nothing_asks_nobody(server):
    assert await embedder(server).embed([]) == []
    assert server.requests == []
