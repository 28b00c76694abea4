"""Finished outputs, as an uploader is given them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.media.kinds import media_type
from roop_host.types.uploads import Artifact

_WIDTH, _HEIGHT, _FRAMES, _RATE = 64, 48, 3, 25
#: When what is made here was finished: equal files are told of with equal words.
_MADE_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _unheard(told: object) -> None:
    pass


def artifact_of(
    path: Path,
    *,
    steps: tuple[str, ...] = (),
    seconds: float | None = None,
    sent: Callable[[int], None] = _unheard,
    note: Callable[[str], None] = _unheard,
) -> Artifact:
    """The file ``path`` as a finished output; the type is that of its suffix.

    ``sent`` and ``note`` hear what the uploader tells: ``artifact_of(path, sent=told.append)``.
    """
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Artifact(path, media_type(path), sha256, len(content), _MADE_AT, steps, seconds, sent, note)


def write_output(path: Path, number: int = 0, run: int = 0) -> None:
    """Write a small picture or clip, by the suffix of ``path``, which is another for each ``number`` and each ``run``."""
    frames = [_pattern((run, number, index)) for index in range(_FRAMES)]
    if not media_type(path).startswith("video/"):
        path.write_bytes(cv2.imencode(path.suffix.lower(), frames[0])[1].tobytes())
        return
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for bgr in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(bgr, format="bgr24")))
        file.mux(stream.encode())


def _pattern(seed: tuple[int, ...]) -> NDArray[np.uint8]:
    seen = np.random.default_rng(seed).integers(0, 256, (_HEIGHT // 8, _WIDTH // 8, 3), np.uint8)
    return np.kron(seen, np.ones((8, 8, 1), np.uint8))
