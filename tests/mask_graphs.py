"""Small ONNX graphs with the inputs and outputs of the mask networks: no weights of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _model(nodes: Sequence[Any], shape: Sequence[int], out: Sequence[int], constants: dict[str, Any]) -> bytes:
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, out)
    graph = helper.make_graph(list(nodes), "graph", [given], [made], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def xseg(channel: int, *, size: int = 256) -> bytes:
    """Says that face is where ``channel``, of those that come last, is above a half."""
    nodes = [
        helper.make_node("Gather", ["input", "channel"], ["one"], axis=3),
        helper.make_node("Greater", ["one", "half"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["output"], to=TensorProto.FLOAT),
    ]
    constants = {"channel": np.array([channel], np.int64), "half": np.float32(0.5)}
    return _model(nodes, (1, size, size, 3), (1, size, size, 1), constants)


def parser(classes: Sequence[int], *, size: int = 512) -> bytes:
    """The class is that of ``classes`` whose place, 0 to 2, is of the highest of the three channels it is given."""
    weight = np.zeros((19, 3, 1, 1), np.float32)
    for place, number in enumerate(classes):
        weight[number, place] = 1
    bias = np.full(19, -100, np.float32)
    bias[list(classes)] = 0
    nodes = [helper.make_node("Conv", ["input", "weight", "bias"], ["output"])]
    return _model(nodes, (1, 3, size, size), (1, 19, size, size), {"weight": weight, "bias": bias})
