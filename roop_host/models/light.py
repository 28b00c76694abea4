"""A network without its weights: enough to find out how large what it computes is. Imports onnx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from roop_host.models import wire

#: In bytes: sizes and axes, which shapes hang on, are less; weights are more.
_LARGE = 1024
_STANDARD = ("", "ai.onnx")
#: Of two tensors, of which either may be repeated for the other.
_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div"})
_ALONE = frozenset({"Identity", "Cast"})
#: Where the sizes of both may differ without being told so: https://onnx.ai/onnx/operators/onnx__Add.html
_REPEATS_SINCE = 7


class Light:
    """The nodes of a graph and what is known of the tensors between them, from its inputs and operators alone.

    What the file says of tensors in between and of its outputs is not believed: it is often of a batch of one, where the
    inputs were freed afterwards.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._free_inputs(model.graph)
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        items = (*inferred.input, *inferred.value_info, *inferred.output)
        self._kinds = {item.name: item.type.tensor_type for item in items if item.type.HasField("tensor_type")}
        self._known = {item.name: numpy_helper.to_array(item) for item in inferred.initializer}
        self._kinds |= {name: _kind(value) for name, value in self._known.items()}
        self.nodes = model.graph.node
        self._outputs = {item.name for item in model.graph.output}
        self._repeats = any(one.domain in _STANDARD and one.version >= _REPEATS_SINCE for one in model.opset_import)
        for node in self.nodes:
            if node.op_type == "Constant" and (value := _value(node)) is not None:
                self._known[node.output[0]] = value

    @staticmethod
    def _free_inputs(graph: onnx.GraphProto) -> None:
        """A name for every size that has none, so that it can be followed."""
        for item in graph.input:
            for place, size in enumerate(item.type.tensor_type.shape.dim):
                if not size.HasField("dim_value") and not size.dim_param:
                    size.dim_param = f"{item.name}:{place}"

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Where all sizes are known."""
        sizes = self._sizes(name)
        if sizes is None or not all(isinstance(size, int) for size in sizes):
            return None
        return tuple(size for size in sizes if isinstance(size, int))

    def shape_of_one(self, name: str) -> tuple[int, ...] | None:
        """Of one picture, where nothing but the first size is free."""
        sizes = self._sizes(name)
        if not sizes or isinstance(sizes[0], int) or not all(isinstance(size, int) for size in sizes[1:]):
            return None
        return (1, *(size for size in sizes[1:] if isinstance(size, int)))

    def fit_any_batch(self, names: Iterable[str]) -> bool:
        """Whether the network computes the same shapes where the first size of these tensors is one, whatever it was.

        So it is where all that is made of them is added to or multiplied with what has that size itself.
        """
        narrow = {name: self._sizes(name) or () for name in names}
        if not self._repeats or not all(sizes and sizes[0] for sizes in narrow.values()):
            return False
        for node in self.nodes:  # in the order in which they are computed
            met = [narrow[name] for name in node.input if name in narrow]
            if not narrow.keys().isdisjoint(_captured(node)):
                return False
            if not met:
                continue
            if node.domain not in _STANDARD or node.op_type not in _ELEMENTWISE | _ALONE:
                return False
            others = [self._batch(name, met[0]) for name in node.input if name not in narrow]
            if None in others or any((sizes[0], len(sizes)) != (met[0][0], len(met[0])) for sizes in met):
                return False
            if not any(others):
                narrow[node.output[0]] = met[0]
        return narrow.keys().isdisjoint(self._outputs)

    def _batch(self, name: str, sizes: Sequence[int | str | None]) -> bool | None:
        """Whether it has the batch, the first of ``sizes``, or certainly none; None where neither is known."""
        own = self._sizes(name)
        if own is None or len(own) > len(sizes):
            return None
        if len(own) < len(sizes) or own[0] == 1:
            return False
        return True if own[0] == sizes[0] else None

    def type_of(self, name: str) -> int:
        """ONNX's number for the type of its elements."""
        return int(self._kinds[name].elem_type)

    def drops(self, node: onnx.NodeProto) -> bool:
        """Whether a Dropout is known to be in training, and to leave anything out."""
        training, ratio = (self._known.get(node.input[place]) if len(node.input) > place else None for place in (2, 1))
        return training is not None and bool(training.any()) and (ratio is None or bool(ratio.any()))

    def _sizes(self, name: str) -> tuple[int | str | None, ...] | None:
        """A free size is its name, where it has one."""
        kind = self._kinds.get(name)
        if kind is None or not kind.HasField("shape"):
            return None
        return tuple(size.dim_value if size.HasField("dim_value") else size.dim_param or None for size in kind.shape.dim)


def light_graph(data: memoryview, graph: wire.Field) -> Light:
    """Of a model's bytes and where its graph lies. Raises what onnx raises for what it can't read."""
    model = onnx.ModelProto.FromString(b"".join(data[one.head : one.end] for one in wire.fields(data) if one != graph))
    kept: list[memoryview] = []
    weights: list[onnx.TensorProto] = []
    for one in wire.fields(data, graph.begin, graph.end):
        if one.number == wire.GRAPH_INITIALIZER and one.end - one.begin > _LARGE:
            weights.append(_head_of(data, one))
        elif one.number not in (wire.GRAPH_VALUE_INFO, wire.GRAPH_SPARSE):
            kept.append(data[one.head : one.end])
    model.graph.ParseFromString(b"".join(kept))
    said = {item.name for item in model.graph.input}
    for one in weights:
        if one.name not in said:
            model.graph.input.append(helper.make_tensor_value_info(one.name, one.data_type, list(one.dims)))
    for item in model.graph.output:
        if item.type.HasField("tensor_type"):
            item.type.tensor_type.ClearField("shape")
    return Light(model)


def _head_of(data: memoryview, tensor: wire.Field) -> onnx.TensorProto:
    """A tensor without its numbers."""
    parts = (one for one in wire.fields(data, tensor.begin, tensor.end) if one.number not in wire.TENSOR_DATA)
    head = onnx.TensorProto()
    head.ParseFromString(b"".join(data[one.head : one.end] for one in parts))
    return head


def _kind(value: NDArray[Any]) -> Any:
    elem_type = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_type_proto(elem_type, value.shape).tensor_type


def _captured(node: onnx.NodeProto) -> Iterator[str]:
    """What its branches and loops may take from outside."""
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from (*inner.input, *_captured(inner))
            yield from (item.name for item in graph.output)


def _value(node: onnx.NodeProto) -> NDArray[Any] | None:
    """Of a Constant, where it is small."""
    attributes: Mapping[str, Any] = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    tensor = attributes.get("value")
    if isinstance(tensor, onnx.TensorProto) and tensor.ByteSize() <= _LARGE:
        return numpy_helper.to_array(tensor)
    return next((np.asarray(attributes[key]) for key in ("value_float", "value_int") if key in attributes), None)
