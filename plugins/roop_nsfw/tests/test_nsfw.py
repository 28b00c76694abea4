"""The screener computes what the reference does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
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
