"""The embedding model that runs on this machine: tested where it was built, and honest where it was not."""

import json

import numpy as np
import pytest

from model_runtime.errors import ContextTooLong, ProviderMisconfigured
from model_runtime.local.files import MANIFEST, MODEL, TOKENIZER, checked, folder
from model_runtime.protocols import EmbeddingModel
from model_runtime.providers.local_onnx import LocalEmbedder

BUILT = checked(folder()) is not None
built = pytest.mark.skipif(not BUILT, reason=f"no local model in {folder()}: run `make local-embeddings`")
PAIRS = [
    ("How do bees make honey?", "Honey is produced by bees from nectar.", "The stock market fell on Tuesday."),
    ("reset a forgotten password", "You can change your login secret under Account.", "The cat sleeps on the sofa."),
]


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("onnxruntime", reason="needs requirements-local-embeddings.txt")
    pytest.importorskip("tokenizers", reason="needs requirements-local-embeddings.txt")
    return LocalEmbedder()


@built
async def test_texts_that_mean_the_same_are_nearer_than_texts_that_do_not(model):
    assert isinstance(model, EmbeddingModel)
    for question, near, far in PAIRS:
        vectors = np.array(await model.embed([near, far]))
        query = np.array(await model.embed_query(question))
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        assert query @ vectors[0] > query @ vectors[1] + 0.2


@built
async def test_a_vector_does_not_depend_on_the_texts_beside_it_and_comes_in_order(model):
    texts = [f"Hive number {number} " + "counts its frames. " * (number % 7) for number in range(40)]
    together = np.array(await model.embed(texts))
    alone = np.array([(await model.embed([text]))[0] for text in texts[:8]])
    assert together.shape == (40, 384)
    assert np.min(np.sum(together[:8] * alone, axis=1)) > 0.97


@built
async def test_a_text_is_never_cut_and_a_long_question_is_read_to_its_end(model):
    long = "honey " * 400
    assert model.count_tokens(long) == 402
    with pytest.raises(ContextTooLong):
        await model.embed([long])
    question = np.array(await model.embed_query(long + "password " * 400))
    honey, password = np.array(await model.embed(["honey " * 100, "password " * 100]))
    assert min(question @ honey, question @ password) > 0.4


def test_a_model_that_is_missing_or_was_changed_is_refused_with_the_way_to_build_it(tmp_path):
    with pytest.raises(ProviderMisconfigured, match="make local-embeddings"):
        LocalEmbedder(tmp_path / "nowhere")
    (tmp_path / MODEL).write_bytes(b"other")
    (tmp_path / TOKENIZER).write_bytes(b"{}")
    (tmp_path / MANIFEST).write_text(json.dumps({MODEL: "0" * 64, TOKENIZER: "0" * 64}))
    with pytest.raises(ProviderMisconfigured, match="make local-embeddings"):
        LocalEmbedder(tmp_path)
