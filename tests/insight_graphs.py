"""Small ONNX graphs with the names, inputs and outputs of InsightFace's networks, for tests: no weights of theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from roop_host import ModelSpec

STRIDES = (8, 16, 32)
#: Scores, boxes and points of each stride, as the real det_10g names them.
SCRFD_OUTPUTS = ("448", "471", "494", "451", "474", "497", "454", "477", "500")
_CELLS = 16  # the template's side, in cells of 8 pixels: it sees faces of about 128 pixels


def stored(spec: ModelSpec, graph: bytes, folder: Path) -> ModelSpec:
    """``spec`` with ``graph`` for its file."""
    path = folder / f"{spec.name}.onnx"
    path.write_bytes(graph)
    digest = hashlib.sha256(graph).hexdigest()
    return replace(spec, size=len(graph), sha256=digest, pack=None, path=lambda: path)


class _Graph:
    """Nodes one after the other; every constant is an initializer."""

    def __init__(self, shape: Sequence[int | str], name: str) -> None:
        self._inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", node: str = "", **attributes: Any) -> str:
        out = out or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [out], name=node, **attributes))
        return out

    def rows(self, value: str, width: int, out: str) -> str:
        """``(1, k * width, h, w)`` as the rows of all cells, ``(h * w * k, width)``."""
        last = self.add("Transpose", value, perm=[0, 2, 3, 1])
        return self.add("Reshape", last, self.constant([-1, width], np.int64), out=out)

    def bytes(self, outputs: Sequence[tuple[str, Sequence[int | str]]]) -> bytes:
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
        graph = helper.make_graph(self._nodes, "graph", self._inputs, infos, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        serialized: bytes = model.SerializeToString()
        return serialized


def _scrfd_bytes(graph: _Graph) -> bytes:
    widths = (1, 1, 1, 4, 4, 4, 10, 10, 10)
    return graph.bytes([(name, (f"n{name}", width)) for name, width in zip(SCRFD_OUTPUTS, widths, strict=True)])


def scrfd_of(
    bgr: NDArray[np.uint8], box: Sequence[float], points: NDArray[np.floating], *, channel: int | None = None
) -> bytes:
    """A detector that finds what stands in ``box`` of this picture, wherever it stands and at a longer side of 128 pixels.

    Normalised correlation with the patch at an eighth of the scale; the box and the points are known and move along. It
    looks at the mean of the colours, or at one ``channel`` of what it is given: red, green, blue.
    """
    x0, y0, x1, y1 = box
    middle, scale = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), _CELLS * 8 / max(x1 - x0, y1 - y0)
    matrix = np.array([[scale, 0, _CELLS * 4 - scale * middle[0]], [0, scale, _CELLS * 4 - scale * middle[1]]])
    patch = cv2.warpAffine(bgr, matrix, (_CELLS * 8, _CELLS * 8), borderMode=cv2.BORDER_REPLICATE)
    grey = ((patch.astype(np.float32) - 127.5) / 128).mean(2).reshape(_CELLS, 8, _CELLS, 8).mean((1, 3))
    template = grey - grey.mean()
    template /= np.linalg.norm(template)
    graph = _Graph((1, 3, "?", "?"), "input.1")
    ncc = _correlation(graph, template, channel)
    move = _offset(graph, ncc)
    distances = np.array([middle[0] - x0, middle[1] - y0, x1 - middle[0], y1 - middle[1]]) * scale
    from_middle = ((points - middle) * scale).ravel()
    along_box, along_points = [[-1, 0], [0, -1], [1, 0], [0, 1]], [[1, 0], [0, 1]] * 5
    for index, stride in enumerate(STRIDES):
        step = stride // 8
        pool = {"kernel_shape": [step, step], "strides": [step, step]}
        seen = ncc if step == 1 else graph.add("AveragePool", ncc, **pool)
        way = move if step == 1 else graph.add("AveragePool", move, **pool)
        # The coarser strides see the same, but do not believe it.
        slope, shift = (20.0, (-15.0, -17.0)) if step == 1 else (2.0, (-4.0, -5.0))
        logits = graph.add("Conv", seen, graph.constant(np.full((2, 1, 1, 1), slope)), graph.constant(shift))
        graph.rows(graph.add("Sigmoid", logits), 1, SCRFD_OUTPUTS[index])
        for place, width, values, along in ((3, 4, distances, along_box), (6, 10, from_middle, along_points)):
            weight = graph.constant(np.tile(np.array(along, np.float32) / step, (2, 1))[..., None, None])
            both = graph.add("Conv", way, weight, graph.constant(np.tile(values / stride, 2)))
            graph.rows(both, width, SCRFD_OUTPUTS[place + index])
    return _scrfd_bytes(graph)


def _correlation(graph: _Graph, template: NDArray[np.float32], channel: int | None) -> str:
    """-1..1 at each corner between cells: how much the cells around it look like the template."""
    if channel is None:
        grey = graph.add("ReduceMean", "input.1", axes=[1], keepdims=1)
    else:
        grey = graph.add("Gather", "input.1", graph.constant([channel], np.int64), axis=1)
    cells = graph.add("AveragePool", grey, kernel_shape=[8, 8], strides=[8, 8])
    half = _CELLS // 2
    pads = [half, half, half - 1, half - 1]
    ones = graph.constant(np.ones((1, 1, _CELLS, _CELLS)))
    same = graph.add("Conv", cells, graph.constant(template[None, None]), pads=pads)
    total = graph.add("Conv", cells, ones, pads=pads)
    squares = graph.add("Conv", graph.add("Mul", cells, cells), ones, pads=pads)
    mean = graph.add("Mul", graph.add("Mul", total, total), graph.constant(1 / _CELLS**2))
    energy = graph.add("Max", graph.add("Sub", squares, mean), graph.constant(0.0))
    return graph.add("Div", same, graph.add("Sqrt", graph.add("Add", energy, graph.constant(1.0))))


def _offset(graph: _Graph, ncc: str) -> str:
    """``(1, 2, h, w)``: where the peak lies beside each cell, in cells."""
    weights = graph.add("Exp", graph.add("Mul", ncc, graph.constant(25.0)))
    axis = np.array([-1, 0, 1], np.float32)
    kernel = np.stack([np.tile(axis, (3, 1)), np.tile(axis, (3, 1)).T])[:, None]
    moment = graph.add("Conv", weights, graph.constant(kernel), pads=[1, 1, 1, 1])
    return graph.add("Div", moment, graph.add("Conv", weights, graph.constant(np.ones((1, 1, 3, 3))), pads=[1, 1, 1, 1]))


def scrfd_of_noise(seed: int = 0) -> bytes:
    """A detector with random weights: finds many overlapping boxes anywhere, for the decoding and the suppression."""
    rng = np.random.default_rng(seed)
    graph = _Graph((1, 3, "?", "?"), "input.1")
    for index, stride in enumerate(STRIDES):
        for place, width, low in ((0, 1, None), (3, 4, 1.0), (6, 10, None)):
            kernel = rng.normal(0, 4 / stride, (2 * width, 3, stride, stride))
            value = graph.add("Conv", "input.1", graph.constant(kernel), strides=[stride, stride])
            if place == 0:
                value = graph.add("Sigmoid", value)
            if low is not None:
                value = graph.add("Add", graph.add("Abs", value), graph.constant(low))
            graph.rows(value, width, SCRFD_OUTPUTS[place + index])
    return _scrfd_bytes(graph)


def arcface(*, batch: int | str = "None") -> bytes:
    """Answers by the colours of an 8 x 8 mosaic; the first three of its 512 numbers are the means of red, green and blue."""
    graph = _Graph((batch, 3, 112, 112), "input.1")
    mosaic = graph.add("AveragePool", "input.1", kernel_shape=[14, 14], strides=[14, 14])
    weight = np.random.default_rng(1).normal(0, 0.2, (192, 512))
    weight[:, :3] = np.repeat(np.eye(3), 64, axis=0) / 64
    graph.add("MatMul", graph.add("Flatten", mosaic), graph.constant(weight), out="683")
    return graph.bytes([("683", (batch, 512))])


def _from_mxnet(side: int, batch: int | str) -> tuple[_Graph, str]:
    """A graph that brings its own mean and scale, as the attribute and landmark networks do, and the means of R, G and B."""
    graph = _Graph((batch, 3, side, side), "data")
    centred = graph.add("Sub", "data", graph.constant(127.5), node="_minusscalar0")
    scaled = graph.add("Mul", centred, graph.constant(1 / 128), node="_mulscalar0")
    return graph, graph.add("Flatten", graph.add("GlobalAveragePool", scaled))


def gender_age(*, batch: int | str = "None") -> bytes:
    """A reddish face is female, any other male; the age is the more, the bluer it is, from 30 up."""
    graph, colours = _from_mxnet(96, batch)
    weight = np.array([[1, -1, 0], [0, 0, 0], [0, 0, 0.2]])
    graph.add("Gemm", colours, graph.constant(weight), graph.constant([0.0, 0.0, 0.3]), out="fc1")
    return graph.bytes([("fc1", (batch, 3))])


def points(flat: NDArray[np.floating], *, batch: int | str = "None") -> bytes:
    """Answers ``flat`` (3309 or 212 numbers, -1..1 over the crop of 192 pixels), moved a little by the colours it sees."""
    graph, colours = _from_mxnet(192, batch)
    weight = np.random.default_rng(2).normal(0, 0.01, (3, flat.size))
    graph.add("Gemm", colours, graph.constant(weight), graph.constant(flat.ravel()), out="fc1")
    return graph.bytes([("fc1", (batch, flat.size))])
