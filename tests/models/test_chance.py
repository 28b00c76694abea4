"""A network that draws random numbers gives equal answers to equal questions, or says that it does not."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from roop_host import ModelSpec
from roop_host.models.chance import settled
from roop_host.models.sessions import OrtSessions

SIDE = 64
DIFFERS = "the model noisy draws random numbers, so two runs on one picture differ: "


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
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "g", wide[:1], wide[1:]), opset_imports=opsets, ir_version=9, functions=functions
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def like(name: str = "d0", kind: str = "RandomNormalLike", **said: Any) -> onnx.NodeProto:
    return helper.make_node(kind, ["x"], [name], **said)


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
    assert [told["sha256"] for told in sessions.loaded] == [model.sha256]


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


@pytest.mark.parametrize(
    "data", [noisy(like(), side="side"), in_a_branch(), in_a_function()], ids=["free sides", "branch", "function"]
)
def test_what_can_not_be_drawn_beforehand_is_told(data: bytes, tmp_path: Path) -> None:
    model = spec(data, tmp_path)
    sessions = OrtSessions("cpu", 1)
    assert not np.array_equal(run(sessions, model, ZEROS), run(sessions, model, ZEROS))
    assert sessions.notices == [DIFFERS + "how many does not stand in its graph, so they can't be drawn beforehand"]


def test_without_onnx_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    sessions = OrtSessions("cpu", 1)
    sessions.open(spec(noisy(like()), tmp_path))
    (notice,) = sessions.notices
    assert notice.startswith(DIFFERS + "drawing them beforehand needs onnx, which can't be imported")
    assert "install onnx" in notice


def test_what_draws_nothing_stays_as_it_is() -> None:
    plain = noisy(helper.make_node("Neg", ["x"], ["d0"], name="RandomNormalLike_0"))
    for data in (plain, plain.replace(b"RandomNormalLike_0", b"xandomNormalLike_0")):
        assert settled(data)[0] is data
        assert settled(data)[1] == ""


def test_what_onnx_can_not_read_is_left_to_the_runtime() -> None:
    data = b"\xffRandomNormal"
    same, why = settled(data)
    assert same is data
    assert why.startswith("its graph can't be changed (")
