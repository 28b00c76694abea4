"""A small builder of ONNX graphs with random weights. It knows shapes, so it can say what a graph costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

#: Height and width are those that the cost is counted for.
Shape = tuple[int, ...]
_OPSET, _IR_VERSION = 17, 8


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph: its name, and its shape where free sizes are as large as the cost is counted for."""

    name: str
    shape: Shape


@dataclass
class Graph:
    """``macs`` are multiply-adds, ``floats`` the number of weights. Weights keep the variance of what goes through them."""

    seed: int = 0
    macs: int = 0
    floats: int = 0
    _nodes: list[Any] = field(default_factory=list)
    _weights: list[TensorProto] = field(default_factory=list)
    _inputs: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def input(self, name: str, shape: Shape, free: Sequence[str | int] | None = None) -> Value:
        """``free`` is the declared shape where it has names for free sizes."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(free or shape)))
        return Value(name, shape)

    def weight(self, data: NDArray[Any], name: str = "") -> str:
        """An initializer."""
        name = name or f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(data, name))
        self.floats += data.size
        return name

    def noise(self, *shape: int, scale: float = 1.0, mean: float = 0.0) -> str:
        """An initializer of normal noise."""
        return self.weight(self.random.standard_normal(shape, np.float32) * np.float32(scale) + np.float32(mean))

    def op(self, kind: str, inputs: Sequence[Value | str], shape: Shape, **attributes: Any) -> Value:
        """A node of one output."""
        names = [item if isinstance(item, str) else item.name for item in inputs]
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [name], **attributes))
        return Value(name, shape)

    def conv(
        self, x: Value, out: int, size: int = 3, *, stride: int = 1, pad: int | None = None, gain: float = 2.0
    ) -> Value:
        """With bias. ``gain`` is the variance it adds: 2 makes up for a ReLU that follows."""
        n, channels, height, width = x.shape
        pad = size // 2 if pad is None else pad
        high, wide = ((side + 2 * pad - size) // stride + 1 for side in (height, width))
        kernel = self.noise(out, channels, size, size, scale=math.sqrt(gain / (channels * size * size)))
        bias = self.noise(out, scale=0.01)
        self.macs += n * out * high * wide * channels * size * size
        window = {"kernel_shape": [size] * 2, "pads": [pad] * 4, "strides": [stride] * 2}
        return self.op("Conv", [x, kernel, bias], (n, out, high, wide), **window)

    def dense(self, x: Value, out: int, *, gain: float = 1.0, mean: float = 0.0) -> Value:
        """A fully connected layer; ``mean`` is that of its bias."""
        n, channels = x.shape
        matrix = self.noise(out, channels, scale=math.sqrt(gain / channels))
        bias = self.noise(out, scale=0.01, mean=mean)
        self.macs += n * out * channels
        return self.op("Gemm", [x, matrix, bias], (n, out), transB=1)

    def norm(self, x: Value) -> Value:
        """Batch normalisation, as far as it stays when a graph is exported."""
        count = x.shape[1]
        values = [self.noise(count, scale=0.05, mean=mean) for mean in (1.0, 0.0, 0.0)]
        variance = self.weight(np.abs(self.random.standard_normal(count, np.float32)) * np.float32(0.05) + np.float32(1))
        return self.op("BatchNormalization", [x, *values, variance], x.shape)

    def prelu(self, x: Value) -> Value:
        """With a slope for each channel."""
        return self.op("PRelu", [x, self.noise(x.shape[1], 1, 1, scale=0.02, mean=0.25)], x.shape)

    def leaky(self, x: Value) -> Value:
        """Slope 0.2."""
        return self.op("LeakyRelu", [x], x.shape, alpha=0.2)

    def relu(self, x: Value) -> Value:
        return self.op("Relu", [x], x.shape)

    def add(self, a: Value, b: Value | str) -> Value:
        return self.op("Add", [a, b], a.shape)

    def mul(self, a: Value, b: Value | str) -> Value:
        return self.op("Mul", [a, b], a.shape)

    def scaled(self, x: Value, factor: float) -> Value:
        return self.mul(x, self.number(factor))

    def number(self, value: float) -> str:
        """A constant."""
        return self.weight(np.array(value, np.float32))

    def ints(self, *values: int) -> str:
        return self.weight(np.array(values, np.int64))

    def reflect(self, x: Value, pad: int) -> Value:
        """Mirrored borders."""
        n, channels, height, width = x.shape
        sides = self.ints(0, 0, pad, pad, 0, 0, pad, pad)
        return self.op("Pad", [x, sides], (n, channels, height + 2 * pad, width + 2 * pad), mode="reflect")

    def resize(self, x: Value, factor: float, mode: str = "linear") -> Value:
        """By ``factor`` in both directions, at pixel centres."""
        n, channels, height, width = x.shape
        scales = self.weight(np.array([1, 1, factor, factor], np.float32))
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if mode == "nearest" else {}
        shape = (n, channels, int(height * factor), int(width * factor))
        return self.op("Resize", [x, "", scales], shape, mode=mode, **how)

    def split(self, x: Value, axis: int, parts: int) -> list[Value]:
        """Into equal parts."""
        shape = tuple(size // parts if number == axis else size for number, size in enumerate(x.shape))
        names = [f"t{len(self._nodes)}_{part}" for part in range(parts)]
        sizes = self.ints(*[shape[axis]] * parts)
        self._nodes.append(helper.make_node("Split", [x.name, sizes], names, axis=axis))
        return [Value(name, shape) for name in names]

    def model(self, outputs: Mapping[str, Value], free: Mapping[str, Sequence[str | int]] | None = None) -> ModelProto:
        """The graph with these outputs; ``free`` are declared shapes that have free sizes."""
        infos = []
        for name, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value.name], [name]))
            shape = (free or {}).get(name, value.shape)
            infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        graph = helper.make_graph(self._nodes, "look_alike", self._inputs, infos, self._weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
