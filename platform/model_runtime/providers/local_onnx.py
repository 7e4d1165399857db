"""The embedding model that runs on this machine, if it was built: English, 384 numbers, 256 tokens at most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from model_runtime.errors import ContextTooLong, ProviderMisconfigured
from model_runtime.local.files import DIM, FULL_NAME, MAX_TOKENS, NAME, LocalModel, checked, folder

BATCH = 32
THREADS = 2


class LocalEmbedder:
    """All-MiniLM-L6-v2 with 8-bit weights on onnxruntime. Never cuts a text: one that is too long is refused."""

    name = FULL_NAME
    space = f"{FULL_NAME}-int8/v1/{DIM}"
    dim = DIM
    max_tokens = MAX_TOKENS
    tokenizer_name = f"{NAME}/wordpiece"

    def __init__(self, place: Path | None = None) -> None:
        self._session, self._tokenizer = _opened(place or folder())

    def count_tokens(self, text: str) -> float:
        """What the model counts, with the two marks at the ends."""
        return float(len(self._tokenizer.encode(text).ids))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text. Raises ContextTooLong."""
        return await asyncio.to_thread(self._embed_all, list(texts))

    async def embed_query(self, text: str) -> list[float]:
        """The vector of a question; a long one is read in stretches and has the mean of their vectors."""
        return await asyncio.to_thread(self._embed_query, text)

    def _embed_all(self, texts: list[str]) -> list[list[float]]:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        longest = max(map(len, ids), default=0)
        if longest > MAX_TOKENS:
            raise ContextTooLong(f"A text has {longest} tokens; {FULL_NAME} reads {MAX_TOKENS}.", tokens=longest)
        vectors = np.zeros((len(ids), DIM), dtype=np.float32)
        # Texts of one length go together: a short one beside a long one costs as much as the long one.
        order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._run([ids[row] for row in rows])
        result: list[list[float]] = vectors.tolist()
        return result

    def _embed_query(self, text: str) -> list[float]:
        ids = self._tokenizer.encode(text).ids
        first, last, words = ids[0], ids[-1], ids[1:-1]
        room = MAX_TOKENS - 2
        stretches = [[first, *words[at : at + room], last] for at in range(0, max(1, len(words)), room)]
        mean = self._run(stretches).mean(axis=0)
        vector: list[float] = (mean / max(float(np.linalg.norm(mean)), 1e-9)).tolist()
        return vector

    def _run(self, rows: list[list[int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        vectors: np.ndarray[Any, np.dtype[np.float32]] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors


@lru_cache(maxsize=2)
def _opened(place: Path) -> tuple[Any, Any]:
    """One session per process. Raises ProviderMisconfigured when the model or its libraries are not there."""
    files = checked(place)
    if files is None:
        raise ProviderMisconfigured(f"{FULL_NAME} was not built here. Run `make local-embeddings`.", model=FULL_NAME)
    try:
        return _open(files)
    except ImportError as exc:
        raise ProviderMisconfigured(
            f"{FULL_NAME} needs the packages of requirements-local-embeddings.txt. Run `make local-embeddings`.",
            model=FULL_NAME,
        ) from exc


def _open(files: LocalModel) -> tuple[Any, Any]:
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
    return session, tokenizer
