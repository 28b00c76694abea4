"""Open-NSFW on every picture it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roop_host import Context, Frame, FrameView, Screener, Session, Stage
from roop_nsfw.plugin import OPEN_NSFW

_RESIZED, _CROPPED = 256, 224
# Mean of the training pictures, B, G, R in 0..255 (Yahoo's open_nsfw, classify_nsfw.py).
_MEAN_BGR = np.array([104, 117, 123], np.float32)
# The reference preprocessing saves as JPEG at PIL's default quality; scores move by up to 3 logits without it.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 75]


def prepare(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The network's input for one picture: uint8 ``(H, W, 3)`` B, G, R to float32 ``(224, 224, 3)`` B, G, R less the mean.

    Scaled to 256 x 256 whatever the shape, cropped to the middle, through JPEG and back. The resize averages whole blocks
    first (Pillow's ``reducing_gap``), which moves no score by more than 0.007.
    """
    # Pillow treats channels alike, so B, G, R may pass as R, G, B.
    scaled = Image.fromarray(bgr).resize((_RESIZED, _RESIZED), Image.Resampling.BILINEAR, reducing_gap=2)
    margin = (_RESIZED - _CROPPED) // 2
    cropped = np.ascontiguousarray(np.asarray(scaled)[margin : margin + _CROPPED, margin : margin + _CROPPED])
    coded = cv2.imencode(".jpg", cropped, _JPEG)[1]
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.float32)
    return decoded - _MEAN_BGR


class OpenNsfw(Screener):
    """One score per picture: the network's probability that it is not safe for work."""

    _session: Session

    def setup(self, ctx: Context) -> None:
        # Two threads on one look are slower than one as soon as the other core has work.
        self._session = ctx.sessions.open(OPEN_NSFW, threads=1)

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        batch: NDArray[Any] = np.stack([prepare(frame.bgr()) for frame in frames])
        (scores,) = self._session.run({self._session.input_names[0]: batch})[:1]
        return [float(score) for score in scores[:, 1]]
