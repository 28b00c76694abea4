"""Open-NSFW on every picture it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Context, FrameView, PreparedScreener, Session, Stage
from roop_nsfw import drift
from roop_nsfw.bars import content_box
from roop_nsfw.plugin import OPEN_NSFW

_RESIZED, _CROPPED = 256, 224
# Mean of the training pictures, B, G, R in 0..255 (Yahoo's open_nsfw, classify_nsfw.py).
_MEAN_BGR = np.array([104, 117, 123], np.float32)
# The reference preprocessing saves as JPEG at PIL's default quality; scores move by up to 3 logits without it.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 75]


def prepared(small_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the network sees of a picture scaled to 256 x 256: its middle, through JPEG and back. B, G, R all the way."""
    margin = (_RESIZED - _CROPPED) // 2
    cropped = np.ascontiguousarray(small_bgr[margin : margin + _CROPPED, margin : margin + _CROPPED])
    coded = cv2.imencode(".jpg", cropped, _JPEG)[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


class OpenNsfw(PreparedScreener):
    """The network's probability that a picture is not safe for work; of one between bars also that of it alone."""

    by_stage = False
    _session: Session

    def setup(self, ctx: Context) -> None:
        # Two threads on one look are slower than one as soon as the other core has work.
        self._session = ctx.sessions.open(OPEN_NSFW, threads=1)

    def prepare(self, frame: FrameView) -> Sequence[NDArray[np.uint8]]:
        small_bgr = frame.shrunk(_RESIZED, _RESIZED)
        box = content_box(frame, small_bgr)
        if box is None:
            return [prepared(small_bgr)]
        return [prepared(small_bgr), prepared(frame.shrunk(_RESIZED, _RESIZED, box))]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        batch = np.stack(inputs).astype(np.float32) - _MEAN_BGR
        (scores,) = self._session.run({self._session.input_names[0]: batch})[:1]
        return [float(score) for score in scores[:, 1]]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return drift.bound(score, before, now)
