"""The screener ``nudity`` decodes as the network answers, and stands beside ``nsfw``: both must allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from kit import Tint, processor
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from roop_host import ContentBlocked, Job, ModelSpec, Stage, Step
from roop_host.testing import context_of, frame_of, host_of
from roop_nsfw import nudity, options, packages, plugin
from roop_nsfw.options import NUDITY_LIMIT, Options

HOPPER = Path(__file__).parents[3] / "examples" / "media" / "hopper.jpg"


def network(*, classes: dict[int, tuple[int, float]]) -> bytes:
    """A graph with nudenet's input and output, that reads one place: a class's confidence is a share of one colour there.

    ``classes`` maps the number of a class to a channel (0 red, 1 green, 2 blue) and to the share. Boxes are far above 1.
    """
    weight, bias = np.zeros((22, 3, 1, 1), np.float32), np.zeros(22, np.float32)
    bias[:4] = 300
    for number, (channel, share) in classes.items():
        weight[4 + number, channel] = share
    nodes = [
        helper.make_node("Slice", ["images", "first", "last", "axes"], ["place"]),
        helper.make_node("Conv", ["place", "weight", "bias"], ["found"]),
        helper.make_node("Flatten", ["found"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "after"], ["output0"]),
    ]
    constants = {"weight": weight, "bias": bias, "first": [0, 0], "last": [1, 1], "axes": [2, 3], "after": [2]}
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ("batch", 3, "height", "width"))
    made = helper.make_tensor_value_info("output0", TensorProto.FLOAT, ("batch", 22, 1))
    graph = helper.make_graph(nodes, "graph", [given], [made], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def declare(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """As if the package were installed and had this network."""
    path = folder / "tiny.onnx"
    path.write_bytes(data)
    model = replace(ModelSpec.from_file(path), licence="a test")
    for module in (plugin, nudity):
        monkeypatch.setattr(module, "NUDENET_320N", model)
    for module in (plugin, packages):
        monkeypatch.setattr(module, "nudenet_installed", lambda: True)
    return model


def flat(red: int, green: int, blue: int) -> NDArray[np.uint8]:
    return np.full((90, 160, 3), (blue, green, red), np.uint8)


@pytest.mark.parametrize("number", range(18))
def test_what_is_exposed_counts_and_nothing_else(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(network(classes={number: (0, 0.5), 1: (1, 1.0), 12: (2, 1.0)}), tmp_path, monkeypatch)
    made = nudity.NudityScreener()
    made.setup(context_of(Options()))
    scores = made.screen([frame_of(flat(204, 255, 255)), frame_of(flat(0, 255, 255))], Stage.TARGET)
    # by the file's list: buttocks, female breast, female genitalia, anus, male genitalia
    assert scores == pytest.approx([0.4 if number in (2, 3, 4, 6, 14) else 0, 0], abs=1e-6)


def test_a_batch_scores_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(network(classes={3: (0, 0.5)}), tmp_path, monkeypatch)
    made = nudity.NudityScreener()
    made.setup(context_of(Options()))
    given = [nudity.prepared(frame_of(flat(red, 9, 9))) for red in (255, 51, 0)]
    assert made.judge(given, Stage.OUTPUT) == pytest.approx([0.5, 0.1, 0], abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(90, 160), (160, 90), (64, 64), (1, 900), (720, 1280)])
def test_the_whole_picture_is_seen_in_its_own_shape(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    bgr = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    square = nudity.prepared(frame_of(bgr))
    assert (square.shape, square.dtype) == ((320, 320, 3), np.uint8)
    scale = 320 / max(height, width)
    inside = max(1, round(height * scale)), max(1, round(width * scale))
    assert not square[inside[0] :].any()
    assert not square[:, inside[1] :].any()
    shown = square[: inside[0], : inside[1]].astype(int)
    wanted = cv2.resize(bgr, inside[::-1], interpolation=cv2.INTER_LINEAR_EXACT).astype(int)
    assert np.abs(shown - wanted).mean() < 4


def red_of_corner() -> float:
    """Of the picture that the jobs are about, in 0..1, as the network sees it."""
    bgr = np.asarray(cv2.imread(str(HOPPER)), np.uint8)
    return float(nudity.prepared(frame_of(bgr))[0, 0, 2]) / 255


def job(output: Path, **said: object) -> Job:
    return Job((), str(HOPPER), str(output), (Step("tint"),), plugin_options={"nsfw": said})


def test_both_must_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(network(classes={3: (0, 0.4 / red_of_corner())}), tmp_path, monkeypatch)
    with host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host:
        report = host.run(job(tmp_path / "out.png"))
        told = {one.screener: one for one in report.screening}
        assert set(told) == {"nsfw", "nudity"}
        assert told["nudity"].limit == NUDITY_LIMIT
        assert told["nudity"].highest["target"] == pytest.approx(0.4, abs=0.01)
        with pytest.raises(ContentBlocked, match="the screener nudity") as caught:
            host.run(job(tmp_path / "two.png", nudity_threshold=0.2))
    assert caught.value.report is not None
    assert caught.value.report.refusal is not None
    assert (caught.value.report.refusal.screener, caught.value.report.refusal.limit) == ("nudity", 0.2)
    assert not (tmp_path / "two.png").exists()


def test_its_option_does_not_loosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(network(classes={14: (0, 0.65 / red_of_corner())}), tmp_path, monkeypatch)
    with (
        host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host,
        pytest.raises(ContentBlocked, match=r"the limit is 0\.50"),
    ):
        host.run(job(tmp_path / "out.png", nudity_threshold=1.0))


def test_the_limit_of_one_is_not_that_of_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(network(classes={3: (0, 0.4 / red_of_corner())}), tmp_path, monkeypatch)
    with host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host:
        report = host.run(job(tmp_path / "out.png", threshold=0.3))
    assert {one.screener: one.limit for one in report.screening} == {"nsfw": 0.3, "nudity": NUDITY_LIMIT}


def test_nothing_is_declared_where_its_package_is_not_installed() -> None:
    assert [spec.name for spec in plugin.roop_screeners()] == ["nsfw"]
    with pytest.raises(FileNotFoundError, match="nudenet is not installed"):
        plugin.nudenet_path()
    with pytest.raises(ValueError, match=r"^--nsfw-nudity-threshold needs [^\n]*: pip install 'roop-nsfw\[nudity\]'$"):
        options.Options(nudity_threshold=0.4)
