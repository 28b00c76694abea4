"""A network that draws random numbers gives equal answers to equal questions, or says that it does not."""

from __future__ import annotations

import hashlib
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from random_graphs import (
    OPSET,
    SIDE,
    bernoulli,
    constant,
    dropout,
    graph,
    in_a_branch,
    in_a_function,
    in_inner_branch,
    like,
    multinomial,
    noisy,
    of,
)

from roop_host import ModelSpec
from roop_host.models import sessions as sessions_module
from roop_host.models.chance import settled
from roop_host.models.sessions import OrtSessions

DIFFERS = "the model noisy draws random numbers, so two runs on one picture may differ: "


def spec(data: bytes, folder: Path) -> ModelSpec:
    path = folder / "noisy.onnx"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return ModelSpec(name="noisy", sha256=digest, size=len(data), licence="none", path=lambda: path)


def run(sessions: OrtSessions, model: ModelSpec, x: NDArray[Any]) -> NDArray[Any]:
    return sessions.open(model).run({"x": x})[0]


ZEROS = np.zeros((1, 1, SIDE, SIDE), np.float32)


@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (like(scale=2.0, mean=1.0, seed=5.0), 1.0, 2.0),
        (like(kind="RandomUniformLike", low=-1.0, high=3.0), 1.0, 4 / np.sqrt(12)),
        (helper.make_node("RandomNormal", [], ["d0"], shape=[1, 1, SIDE, SIDE]), 0.0, 1.0),
        (helper.make_node("RandomUniform", [], ["d0"], shape=[1, 1, SIDE, SIDE]), 0.5, 1 / np.sqrt(12)),
    ],
    ids=["normal like", "uniform like", "normal", "uniform"],
)
def test_equal_questions_have_equal_answers(draw: onnx.NodeProto, mean: float, deviation: float, tmp_path: Path) -> None:
    model = spec(noisy(draw), tmp_path)
    sessions = OrtSessions("cpu", 1)
    first = run(sessions, model, ZEROS)
    assert np.array_equal(first, run(sessions, model, ZEROS))
    assert np.array_equal(first, run(OrtSessions("cpu", 1), model, ZEROS))
    assert abs(first.mean() - mean) < 0.1 * deviation
    assert abs(first.std() - deviation) < 0.05 * deviation
    assert sessions.notices == []
    assert [(told["sha256"], told["changed"]) for told in sessions.loaded] == [
        (model.sha256, "its random numbers were drawn beforehand")
    ]


def test_each_draw_has_numbers_of_its_own(tmp_path: Path) -> None:
    model = spec(noisy(like("d0"), like("d1")), tmp_path)
    made = run(OrtSessions("cpu", 1), model, ZEROS)
    assert abs(made.std() - np.sqrt(2)) < 0.1  # of the same twice it would be 2


def test_in_half_precision(tmp_path: Path) -> None:
    model = spec(noisy(like(), kind=TensorProto.FLOAT16), tmp_path)
    sessions = OrtSessions("cpu", 1)
    assert np.array_equal(run(sessions, model, ZEROS), run(sessions, model, ZEROS))
    assert sessions.notices == []


def test_pictures_of_a_free_batch_are_answered_as_alone(tmp_path: Path) -> None:
    model = spec(noisy(like(), batch="n"), tmp_path)
    sessions = OrtSessions("cpu", 1)
    together = run(sessions, model, np.repeat(ZEROS, 3, 0))
    assert np.array_equal(together, np.repeat(run(sessions, model, ZEROS), 3, 0))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (noisy(like(), side="side"), "how many does not stand in its graph, so they can't be drawn beforehand"),
        (in_a_branch(), "what a branch or a loop of its graph draws can't be drawn beforehand"),
        (in_a_function(), "what a function of its graph draws can't be drawn beforehand"),
        (in_inner_branch(), "what a function of its graph draws can't be drawn beforehand"),
        (bernoulli(), "what Bernoulli draws can't be drawn beforehand"),
        (multinomial(), "what Multinomial draws can't be drawn beforehand"),
        (dropout(), "what Dropout draws in training can't be drawn beforehand"),
    ],
    ids=["free sides", "branch", "function", "branch of a function", "bernoulli", "multinomial", "dropout"],
)
def test_what_can_not_be_drawn_beforehand_is_told(data: bytes, why: str, tmp_path: Path) -> None:
    model = spec(data, tmp_path)
    sessions = OrtSessions("cpu", 1)
    assert not np.array_equal(run(sessions, model, ZEROS), run(sessions, model, ZEROS))
    assert sessions.notices == [DIFFERS + why]
    assert settled(data).data is data
    assert "changed" not in sessions.loaded[0]


@pytest.mark.parametrize("data", [dropout(training=False), dropout(ratio=0.0)], ids=["not in training", "of nothing"])
def test_a_dropout_that_draws_nothing_is_not_told(data: bytes, tmp_path: Path) -> None:
    model = spec(data, tmp_path)
    sessions = OrtSessions("cpu", 1)
    assert np.array_equal(run(sessions, model, ZEROS), run(sessions, model, ZEROS))
    assert (settled(data).data is data, sessions.notices) == (True, [])


def test_an_operator_of_another_domain_is_not_onnx_own() -> None:
    inner = helper.make_function("own", "RandomNormalLike", ["x"], ["f"], [helper.make_node("Neg", ["x"], ["f"])], OPSET)
    data = noisy(helper.make_node("RandomNormalLike", ["x"], ["d0"], domain="own"), functions=[inner])
    assert (settled(data).data is data, settled(data).why) == (True, "")


def test_a_function_that_nobody_calls_draws_nothing() -> None:
    inner = helper.make_function("own", "F", ["x"], ["f"], [like("f")], OPSET)
    data = noisy(helper.make_node("Neg", ["x"], ["d0"]), functions=[inner])
    assert (settled(data).data is data, settled(data).why) == (True, "")


WEIGHT = constant("w", 1.0, 2.0, 3.0)
FITS: dict[str, list[onnx.NodeProto]] = {
    "a weight and then the batch": [
        WEIGHT,
        like("d"),
        helper.make_node("Mul", ["d", "w"], ["s"]),
        helper.make_node("Add", ["x", "s"], ["y"]),
    ],
    "two draws": [
        like("d"),
        like("e"),
        helper.make_node("Add", ["d", "e"], ["s"]),
        helper.make_node("Sub", ["s", "x"], ["y"]),
    ],
    "cast": [
        like("d", dtype=TensorProto.DOUBLE),
        helper.make_node("Cast", ["d"], ["s"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["x", "s"], ["y"]),
    ],
}
MAY_NOT: dict[str, list[onnx.NodeProto]] = {
    "beside each other": [like("d"), helper.make_node("Concat", ["x", "d"], ["y"], axis=1)],
    "an output": [like("y")],
    "an output of a weight": [WEIGHT, like("d"), helper.make_node("Mul", ["d", "w"], ["y"])],
    "two draws": [like("d"), like("e"), helper.make_node("Add", ["d", "e"], ["y"])],
    "a draw and its own": [
        WEIGHT,
        like("d"),
        helper.make_node("Mul", ["d", "w"], ["s"]),
        helper.make_node("Add", ["d", "s"], ["y"]),
    ],
    "added up": [
        like("d"),
        helper.make_node("ReduceMean", ["d"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Add", ["x", "m"], ["y"]),
    ],
    "in a branch": [
        like("d"),
        constant("yes", True, kind=TensorProto.BOOL),
        helper.make_node("If", ["yes"], ["y"], then_branch=of("d", "a"), else_branch=of("d", "b")),
    ],
}


@pytest.mark.parametrize("name", FITS)
def test_of_a_free_batch_what_surely_fits_is_drawn(name: str, tmp_path: Path) -> None:
    data = graph(FITS[name], ["n", 3])
    model, sessions = spec(data, tmp_path), OrtSessions("cpu", 1)
    x = np.ones((2, 3), np.float32)
    first = run(sessions, model, x)
    assert first.shape == (2, 3)
    assert np.array_equal(first, run(sessions, model, x))
    assert np.array_equal(first[:1], run(sessions, model, x[:1]))
    assert sessions.notices == []


@pytest.mark.parametrize("name", MAY_NOT)
def test_of_a_free_batch_what_may_not_fit_stays(name: str, tmp_path: Path) -> None:
    wide = 6 if name == "beside each other" else 3
    data = graph(MAY_NOT[name], ["n", wide])
    model, sessions = spec(data, tmp_path), OrtSessions("cpu", 1)
    assert run(sessions, model, np.ones((2, 3), np.float32)).shape == (2, wide)
    why = "how many hangs on how many pictures it is given, and those for one are not sure to fit several"
    assert sessions.notices == [DIFFERS + why]
    assert settled(data).data is data


def test_sizes_that_a_file_says_of_what_lies_between_are_not_believed() -> None:
    """Many are exported for one picture, and their inputs freed afterwards."""
    nodes = [helper.make_node("Neg", ["x"], ["m"]), like("d"), helper.make_node("Concat", ["m", "d"], ["y"], axis=1)]
    nodes[1].input[0] = "m"
    said = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "md"]
    data = graph(nodes, [1, 6], said=said)
    assert settled(data).data is data
    assert settled(graph(nodes, [1, 6], x=[1, 3], said=said)).mark


def test_a_size_without_a_name_is_followed() -> None:
    assert settled(graph(FITS["a weight and then the batch"], [None, 3], x=[None, 3])).mark


def test_the_numbers_are_those_of_the_frozen_generator() -> None:
    """The first of ``RandomState(0)``, which every tutorial shows: they stay with any version of numpy."""
    data = graph([like("y")], [1, 3], x=[1, 3])
    (node,) = onnx.load_from_string(settled(data).data).graph.node
    drawn = onnx.numpy_helper.to_array(node.attribute[0].t)
    assert drawn.tolist() == np.array([[1.764052345967664, 0.4001572083672233, 0.9787379841057392]], np.float32).tolist()


def test_other_graphs_have_other_marks_and_all_else_stays() -> None:
    datas = [graph([like("y", scale=scale)], [1, 3], x=[1, 3]) for scale in (1.0, 2.0)]
    assert len({settled(data).mark for data in datas}) == 2
    before, after = (onnx.load_from_string(data) for data in (datas[0], settled(datas[0]).data))
    assert [node.op_type for node in after.graph.node] == ["Constant"]
    after.graph.node[0].CopyFrom(before.graph.node[0])
    assert before == after


def test_a_large_graph_is_neither_parsed_nor_copied_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3, 2**20], bytes(12 * 2**20), raw=True)
    nodes = [
        helper.make_node("RandomNormal", [], ["d"], shape=[1, 3]),
        helper.make_node("MatMul", ["d", "w"], ["m"]),
        helper.make_node("ReduceMean", ["m"], ["r"], axes=[1]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    data = graph(nodes, [1, 3], x=[1, 3], weights=[weight])
    parsed: list[int] = []
    infer = onnx.shape_inference.infer_shapes

    def note(model: onnx.ModelProto, **said: Any) -> onnx.ModelProto:
        parsed.append(model.ByteSize())
        return infer(model, **said)

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", note)
    settled(data)
    tracemalloc.start()
    made = settled(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.mark
    assert max(parsed) < 2000
    assert most < 1.1 * len(data)


def test_what_lies_behind_a_large_weight_has_its_size() -> None:
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3, 1000], bytes(12000), raw=True)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("RandomNormalLike", ["m"], ["d"]),
        helper.make_node("Add", ["m", "d"], ["y"]),
    ]
    made = settled(graph(nodes, ["n", 1000], weights=[weight]))
    drawn = onnx.load_from_string(made.data).graph.node[1]
    assert list(drawn.attribute[0].t.dims) == [1, 1000]


def test_without_onnx_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "roop_host.models.light", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    sessions = OrtSessions("cpu", 1)
    sessions.open(spec(noisy(like()), tmp_path))
    (notice,) = sessions.notices
    assert notice.startswith(DIFFERS + "drawing them beforehand needs onnx, which can't be imported")
    assert "install onnx" in notice


def test_what_draws_nothing_stays_as_it_is() -> None:
    plain = noisy(helper.make_node("Neg", ["x"], ["d0"], name="RandomNormalLike_0"))
    for data in (plain, plain.replace(b"RandomNormalLike_0", b"xandomNormalLike_0")):
        assert settled(data).data is data
        assert settled(data).why == ""


@pytest.mark.parametrize("data", [b"", b"\xffRandomNormal", noisy(like())[:-3]], ids=["empty", "none", "cut off"])
def test_what_is_no_network_is_left_to_the_runtime(data: bytes) -> None:
    assert (settled(data).data is data, settled(data).why) == (True, "")


def test_what_onnx_can_not_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("odd\nand more")

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", fails)
    data = noisy(like())
    assert (settled(data).data is data, settled(data).why) == (True, "its graph can't be changed (odd)")


def test_what_a_device_compiles_of_a_changed_graph_lies_apart(runtime: Callable[..., Any], tmp_path: Path) -> None:
    made = runtime("tensorrt")
    model = spec(noisy(like()), tmp_path)
    OrtSessions("tensorrt", 1).open(model)
    folder = Path(made.made[0].providers[0][1]["trt_engine_cache_path"])
    assert folder.name == f"{model.sha256[:32]}-{settled(noisy(like())).mark}-fp32"


def test_a_file_is_read_and_settled_once_for_all_ways(
    runtime: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = runtime("cuda", "coreml")
    made.faults |= {"cuda": "nan", "coreml": "flat"}
    seen: list[bytes] = []
    monkeypatch.setattr(sessions_module, "settled", lambda data: (seen.append(data), settled(data))[1])
    sessions = OrtSessions("auto", 1)
    sessions.open(spec(noisy(like()), tmp_path))
    assert [one.device for one in made.made] == ["cuda", "coreml", "cpu"]
    assert len(seen) == 1
    assert sessions.loaded[0]["changed"]
