"""Which graphs are taken, in one run or in one for each crop; what is no picture; and files of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import enhancer_graphs as graphs
import numpy as np
import onnx
import pytest
from enhancer_graphs import Graph
from numpy.typing import NDArray

from roop_enhancer.networks import NETWORKS, NetworkSpec
from roop_enhancer.onnx_backend import OnnxRestorer
from roop_enhancer.options import EnhancerOptions
from roop_host import InputError, ModelError
from roop_host.testing import context_of

Picture = NDArray[np.uint8]
PLAIN = next(spec for spec in NETWORKS if spec.name == "gpen_bfr_256")  # the smallest
#: What codeformer is, small.
WEIGHTED = replace(PLAIN, name="codeformer", weighted=True)
S = PLAIN.size


def restorer(spec: NetworkSpec, graph: Graph | bytes, folder: Path, own: Path | None = None) -> OnnxRestorer:
    data = graph if isinstance(graph, bytes) else graphs.network(spec, graph)
    network = graphs.stored(spec, data, folder)
    return OnnxRestorer(context_of(EnhancerOptions(), models=folder), network, own, 0.5)


def noise(count: int, low: int = 0, high: int = 256) -> Picture:
    return np.random.default_rng(1).integers(low, high, (count, S, S, 3), np.uint8)


def counted(made: OnnxRestorer) -> list[int]:
    """How many crops each run has from now on."""
    runs: list[int] = []
    inner = made._session

    class Counting:
        def run(self, inputs: Any) -> Any:
            runs.append(len(next(iter(inputs.values()))))
            return inner.run(inputs)

    made._session = Counting()  # type: ignore[assignment]
    return runs


# --- how many at once


@pytest.mark.parametrize("spec", [PLAIN, WEIGHTED], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("graph", "runs"),
    [
        (Graph(batch="n"), [3]),
        (Graph(batch="n", half=True, sharp=True), [3]),
        (Graph(batch=1), [1, 1, 1]),
        (Graph(batch="n", alone=True), [1, 1, 1]),
        (Graph(batch="n", mixes=0.1), [1, 1, 1]),
    ],
    ids=["free", "free, half", "fixed", "free in name only", "mixes what it sees"],
)
def test_several_at_once_where_each_comes_out_as_alone(
    spec: NetworkSpec, graph: Graph, runs: list[int], tmp_path: Path
) -> None:
    made = restorer(spec, graph, tmp_path)
    count = counted(made)
    given = noise(3)
    together = made.restore(given)
    assert count == runs
    assert np.abs(together[2] - made.restore(given[2:])[0]).max() < 0.25 / 255


def test_equal_crops_give_equal_results_whatever_is_beside_them(tmp_path: Path) -> None:
    made = restorer(PLAIN, Graph(batch="n", mixes=0.1), tmp_path)
    first, second, third = noise(3)
    with_one = made.restore(np.stack([first, second]))[0]
    with_another = made.restore(np.stack([first, third]))[0]
    assert np.array_equal(with_one, with_another)


@pytest.mark.parametrize("batch", [1, "n"])
def test_what_a_network_draws_is_the_same_in_every_run(batch: int | str, tmp_path: Path) -> None:
    graph = Graph(gain=(0.5, 0.5, 0.5), noise=0.2, batch=batch)
    given = np.repeat(noise(1), 2, 0)
    made = restorer(PLAIN, graph, tmp_path)
    once = made.restore(given)
    assert np.array_equal(once[0], once[1])
    assert np.array_equal(once, made.restore(given))
    assert np.array_equal(once, restorer(PLAIN, graph, tmp_path).restore(given))
    plain = restorer(PLAIN, replace(graph, noise=0), tmp_path).restore(given)
    assert 0.05 < (once - plain).std() < 0.15


# --- which graphs it takes


@pytest.mark.parametrize(
    ("spec", "graph"),
    [
        (PLAIN, Graph(extra=True)),
        (PLAIN, Graph(crop="x")),
        (PLAIN, Graph(sides="side")),
        (PLAIN, Graph(batch="n", sides="side", extra=True, crop="face")),
        (WEIGHTED, Graph(order="weight")),
        (WEIGHTED, Graph(order="weight", weight="w", crop="x", extra=True)),
        (WEIGHTED, Graph(weight="fidelity", number=((), np.float32))),
    ],
    ids=["more outputs", "name", "free sides", "all", "weight first", "weight first by its shape", "a scalar"],
)
def test_names_order_free_sides_and_more_outputs(spec: NetworkSpec, graph: Graph, tmp_path: Path) -> None:
    given = noise(2)
    out = restorer(spec, graph, tmp_path).restore(given)
    assert np.abs(out - given[..., ::-1] / 255).max() < 1e-5


def changed(data: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_from_string(data)
    change(model)
    return bytes(model.SerializeToString())


def second_picture(model: onnx.ModelProto) -> None:
    """Another input like the first, of which nothing is seen."""
    more = model.graph.input.add()
    more.CopyFrom(model.graph.input[0])
    more.name = "other"
    model.graph.node.append(onnx.helper.make_node("ReduceMean", ["other"], ["trace"], keepdims=1))
    model.graph.output.append(onnx.helper.make_tensor_value_info("trace", onnx.TensorProto.FLOAT, [1, 1, 1, 1]))


def grey(model: onnx.ModelProto) -> None:
    model.graph.node[-1].CopyFrom(onnx.helper.make_node("ReduceMean", ["made0"], ["output"], axes=[1], keepdims=1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1


def of_bytes(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    model.graph.node[0].input[0] = "floats"
    model.graph.node.insert(0, onnx.helper.make_node("Cast", ["input"], ["floats"], to=onnx.TensorProto.FLOAT))


def whole_weight(model: onnx.ModelProto) -> None:
    (weight,) = (item for item in model.graph.input if item.name == "weight")
    weight.type.tensor_type.elem_type = onnx.TensorProto.INT64


def two_weights(model: onnx.ModelProto) -> None:
    (weight,) = (item for item in model.graph.input if item.name == "weight")
    weight.type.tensor_type.shape.dim[0].dim_value = 2
    (once,) = (tensor for tensor in model.graph.initializer if tensor.name == "once")
    once.CopyFrom(onnx.numpy_helper.from_array(np.array([2, 1, 1, 1], np.int64), "once"))
    model.graph.node[-1].CopyFrom(onnx.helper.make_node("ReduceMean", ["made1"], ["output"], axes=[0], keepdims=1))


PICTURE = rf"\(1, 3, {S}, {S}\)"
_PLAIN, _WEIGHTED = graphs.network(PLAIN), graphs.network(WEIGHTED)
WRONG: dict[str, tuple[NetworkSpec, bytes, str]] = {
    "sides": (
        PLAIN,
        graphs.network(PLAIN, Graph(sides=96)),
        r"its input input is float32 of \(1, 3, 96, 96\) and not floats",
    ),
    "batch": (
        PLAIN,
        graphs.network(PLAIN, Graph(batch=3)),
        rf"its input input is float32 of \(3, 3, {S}, {S}\) and not floats of",
    ),
    "a weight": (PLAIN, _WEIGHTED, r"it also takes a weight \(weight\), as codeformer does"),
    "no weight": (WEIGHTED, _PLAIN, "it has no input for the weight"),
    "two pictures": (
        PLAIN,
        changed(_PLAIN, second_picture),
        "it takes 2 pictures and has 2 outputs and not 1 and at least 1",
    ),
    "grey": (PLAIN, changed(_PLAIN, grey), rf"its output output is float32 of \(1, 1, {S}, {S}\) and not floats of"),
    "bytes": (PLAIN, changed(_PLAIN, of_bytes), rf"its input input is uint8 of {PICTURE} and not floats of {PICTURE}"),
    "whole weight": (WEIGHTED, changed(_WEIGHTED, whole_weight), r"its input weight is int64 of \(1\) and not one float"),
    "two weights": (WEIGHTED, changed(_WEIGHTED, two_weights), r"its input weight is float64 of \(2\) and not one float"),
}


@pytest.mark.parametrize(("spec", "data", "said"), WRONG.values(), ids=WRONG)
def test_a_network_of_another_contract(spec: NetworkSpec, data: bytes, said: str, tmp_path: Path) -> None:
    wrong = rf"^the model {spec.name} is no network of the family '{spec.name}': {said}.*; take another file, or another --"
    with pytest.raises(ModelError, match=wrong) as caught:
        restorer(spec, data, tmp_path)
    assert caught.value.exit_code == 6


# --- answers that are none


class Answering:
    """A session that answers with something made of the crop."""

    def __init__(self, answer: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._answer = answer

    def run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return [self._answer(next(iter(inputs.values())))]


ANSWERS: list[tuple[Callable[[NDArray[Any]], NDArray[Any]], str]] = [
    (lambda made: made * np.nan, "made values that are no numbers; {repair}, or say --enhancer-model embedded"),
    (lambda made: made + np.inf, "made values that are no numbers; {repair}, or say --enhancer-model embedded"),
    (lambda made: made * 255, r"made values far beyond 0\.\.1, which are no picture; {repair}, or say"),
    (np.zeros_like, "made one flat colour of a face; {repair}, or say --enhancer-model embedded"),
    (lambda made: made + 2, "made one flat colour of a face; {repair}, or say --enhancer-model embedded"),
    (lambda made: made[:, :, ::2, ::2], rf"made \(1, 3, {S // 2}, {S // 2}\) from \(1, 3, {S}, {S}\); take another file"),
]


@pytest.mark.parametrize("own", [False, True], ids=["pulled", "own"])
@pytest.mark.parametrize(("answer", "said"), ANSWERS, ids=["nan", "inf", "far out", "flat", "all white", "size"])
def test_what_is_no_picture(answer: Callable[[NDArray[Any]], NDArray[Any]], said: str, own: bool, tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(graphs.network(PLAIN))
    made = restorer(PLAIN, Graph(), tmp_path, mine if own else None)
    made._session = Answering(answer)  # type: ignore[assignment]
    name, repair = ("mine", "take another file") if own else (PLAIN.name, "try --precision fp32 or --device cpu")
    with pytest.raises(ModelError, match=f"the model {name} " + said.format(repair=repair)):
        made.restore(noise(1))


def test_a_flat_crop_may_come_out_flat(tmp_path: Path) -> None:
    out = restorer(PLAIN, Graph(), tmp_path).restore(np.full((1, S, S, 3), 90, np.uint8))
    assert np.abs(out - 90 / 255).max() < 1e-5


def test_a_network_that_answers_the_same_to_everything_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="computes nothing of use"):
        restorer(PLAIN, Graph(gain=(0, 0, 0), offset=(0.5, 0.5, 0.5)), tmp_path)


# --- files


def test_a_file_of_ones_own_is_taken_in_the_place_of_the_pulled(tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(graphs.network(PLAIN, Graph(gain=(-1, -1, -1))))
    given = noise(1)
    for spec in (PLAIN, replace(PLAIN, model=None)):
        ctx = context_of(EnhancerOptions(), models=tmp_path)
        out = OnnxRestorer(ctx, spec, mine, 0.5).restore(given)
        assert np.abs(out - (1 - given[..., ::-1] / 255)).max() < 1e-5


def test_a_network_that_is_not_pulled_asks_for_a_file(tmp_path: Path) -> None:
    spec = next(spec for spec in NETWORKS if spec.model is None)
    said = f"the model {spec.name} is not pulled; name your file with --enhancer-model-file"
    with pytest.raises(ModelError, match=said):
        OnnxRestorer(context_of(EnhancerOptions(), models=tmp_path), spec, None, 0.5)


def test_an_empty_file_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    mine.touch()
    with pytest.raises(InputError, match=r"mine\.onnx is empty; get it again, or say another one"):
        OnnxRestorer(context_of(EnhancerOptions(), models=tmp_path), PLAIN, mine, 0.5)
