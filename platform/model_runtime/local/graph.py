"""Writes the model's graph: a small BERT, the mean over its tokens, and unit length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model_runtime.local.weights import Tensors

LAYERS, HEADS, HIDDEN = 6, 12, 384
EPSILON = 1e-12
OPSET = 17


class _Graph:
    """Nodes and constants that are named through."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str, *, transposed: bool = False) -> str:
        tensor = next(value for key, value in self._tensors.items() if key.endswith(name))
        return self.constant(f"{name}.T" if transposed else name, tensor.T if transposed else tensor)

    def dense(self, value: str, name: str) -> str:
        product = self.op("MatMul", value, self.weight(f"{name}.weight", transposed=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, value: str, name: str) -> str:
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", value, scale, shift, axis=-1, epsilon=EPSILON)


def write_graph(tensors: Tensors, path: Path) -> None:
    """Write the model with 32-bit weights: token ids and mask in, one unit vector per text out."""
    graph = _Graph(tensors)
    ones = graph.op("Cast", "mask", to=TensorProto.FLOAT)
    hidden = _embeddings(graph)
    bias = _bias(graph, ones)
    for layer in range(LAYERS):
        hidden = _layer(graph, hidden, bias, f"encoder.layer.{layer}")
    _mean(graph, hidden, ones)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"]) for name in ("ids", "mask")]
    output = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", HIDDEN])
    body = helper.make_graph(graph.nodes, "minilm", inputs, [output], list(graph.constants.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _embeddings(graph: _Graph) -> str:
    words = graph.op("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    shape = graph.op("Shape", "ids")
    length = graph.op("Slice", shape, _numbers(graph, "one", [1]), _numbers(graph, "two", [2]))
    positions = graph.op(
        "Slice", graph.weight("embeddings.position_embeddings.weight"), _numbers(graph, "zero", [0]), length
    )
    kind = next(value for key, value in graph._tensors.items() if key.endswith("token_type_embeddings.weight"))[0]
    total = graph.op("Add", graph.op("Add", words, positions), graph.constant("text_kind", kind))
    return graph.norm(total, "embeddings.LayerNorm")


def _bias(graph: _Graph, ones: str) -> str:
    """Nothing is read where there is no token."""
    absent = graph.op("Sub", graph.constant("unit", np.float32(1.0)), ones)
    wide = graph.op("Unsqueeze", absent, _numbers(graph, "middle", [1, 2]))
    return graph.op("Mul", wide, graph.constant("nothing", np.float32(-10_000.0)))


def _layer(graph: _Graph, hidden: str, bias: str, name: str) -> str:
    heads = _numbers(graph, "heads", [0, 0, HEADS, HIDDEN // HEADS])

    def part(which: str, order: list[int]) -> str:
        value = graph.dense(hidden, f"{name}.attention.self.{which}")
        return graph.op("Transpose", graph.op("Reshape", value, heads), perm=order)

    scores = graph.op("MatMul", part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1]))
    scale = graph.constant("scale", np.float32((HIDDEN // HEADS) ** -0.5))
    weights = graph.op("Softmax", graph.op("Add", graph.op("Mul", scores, scale), bias), axis=-1)
    seen = graph.op("Transpose", graph.op("MatMul", weights, part("value", [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    joined = graph.op("Reshape", seen, _numbers(graph, "joined", [0, 0, HIDDEN]))
    attended = graph.op("Add", graph.dense(joined, f"{name}.attention.output.dense"), hidden)
    attended = graph.norm(attended, f"{name}.attention.output.LayerNorm")
    grown = graph.dense(attended, f"{name}.intermediate.dense")
    half = graph.op("Mul", grown, graph.constant("half", np.float32(0.5)))
    curve = graph.op("Erf", graph.op("Mul", grown, graph.constant("root", np.float32(0.5**0.5))))
    active = graph.op("Mul", half, graph.op("Add", curve, graph.constant("unit", np.float32(1.0))))
    shrunk = graph.op("Add", graph.dense(active, f"{name}.output.dense"), attended)
    return graph.norm(shrunk, f"{name}.output.LayerNorm")


def _mean(graph: _Graph, hidden: str, ones: str) -> None:
    columns = graph.op("Unsqueeze", ones, _numbers(graph, "last", [2]))
    tokens = _numbers(graph, "one", [1])
    total = graph.op("ReduceSum", graph.op("Mul", hidden, columns), tokens, keepdims=0)
    mean = graph.op("Div", total, graph.op("ReduceSum", columns, tokens, keepdims=0))
    square = graph.op("ReduceSum", graph.op("Mul", mean, mean), tokens, keepdims=1)
    length = graph.op("Max", graph.op("Sqrt", square), graph.constant("tiny", np.float32(1e-9)))
    graph.op("Div", mean, length, name="vectors")


def _numbers(graph: _Graph, name: str, values: list[int]) -> str:
    return graph.constant(f"numbers.{name}", np.array(values, dtype=np.int64))
