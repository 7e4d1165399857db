"""What we know about embedding models without asking: how one is written down, and well-known dimensions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

#: Model -> (dimension, longest text in tokens). Others are written as `name@dimension`.
KNOWN_EMBEDDINGS: dict[str, tuple[int, int]] = {
    "text-embedding-3-small": (1536, 8191),
    "text-embedding-3-large": (3072, 8191),
    "text-embedding-ada-002": (1536, 8191),
    "text-embedding-v3": (1024, 8192),
    "text-embedding-v4": (1024, 8192),
    "bge-m3": (1024, 8192),
    "bge-large-en-v1.5": (1024, 512),
    "bge-large-zh-v1.5": (1024, 512),
    "nomic-embed-text": (768, 2048),
    "mxbai-embed-large": (1024, 512),
    "all-minilm": (384, 256),
    "jina-embeddings-v3": (1024, 8192),
    "mistral-embed": (1024, 8192),
    "embedding-3": (2048, 3072),
}
#: Models that shorten their vectors on request, so that `name@dimension` is sent along.
_SHORTENABLE = (
    "text-embedding-3-",
    "text-embedding-v3",
    "text-embedding-v4",
    "jina-embeddings-v3",
    "embedding-3",
)
DEFAULT_MAX_TOKENS = 8192
_WITH_DIMENSION = re.compile(r"^(?P<name>.+)@(?P<dim>[1-9]\d{0,4})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSpec:
    """An embedding model with all that must be known before the first call."""

    name: str
    dim: int
    max_tokens: int = DEFAULT_MAX_TOKENS
    send_dimensions: bool = False
    rpm: int = 0
    tpm: int = 0

    @property
    def written(self) -> str:
        """How a person writes it down so that nothing has to be guessed."""
        known = KNOWN_EMBEDDINGS.get(_bare(self.name))
        return self.name if known and known[0] == self.dim else f"{self.name}@{self.dim}"

    @classmethod
    def read(cls, written: str | Mapping[str, Any]) -> EmbeddingSpec | None:
        """Read `name`, `name@dimension` or `{name, dim, max_tokens, rpm, tpm}`; None without a dimension."""
        if isinstance(written, Mapping):
            name, dim = str(written.get("name", "")), int(written.get("dim") or 0)
            spec = cls.read(f"{name}@{dim}" if dim else name)
            if spec is None:
                return None
            limit = int(written.get("max_tokens") or spec.max_tokens)
            rpm, tpm = (max(0, int(written.get(each) or 0)) for each in ("rpm", "tpm"))
            return replace(spec, max_tokens=limit, rpm=rpm, tpm=tpm)
        given = _WITH_DIMENSION.match(written)
        name = given["name"] if given else written
        known_dim, max_tokens = KNOWN_EMBEDDINGS.get(_bare(name), (0, DEFAULT_MAX_TOKENS))
        dim = int(given["dim"]) if given else known_dim
        if not dim:
            return None
        shortened = dim != known_dim and _bare(name).startswith(_SHORTENABLE)
        return cls(name=name, dim=dim, max_tokens=max_tokens, send_dimensions=shortened)


def _bare(name: str) -> str:
    """Without the publisher in front (`BAAI/bge-m3`) and the tag behind (`bge-m3:latest`)."""
    return name.rpartition("/")[2].partition(":")[0].lower()
