"""The screener computes what the reference does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from roop_host import Frame, ModelError, Stage
from roop_host.testing import context_of, frame_of
from roop_nsfw import plugin, screener

COLLINS = Path(__file__).parents[3] / "examples" / "media" / "collins.jpg"


@pytest.fixture(scope="module")
def network() -> screener.OpenNsfw:
    made = screener.OpenNsfw()
    made.setup(context_of(plugin.Options()))
    return made


def frame(rgb: np.ndarray) -> Frame:  # type: ignore[type-arg]
    return frame_of(rgb[..., ::-1])


def flat(value: int) -> Frame:
    return frame(np.full((120, 160, 3), value, np.uint8))


def test_known_scores(network: screener.OpenNsfw) -> None:
    portrait = frame(np.asarray(Image.open(COLLINS).convert("RGB")))
    scores = network.screen([portrait, flat(0), flat(128), flat(255)], Stage.TARGET)
    # astronaut, black, mid-grey, white, as measured with the package's own preprocessing
    assert scores == pytest.approx([0.032, 0.067, 0.198, 0.014], abs=0.02)


def test_a_batch_scores_as_one_by_one(network: screener.OpenNsfw) -> None:
    frames = [flat(40), frame(np.asarray(Image.open(COLLINS).convert("RGB"))), flat(200)]
    together = network.screen(frames, Stage.TARGET)
    assert together == pytest.approx([network.screen([one], Stage.TARGET)[0] for one in frames], abs=1e-5)


def test_preprocessing_is_near_the_reference() -> None:
    import io

    bgr = np.asarray(Image.open(COLLINS).convert("RGB"))[..., ::-1].copy()
    reference = Image.fromarray(bgr[..., ::-1].copy()).resize((256, 256), Image.Resampling.BILINEAR).crop((16, 16, 240, 240))
    buffer = io.BytesIO()
    reference.save(buffer, "JPEG")
    wanted = np.asarray(Image.open(buffer))[..., ::-1].astype(np.float32)
    assert np.abs(screener.prepared(frame_of(bgr).shrunk(256, 256)) - wanted).mean() < 2.5


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.onnx"
    path.write_bytes(plugin.weights_path().read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelError, match="wrong hash"):
        context_of().sessions.open(replace(plugin.OPEN_NSFW, path=lambda: path))


def portrait(width: int, height: int) -> NDArray[np.uint8]:
    picture = cv2.resize(cv2.imread(str(COLLINS)), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def between_bars(
    picture: NDArray[np.uint8], width: int, height: int, colour: int = 0, noise: float = 0
) -> NDArray[np.uint8]:
    """``picture`` in the middle of a frame of one grey, with noise over all of it."""
    whole = np.full((height, width, 3), colour, np.float32)
    y, x = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    whole[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    whole += np.random.default_rng(0).normal(0, noise, whole.shape) if noise else 0
    return np.clip(np.rint(whole), 0, 255).astype(np.uint8)


BARS = {
    "pillars": ((404, 720), (1280, 720), 0, 0),
    "a letterbox": ((960, 400), (960, 960), 16, 0),
    "white pillars": ((404, 720), (1280, 720), 255, 0),
    "all round": ((600, 400), (1280, 720), 40, 0),
    "with noise": ((404, 720), (1280, 720), 16, 4),
    "small": ((60, 120), (200, 120), 0, 0),
}


@pytest.mark.parametrize(("inner", "outer", "colour", "noise"), BARS.values(), ids=BARS)
def test_a_picture_between_bars_is_seen_as_if_alone(
    inner: tuple[int, int], outer: tuple[int, int], colour: int, noise: float, network: screener.OpenNsfw
) -> None:
    picture = portrait(*inner)
    whole, alone = network.prepare(frame_of(between_bars(picture, *outer, colour, noise)))
    (wanted,) = network.prepare(frame_of(picture))
    assert np.abs(alone.astype(int) - wanted).mean() < (3 if noise else 1)
    scores = network.judge([alone], Stage.TARGET)[0], network.judge([wanted], Stage.TARGET)[0]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)
    assert np.abs(whole.astype(int) - wanted).mean() > 20


def test_bars_are_found_in_decoded_video(network: screener.OpenNsfw) -> None:
    from fractions import Fraction

    import av

    def decoded(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        coder = av.CodecContext.create("libx264", "w")
        coder.width, coder.height, coder.pix_fmt, coder.time_base = bgr.shape[1], bgr.shape[0], "yuv420p", Fraction(1, 25)
        coder.options = {"crf": "18"}
        reader = av.CodecContext.create("h264", "r")
        picture = av.VideoFrame.from_ndarray(bgr, format="bgr24")
        packets = [*coder.encode(picture), *coder.encode(None)]
        frames = [one for packet in [*packets, None] for one in reader.decode(packet)]
        return np.asarray(frames[0].to_ndarray(format="bgr24"), np.uint8)

    picture = portrait(404, 720)
    _, alone = network.prepare(frame_of(decoded(between_bars(picture, 1280, 720))))
    (wanted,) = network.prepare(frame_of(decoded(picture)))
    assert np.abs(alone.astype(int) - wanted).mean() < 3
    assert network.judge([alone], Stage.TARGET) == pytest.approx(network.judge([wanted], Stage.TARGET), abs=0.02)


def test_what_is_hidden_in_the_whole_counts(network: screener.OpenNsfw) -> None:
    framed = frame_of(between_bars(portrait(404, 720), 1280, 720))
    scores = [network.judge([given], Stage.TARGET)[0] for given in network.prepare(framed)]
    assert network.screen([framed], Stage.TARGET) == [max(scores)]


def faded(level: float) -> NDArray[np.uint8]:
    return (between_bars(portrait(404, 720), 1280, 720) * level).astype(np.uint8)


ONE_LOOK = {
    "black": between_bars(portrait(16, 16) * 0, 640, 360),
    "grey": between_bars(portrait(16, 16) * 0 + 128, 640, 360, 128, 3),
    "no bars": portrait(1280, 720),
    "thin bars": between_bars(portrait(1000, 720), 1280, 720),
    "nearly black already": faded(0.08),
    "a dot": between_bars(portrait(40, 40), 1280, 720),
    "noise": np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8),
    "one bar of two colours": np.hstack([np.zeros((360, 500, 3), np.uint8), np.full((360, 140, 3), 255, np.uint8)]),
}


@pytest.mark.parametrize("bgr", ONE_LOOK.values(), ids=ONE_LOOK)
def test_one_look_where_there_are_no_bars(bgr: NDArray[np.uint8], network: screener.OpenNsfw) -> None:
    assert len(network.prepare(frame_of(bgr))) == 1
