"""The enhancer through whole jobs: a small graph in the place of a network's file, and the level that needs none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import enhancer_graphs as graphs
import numpy as np
import pytest
from kit import Quiet, left, screener
from numpy.typing import NDArray

import roop_enhancer.plugin
import roop_swapper.plugin
import roop_vision.plugin
from roop_enhancer.networks import NETWORKS
from roop_host import Control, ExecutionOptions, Host, Job, MediaOptions, Report, RoopError, Step
from roop_host.errors import Interrupted
from roop_host.host import Progress
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of

MEDIA = Path(__file__).parents[2] / "examples" / "media"
#: Hopper's face and the ring around it, by eye: in the picture of 512 x 600, and what never is part of it.
FACE = slice(110, 360), slice(140, 385)
SIZE = (256, 300)


@pytest.fixture(scope="module")
def found() -> Plugins:
    return plugins_of(
        {
            "vision": roop_vision.plugin,
            "swapper": roop_swapper.plugin,
            "enhancer": roop_enhancer.plugin,
            "quiet": screener(Quiet),
        }
    )


@pytest.fixture(scope="module")
def hopper() -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


@pytest.fixture(scope="module")
def still(hopper: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames of a soft face that stands still, each with noise of its own, in a codec that keeps every bit."""
    path, random = tmp_path_factory.mktemp("still") / "still.mkv", np.random.default_rng(8)
    small = np.asarray(cv2.resize(hopper, SIZE, interpolation=cv2.INTER_AREA), np.float32)
    rows, columns = (slice(part.start // 2, part.stop // 2) for part in FACE)
    small[rows, columns] = cv2.GaussianBlur(small, (0, 0), 2.5)[rows, columns]
    with av.open(str(path), "w") as sink:
        out = sink.add_stream("ffv1", rate=25)
        out.width, out.height, out.pix_fmt = *SIZE, "yuv444p"
        for number in range(20):
            noisy = np.clip(small + random.normal(0, 2.5, small.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="bgr24").reformat(format="yuv444p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            sink.mux(out.encode(frame))
        sink.mux(out.encode(None))
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Options for a network that sharpens what it is shown."""
    return options_for(graphs.Graph(sharp=True), tmp_path_factory.mktemp("network"))


def options_for(graph: graphs.Graph, folder: Path) -> dict[str, Any]:
    path = folder / "own.onnx"
    path.write_bytes(graphs.network(NETWORKS[0], graph))
    return {"model": "gfpgan_1.4", "model_file": str(path), "identity": "none"}


def job(target: Path, output: Path, *steps: Step, sources: tuple[str, ...] = (), **more: Any) -> Job:
    media = MediaOptions(encoder="ffv1" if output.suffix == ".mkv" else "auto", segment_frames=8, overwrite=True)
    execution = ExecutionOptions(device="cpu", threads=2, offline=True)
    return Job(sources, str(target), str(output), steps, **{"media": media, "execution": execution, **more})


def enhance(found: Plugins, target: Path, output: Path, options: Mapping[str, Any], **more: Any) -> Report:
    with Host(found) as host:
        return host.run(job(target, output, Step("enhancer", dict(options)), **more))


def frames_of(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]).astype(np.float32)


def flicker(frames: NDArray[np.float32]) -> float:
    """Mean absolute difference between neighbouring frames inside the face, which is at half the picture's size here."""
    rows, columns = (slice(part.start // 2 + 30, part.stop // 2 - 30) for part in FACE)
    return float(np.abs(np.diff(frames[:, rows, columns], axis=0)).mean())


def test_after_a_swap_the_swapped_face_is_enhanced(found: Plugins, network: dict[str, Any], tmp_path: Path) -> None:
    target, once, both = MEDIA / "hopper.jpg", tmp_path / "once.png", tmp_path / "both.png"
    sources, swap = (str(MEDIA / "collins.jpg"),), Step("swapper", {"engine": "mesh"})
    with Host(found) as host:
        host.run(job(target, once, swap, sources=sources))
        report = host.run(job(target, both, swap, Step("enhancer", network), sources=sources))
    assert (report.steps, report.faces_changed) == (("swapper", "enhancer"), 1)
    assert report.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert "own" in {model["name"] for model in report.models}
    assert [(one.step, one.name, one.mean) for one in report.measures] == [("enhancer", "faces", 1.0)]
    first, second = (np.asarray(cv2.imread(str(path)), np.float32) for path in (once, both))
    off = np.abs(second - first)
    assert off[FACE].mean() > 0.5
    off[FACE] = 0
    assert off.max() == 0


def test_the_level_that_needs_nothing_is_what_auto_stands_for_and_says_so(found: Plugins, tmp_path: Path) -> None:
    report = enhance(found, MEDIA / "hopper.jpg", tmp_path / "o.png", {"identity": "none"})
    assert report.source_type == "algorithmicallyEnhanced"
    (notice,) = [notice for notice in report.notices if notice.startswith("enhancer:")]
    missing = "as the models of gfpgan_1.4 are not here (to get them, 340.3 MB: roop models pull gfpgan_1.4)"
    assert notice == f"enhancer: model embedded, {missing}"


def test_all_faces_of_a_picture_unless_one_is_chosen(found: Plugins, network: dict[str, Any], tmp_path: Path) -> None:
    collins, hopper = (cv2.imread(str(MEDIA / f"{name}.jpg")) for name in ("collins", "hopper"))
    assert collins is not None
    assert hopper is not None
    pair = tmp_path / "pair.png"
    cv2.imwrite(str(pair), np.concatenate([collins[:512], hopper[:512]], axis=1))
    assert enhance(found, pair, tmp_path / "all.png", network).faces_changed == 2
    one = replace(job(pair, pair).faces, order="left-right")
    assert enhance(found, pair, tmp_path / "one.png", network, faces=one).faces_changed == 1
    before, after = (cv2.imread(str(path)) for path in (pair, tmp_path / "one.png"))
    assert before is not None
    assert after is not None
    changed = (before != after).any(2)
    assert changed[:, :512].any()
    assert not changed[:, 512:].any()


def test_named_twice_it_enhances_once(found: Plugins, network: dict[str, Any], tmp_path: Path) -> None:
    step, target = Step("enhancer", network), MEDIA / "hopper.jpg"
    with Host(found) as host:
        host.run(job(target, tmp_path / "one.png", step))
        host.run(job(target, tmp_path / "two.png", step, step))
        host.run(job(target, tmp_path / "more.png", step, Step("enhancer", {**network, "faces": "all"})))
    one, two, more = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "two", "more"))
    assert np.array_equal(one, two)
    assert np.array_equal(one, more)


@pytest.mark.slow
@pytest.mark.parametrize("sharp", ["network", "embedded"])
def test_a_face_that_stands_still_does_not_flicker(
    sharp: str, found: Plugins, network: dict[str, Any], still: Path, tmp_path: Path
) -> None:
    options = network if sharp == "network" else {"model": "embedded", "identity": "none"}
    report = enhance(found, still, tmp_path / "o.mkv", options)
    assert report.faces_changed == 20
    before, after = frames_of(still), frames_of(tmp_path / "o.mkv")
    assert not np.array_equal(before, after)
    assert flicker(after) <= 1.2 * flicker(before)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    found: Plugins, network: dict[str, Any], still: Path, tmp_path: Path
) -> None:
    whole, torn = tmp_path / "whole.mkv", tmp_path / "torn.mkv"
    unbroken = enhance(found, still, whole, network)
    control = Control()
    what = replace(
        job(still, torn, Step("enhancer", network)),
        execution=ExecutionOptions(device="cpu", threads=2, offline=True, resumable=True),
    )

    def stop(progress: Progress) -> None:
        if progress.done >= 9:
            control.cancel()

    with Host(found) as host, pytest.raises(Interrupted):
        host.run(what, control=control, on_progress=stop)
    with Host(found) as host:
        report = host.run(what)
    assert report.resumed_frames >= 8
    assert report.measures == unbroken.measures
    assert torn.read_bytes() == whole.read_bytes()


def test_no_blend_shows_the_frame_as_it_was(found: Plugins, network: dict[str, Any], tmp_path: Path) -> None:
    for options in (network, {"model": "embedded", "identity": "none"}):
        enhance(found, MEDIA / "hopper.jpg", tmp_path / "o.png", {**options, "blend": 0})
        before, after = cv2.imread(str(MEDIA / "hopper.jpg")), cv2.imread(str(tmp_path / "o.png"))
        assert np.array_equal(before, after)


def test_half_the_blend_is_half_the_change(found: Plugins, tmp_path: Path) -> None:
    options = options_for(graphs.Graph(gain=(0.8, 0.8, 0.8)), tmp_path)
    before = np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.float32)
    change = []
    for blend in (50, 100):
        enhance(found, MEDIA / "hopper.jpg", tmp_path / "o.png", {**options, "blend": blend, "grain": 0})
        change.append(np.abs(np.asarray(cv2.imread(str(tmp_path / "o.png")), np.float32) - before)[FACE].mean())
    assert change[0] == pytest.approx(change[1] / 2, rel=0.05)
    assert change[1] > 3


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"model": "codeformer", "weight": 2}, 2, "--enhancer-weight"),
        ({"model": "gpen_bfr_256"}, 6, "gpen_bfr_256"),
        ({"model": "gfpgan_1.3"}, 2, "--enhancer-model-file"),
        ({"model": "gfpgan_1.4", "model_file": "nowhere.onnx"}, 3, "nowhere.onnx"),
        ({"model": "gfpgan_1.5"}, 2, "gfpgan_1.5"),
    ],
)
def test_what_can_not_be_is_one_sentence(
    options: dict[str, Any], code: int, words: str, found: Plugins, tmp_path: Path
) -> None:
    with pytest.raises(RoopError) as caught:
        enhance(found, MEDIA / "hopper.jpg", tmp_path / "o.png", options)
    assert caught.value.exit_code == code
    assert words in str(caught.value)
    assert left(tmp_path) == []
