"""Small ONNX graphs by the contracts of the swap networks, made from their specs alone: no weights of theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from roop_host import ModelSpec
from roop_swapper.networks import CropSource, NetworkSpec

VECTOR = 512
#: A converter's bias: without one a vector and its length go through alike.
_BIAS = 3.0
#: Of the source in an identity: seen by nobody, but no graph may leave an input unused.
_TRACE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """output = target * gain + offset + by_source * told, all per channel R, G, B, in what the network computes in.

    ``told`` is the vector times ``weights`` ``(512, 3)``, or the means of the source's crop. ``batch`` is a number or a
    name; ``extra`` adds a second output, a mask; ``half`` computes, takes and gives float16.
    """

    gain: Sequence[float] = (1, 1, 1)
    offset: Sequence[float] = (0, 0, 0)
    by_source: float = _TRACE
    weights: NDArray[np.floating] | None = None
    batch: int | str = 1
    extra: bool = False
    half: bool = False
    names: tuple[str, str] = ("target", "source")
    #: What the graph says of its sides; None is the spec's.
    sides: int | str | None = None


def identity(spec: NetworkSpec, **more: Any) -> Graph:
    """Gives the crop back: as it came, or where the network's output is in 0..1 all the same, turned back."""
    if spec.denormalised:
        return Graph(**more)
    return Graph(gain=spec.std, offset=spec.mean, **more)


def swap(spec: NetworkSpec, graph: Graph) -> bytes:
    """The last initializer is a map of vectors, and no node uses it."""
    kind = np.float16 if graph.half else np.float32
    told = TensorProto.FLOAT16 if graph.half else TensorProto.FLOAT
    crops, who = graph.names
    side = spec.size if graph.sides is None else graph.sides
    by_crop = isinstance(spec.source, CropSource)
    weights = np.ones((VECTOR, 3)) if graph.weights is None else graph.weights
    constants = {
        "weights": (weights * graph.by_source).astype(kind),
        "little": np.array(graph.by_source, kind),
        "gain": np.array(graph.gain, kind).reshape(1, 3, 1, 1),
        "offset": np.array(graph.offset, kind).reshape(1, 3, 1, 1),
        "shape": np.array([-1, 3, 1, 1], np.int64),
        "emap": emap().astype(kind),
    }
    if by_crop:
        nodes = [
            helper.make_node("ReduceMean", [who], ["means"], axes=[2, 3], keepdims=1),
            helper.make_node("Mul", ["means", "little"], ["told"]),
        ]
    else:
        nodes = [
            helper.make_node("MatMul", [who, "weights"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["told"]),
        ]
    nodes += [
        helper.make_node("Mul", [crops, "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["moved"]),
        helper.make_node("Add", ["moved", "told"], ["output"]),
    ]
    outputs = [helper.make_tensor_value_info("output", told, [graph.batch, 3, side, side])]
    if graph.extra:
        nodes.append(helper.make_node("ReduceMean", ["output"], ["mask"], axes=[1], keepdims=1))
        outputs.append(helper.make_tensor_value_info("mask", told, [graph.batch, 1, side, side]))
    given = [3, spec.source.size, spec.source.size] if isinstance(spec.source, CropSource) else [VECTOR]
    inputs = [
        helper.make_tensor_value_info(crops, told, [graph.batch, 3, side, side]),
        helper.make_tensor_value_info(who, told, [graph.batch, *given]),
    ]
    return _bytes(nodes, inputs, outputs, constants)


def converter() -> bytes:
    """In the place of a crossface network: a map of the raw vector, and a constant."""
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, VECTOR]) for name in ("input", "output")]
    nodes = [helper.make_node("MatMul", ["input", "turn"], ["t"]), helper.make_node("Add", ["t", "bias"], ["output"])]
    return _bytes(nodes, info[:1], info[1:], {"turn": _turn(11), "bias": np.full(VECTOR, _BIAS, np.float32)})


def emap() -> NDArray[np.float32]:
    """The map of a graph for ``inswapper_128``."""
    return _turn(7)


def converted(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ``converter`` makes of a vector ``(512,)``."""
    made: NDArray[np.float32] = embedding @ _turn(11) + np.float32(_BIAS)
    return made


def stored(spec: NetworkSpec, graph: bytes, folder: Path) -> NetworkSpec:
    """``spec`` with these graphs for its files, which lie in ``folder``."""
    model = _in(folder, graph, spec.name)
    return replace(spec, model=model, converter=_in(folder, converter(), f"{spec.name}_to") if spec.converts else None)


def _in(folder: Path, data: bytes, name: str) -> ModelSpec:
    path = folder / f"{name}.onnx"
    path.write_bytes(data)
    return ModelSpec(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data), licence="none", path=lambda: path)


def _turn(seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal((VECTOR, VECTOR)) / np.sqrt(VECTOR)).astype(np.float32)


def _bytes(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, NDArray[Any]]) -> bytes:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
