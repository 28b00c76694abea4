"""Networks that draw random numbers, as many a generator's export does: they are drawn once, before it is loaded.

Else two runs on one picture differ: a video flickers, and a resumed run has other bytes. A ``seed`` in the graph does not
help, since ONNX Runtime's generators go on from run to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from roop_host.types.packages import pip

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_NORMAL, _UNIFORM = frozenset({"RandomNormal", "RandomNormalLike"}), frozenset({"RandomUniform", "RandomUniformLike"})
_MARK = b"Random"
_UNSIZED = "how many does not stand in its graph, so they can't be drawn beforehand"


def settled(data: bytes) -> tuple[bytes, str]:
    """The network with constants in the place of what it would draw, and why not all of it could be; empty if all is well.

    ``data`` itself where nothing is drawn. Each draw has numbers of its own, the same for the same graph. A free batch
    shares those of one picture.
    """
    if _MARK not in data:
        return data, ""
    try:
        import onnx
    except ImportError as error:
        return data, f"drawing them beforehand needs onnx, which can't be imported ({error}); {pip('install', 'onnx')}"
    try:
        model = onnx.load_from_string(data)
        if not _drawn(model):
            return data, ""
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        types = {item.name: item.type.tensor_type for item in (*inferred.value_info, *inferred.output)}
        for number, node in enumerate(model.graph.node):
            if node.op_type in _NORMAL | _UNIFORM and (values := _values(node, types, number)) is not None:
                name = node.output[0]
                node.CopyFrom(onnx.helper.make_node("Constant", [], [name], name=node.name, value=values))
        return model.SerializeToString(), _UNSIZED if _drawn(model) else ""
    except Exception as error:  # noqa: BLE001  (whatever it is, the runtime may still load it)
        return data, f"its graph can't be changed ({str(error).partition(chr(10))[0]})"


def _drawn(model: Any) -> bool:
    """Whether anything is drawn, in whatever part."""
    parts = [model.graph.node, *(function.node for function in model.functions)]
    return any(node.op_type in _NORMAL | _UNIFORM for nodes in parts for node in _all(nodes))


def _all(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _all(graph.node)


def _values(node: NodeProto, types: Mapping[str, Any], number: int) -> TensorProto | None:
    """What ``node``, the graph's ``number``-th, draws; None where its shape is not known."""
    import numpy as np
    from onnx import helper, numpy_helper

    kind = types.get(node.output[0])
    shape = _shape(kind)
    if kind is None or shape is None:
        return None
    said = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    random = np.random.default_rng(number)
    if node.op_type in _NORMAL:
        values = random.standard_normal(shape) * said.get("scale", 1.0) + said.get("mean", 0.0)
    else:
        low, high = said.get("low", 0.0), said.get("high", 1.0)
        values = random.random(shape) * (high - low) + low
    return numpy_helper.from_array(np.asarray(values).astype(helper.tensor_dtype_to_np_dtype(kind.elem_type)))


def _shape(kind: Any) -> tuple[int, ...] | None:
    """With one for a free batch."""
    if kind is None or not kind.HasField("shape"):
        return None
    sizes = [item.dim_value if item.HasField("dim_value") else None for item in kind.shape.dim]
    if sizes and sizes[0] is None:
        sizes[0] = 1
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None
