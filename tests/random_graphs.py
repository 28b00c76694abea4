"""Graphs that draw random numbers, each in another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

SIDE = 64
OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def noisy(
    *draws: onnx.NodeProto,
    batch: int | str = 1,
    side: int | str = SIDE,
    kind: int = TensorProto.FLOAT,
    before: Sequence[onnx.NodeProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
) -> bytes:
    """y = x + all that is drawn, whose names are d0, d1 ..."""
    nodes, last = [*before, *draws], "x"
    for number in range(len(draws)):
        nodes.append(helper.make_node("Add", [last, f"d{number}"], [f"s{number}"]))
        last = f"s{number}"
    nodes.append(helper.make_node("Identity", [last], ["y"]))
    wide = [helper.make_tensor_value_info(name, kind, [batch, 1, side, side]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph(nodes, "g", wide[:1], wide[1:]), opset_imports=OPSET, ir_version=9, functions=functions
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def graph(
    nodes: Sequence[onnx.NodeProto],
    out: Sequence[int | str | None],
    *,
    x: Sequence[int | str | None] = ("n", 3),
    said: Sequence[onnx.ValueInfoProto] = (),
    weights: Sequence[onnx.TensorProto] = (),
) -> bytes:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", x), ("y", out))]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializer=weights, value_info=said)
    return bytes(helper.make_model(made, opset_imports=OPSET, ir_version=9).SerializeToString())


def like(name: str = "d0", kind: str = "RandomNormalLike", **said: Any) -> onnx.NodeProto:
    return helper.make_node(kind, ["x"], [name], **said)


def of(taken: str, name: str) -> onnx.GraphProto:
    """A branch that gives what was made outside of it."""
    out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node("Identity", [taken], [name])], name, [], [out])


def branch(name: str) -> onnx.GraphProto:
    out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    return helper.make_graph([like(name)], name, [], [out])


def in_a_branch() -> bytes:
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    choice = helper.make_node("If", ["yes"], ["d0"], then_branch=branch("a"), else_branch=branch("b"))
    return noisy(choice, before=[yes])


def in_a_function() -> bytes:
    inner = helper.make_function("own", "F", ["x"], ["f"], [like("f")], [helper.make_opsetid("", 17)])
    return noisy(helper.make_node("F", ["x"], ["d0"], domain="own"), functions=[inner])


def in_inner_branch() -> bytes:
    """A function whose branch draws."""
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    choice = helper.make_node("If", ["yes"], ["f"], then_branch=branch("a"), else_branch=branch("b"))
    inner = helper.make_function("own", "F", ["x"], ["f"], [yes, choice], [helper.make_opsetid("", 17)])
    return noisy(helper.make_node("F", ["x"], ["d0"], domain="own"), functions=[inner])


def constant(name: str, *values: Any, kind: int = TensorProto.FLOAT) -> onnx.NodeProto:
    value = helper.make_tensor(name, kind, [len(values)] if len(values) > 1 else [], values)
    return helper.make_node("Constant", [], [name], value=value)


def dropout(*, training: bool = True, ratio: float = 0.5) -> bytes:
    """Of pictures of ones, so that what is left out is seen."""
    before = [
        constant("ratio", ratio),
        constant("training", training, kind=TensorProto.BOOL),
        helper.make_node("Exp", ["x"], ["ones"]),
    ]
    # Its output is that of the graph: ONNX Runtime leaves others out, also in training.
    wide = [1, 1, SIDE, SIDE]
    return graph([*before, helper.make_node("Dropout", ["ones", "ratio", "training"], ["y"])], wide, x=wide)


def bernoulli() -> bytes:
    before = [constant("half", 0.5), helper.make_node("Add", ["x", "half"], ["p"])]
    return noisy(helper.make_node("Bernoulli", ["p"], ["d0"]), before=before)


def multinomial() -> bytes:
    before = [
        constant("row", 1, -1, kind=TensorProto.INT64),
        helper.make_node("Reshape", ["x", "row"], ["logits"]),
        helper.make_node("Multinomial", ["logits"], ["drawn"], sample_size=SIDE),
    ]
    return noisy(helper.make_node("Cast", ["drawn"], ["d0"], to=TensorProto.FLOAT), before=before)
