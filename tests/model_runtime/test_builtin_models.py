"""The hashing embedder, the scripted model, the token estimate and the parameters."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.errors import ModelError, RateLimited
from model_runtime.protocols import ChatModel, EmbeddingModel
from model_runtime.providers.demo import DemoChatModel
from model_runtime.providers.hashing import HashingEmbedder
from model_runtime.providers.scripted import ScriptedChatModel, ScriptedReply, ScriptExhausted
from model_runtime.tokens import estimate_tokens
from model_runtime.types import Message, ModelParameters

ASK = [Message(role="user", text="Anyone?")]


def similar(first, second):
    one, two = HashingEmbedder().embed_now([first, second])
    return float(np.dot(one, two))


@given(st.lists(st.text(max_size=60), max_size=5))
def test_every_text_has_a_vector_of_unit_length(texts):
    for vector in HashingEmbedder().embed_now(texts):
        assert len(vector) == 1024
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("How do I reset my password?", "Resetting passwords", "The weather is nice today"),
        ("如何重置密码", "密码重置的步骤", "今天天气很好"),
        ("ＰＤＦ upload", "pdf uploads", "docx download"),
        ("the of and to invoices", "invoice", "the of and to"),
    ],
)
def test_texts_that_share_words_are_nearer(text, near, far):
    assert similar(text, near) > 0.4
    assert similar(text, near) > 2 * similar(text, far)


async def test_a_question_is_embedded_like_a_passage():
    embedder = HashingEmbedder()
    assert await embedder.embed_query("same") == (await embedder.embed(["other", "same"]))[1]
    assert embedder.space == "hashing/v1/1024"


def test_another_process_computes_the_same_vector():
    script = (
        "from model_runtime.providers.hashing import HashingEmbedder as H; print(sum(H().embed_now(['a b 蜂巢'])[0]))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": "platform", "PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(runs) == 1


def test_two_thousand_short_texts_take_well_under_two_seconds():
    texts = [f"Short text number {number} about topic {number % 37} and its details" for number in range(2000)]
    HashingEmbedder().embed_now(texts[:10])
    began = time.process_time()
    HashingEmbedder().embed_now(texts)
    assert time.process_time() - began < 2


async def collect(model):
    return [chunk async for chunk in model.stream(ASK, parameters=ModelParameters(seed=1))]


async def test_the_scripted_model_says_its_lines_and_remembers_the_questions():
    model = ScriptedChatModel("first answer", ScriptedReply(text="second", finish_reason="length"))
    first = await collect(model)
    assert [chunk.text for chunk in first[:-1]] == ["first", " answer"]
    assert first[-1].usage.estimated
    assert (await collect(model))[-1].finish_reason == "length"
    assert model.seen[0] == (tuple(ASK), ModelParameters(seed=1))
    with pytest.raises(ScriptExhausted):
        await collect(model)


async def test_the_scripted_model_fails_as_it_was_told_and_keeps_what_it_said():
    model = ScriptedChatModel(ScriptedReply(text="half an", error=RateLimited("slow", retry_after=3)), repeat=True)
    for _ in range(2):
        with pytest.raises(ModelError) as caught:
            await collect(model)
        assert (caught.value.retry_after, caught.value.partial_text) == (3, "half an")


@pytest.mark.parametrize("model", [DemoChatModel(), ScriptedChatModel()])
def test_the_built_in_chat_models_keep_the_protocol(model):
    assert isinstance(model, ChatModel)
    assert isinstance(HashingEmbedder(), EmbeddingModel)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("", 0, 0), ("a", 1, 1), ("four words of text", 4, 6), ("向量数据库的检索", 8, 10), ("RAG 检索", 2, 4)],
)
def test_tokens_are_estimated_by_script(text, low, high):
    assert low <= estimate_tokens(text) <= high


def test_parameters_are_read_from_a_document_and_given_back():
    read = ModelParameters.from_mapping({"temperature": 0, "top_k": 4, "stop": "END", "seed": None})
    assert read == ModelParameters(temperature=0, stop=("END",), extra={"top_k": 4})
    assert read.as_dict() == {"temperature": 0, "top_k": 4, "stop": ["END"]}


def test_the_clients_import_without_django():
    script = (
        "import sys, model_runtime.transport, model_runtime.providers.openai_compatible, model_runtime.providers.demo;"
        "sys.exit('django' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": "platform"}, check=False).returncode == 0
