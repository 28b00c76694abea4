"""Small ONNX graphs by the contracts of the restoration networks, made from their specs alone: no weights of theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from roop_enhancer.networks import NetworkSpec
from roop_host import ModelSpec

#: A sharpening kernel; its values sum to 1.
KERNEL = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
#: Of the weight in a graph that does not ask for it: seen by nobody, but no graph may leave an input unused.
_TRACE = 1e-7
_TYPES = {np.float64: TensorProto.DOUBLE, np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """output = crop * gain + offset + by_weight * weight + noise, all per channel R, G, B, of values in -1..1.

    ``batch`` is a number or a name. ``sharp`` convolves with ``KERNEL``, ``mixes`` adds that share of the batch's mean,
    ``noise`` is the deviation of what is drawn anew in each run. ``alone`` has a fixed batch of one in the middle, whatever
    the input says. ``half`` takes, computes and gives float16; ``extra`` adds a second output. ``sides`` is what the graph
    says of its sides; None is the spec's. ``weight`` is that input's name, ``number`` its shape and type.
    """

    gain: Sequence[float] = (1, 1, 1)
    offset: Sequence[float] = (0, 0, 0)
    by_weight: float = _TRACE
    batch: int | str = 1
    sharp: bool = False
    mixes: float = 0
    noise: float = 0
    alone: bool = False
    half: bool = False
    extra: bool = False
    sides: int | str | None = None
    crop: str = "input"
    weight: str = "weight"
    number: tuple[Sequence[int | str], type[Any]] = ((1,), np.float64)
    order: Literal["crop", "weight"] = "crop"


def network(spec: NetworkSpec, graph: Graph | None = None) -> bytes:
    """By default one that gives the crop back."""
    g = graph or Graph()
    kind = np.float16 if g.half else np.float32
    side = spec.size if g.sides is None else g.sides
    constants: dict[str, NDArray[Any]] = {
        "gain": np.array(g.gain, kind).reshape(1, 3, 1, 1),
        "offset": np.array(g.offset, kind).reshape(1, 3, 1, 1),
    }
    nodes = [helper.make_node("Mul", [g.crop, "gain"], ["scaled"]), helper.make_node("Add", ["scaled", "offset"], ["made0"])]

    def add(what: str) -> None:
        nodes.append(helper.make_node("Add", [f"made{steps[-1]}", what], [f"made{steps[-1] + 1}"]))
        steps.append(steps[-1] + 1)

    steps = [0]
    if spec.weighted:
        constants |= {"share": np.array(g.by_weight, kind), "once": np.array([1], np.int64)}
        nodes.append(helper.make_node("Cast", [g.weight], ["cast"], to=_TYPES[kind]))
        nodes.append(helper.make_node("Reshape", ["cast", "once"], ["flat"]))
        nodes.append(helper.make_node("Mul", ["flat", "share"], ["told"]))
        add("told")
    if g.mixes:
        constants["mix"] = np.array(g.mixes, kind)
        nodes.append(helper.make_node("ReduceMean", [g.crop], ["mean"], axes=[0], keepdims=1))
        nodes.append(helper.make_node("Mul", ["mean", "mix"], ["mixed"]))
        add("mixed")
    if g.noise:
        nodes.append(helper.make_node("RandomNormalLike", [g.crop], ["noise"], scale=float(g.noise), seed=1.0))
        add("noise")
    last = f"made{steps[-1]}"
    if g.sharp:
        kernel = np.zeros((3, 3, 3, 3), kind)
        kernel[range(3), range(3)] = KERNEL
        constants["kernel"] = kernel
        nodes.append(helper.make_node("Conv", [last, "kernel"], ["sharp"], pads=[1, 1, 1, 1]))
        last = "sharp"
    if g.alone:
        constants["shape"] = np.array([1, 3, spec.size, spec.size], np.int64)
        nodes.append(helper.make_node("Reshape", [last, "shape"], ["one"]))
        last = "one"
    nodes.append(helper.make_node("Identity", [last], ["output"]))
    told = _TYPES[kind]
    inputs = [helper.make_tensor_value_info(g.crop, told, [g.batch, 3, side, side])]
    outputs = [helper.make_tensor_value_info("output", told, [g.batch, 3, side, side])]
    if spec.weighted:
        shape, number = g.number
        inputs.append(helper.make_tensor_value_info(g.weight, _TYPES[number], list(shape)))
    if g.extra:
        nodes.append(helper.make_node("ReduceMean", [last], ["mask"], axes=[1], keepdims=1))
        outputs.append(helper.make_tensor_value_info("mask", told, [g.batch, 1, side, side]))
    if g.order == "weight":
        inputs.reverse()
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def stored(spec: NetworkSpec, data: bytes, folder: Path) -> NetworkSpec:
    """``spec`` with this graph for its file, which lies in ``folder``."""
    path = folder / f"{spec.name}.onnx"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    model = ModelSpec(name=spec.name, sha256=digest, size=len(data), licence="none", path=lambda: path)
    return replace(spec, model=model)
