"""Where a built local model is, and whether its files are those that were built."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

NAME = "all-minilm-l6-v2"
FULL_NAME = f"local/{NAME}"
MODEL, TOKENIZER, MANIFEST = "model.int8.onnx", "tokenizer.json", "manifest.json"
DIM = 384
MAX_TOKENS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """The two files of a model."""

    model: Path
    tokenizer: Path


def folder(root: Path | None = None) -> Path:
    """Where the model is built and looked for: `LOCAL_MODELS_DIR`, else `models` in the data folder."""
    chosen = os.environ.get("LOCAL_MODELS_DIR")
    if chosen:
        return Path(chosen) / NAME
    data = root or Path(os.environ.get("SKEP_DATA_DIR", Path(__file__).resolve().parents[3] / ".skep"))
    return data / "models" / NAME


def is_built(root: Path | None = None) -> bool:
    """Whether there is a model at all, without reading it."""
    return (folder(root) / MANIFEST).is_file()


@lru_cache(maxsize=4)
def checked(place: Path) -> LocalModel | None:
    """The files, if they are those that the manifest names; None when they are not there or were changed."""
    try:
        manifest: dict[str, str] = json.loads((place / MANIFEST).read_text())
        good = all(sha256(place / name) == manifest[name] for name in (MODEL, TOKENIZER))
    except (OSError, ValueError, KeyError):
        return None
    return LocalModel(model=place / MODEL, tokenizer=place / TOKENIZER) if good else None


def sha256(path: Path) -> str:
    """The hash of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
