"""Clips for tests, made with PyAV: moving gradients, and a tone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def pts_of(path: Path) -> list[Fraction]:
    """When each shown frame of a file is shown, in seconds."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]  # type: ignore[operator]


def sound_of(path: Path) -> list[bytes]:
    """The packets of the first sound track."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def matrix_offset(mp4: bytes | bytearray) -> int:
    """Where the first track's matrix stands: in ``tkhd``, after version, times, layer and volume (ISO/IEC 14496-12)."""
    at = mp4.index(b"tkhd") + 4
    return at + 4 + (32 if mp4[at] == 1 else 20) + 16


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (128, 96),
    frames: int = 30,
    rate: Fraction = Fraction(25),
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pix_fmt: str = "yuv420p",
    sound: bool = True,
    encoder: str = "libx264",
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a clip; ``pts`` (in ``time_base``) makes a variable rate."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        video = container.add_stream(encoder, rate=rate, options=options or {"crf": "20", "bf": "2"})
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        video.codec_context.time_base = time_base or 1 / rate
        tone: Any = None
        if sound:
            tone = container.add_stream("aac", rate=48000)
            tone.layout = "stereo"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(_picture(size, number), format="rgb24").reformat(format=pix_fmt)
            picture.pts = number if pts is None else pts[number]
            picture.time_base = video.codec_context.time_base
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if tone is not None:
            seconds = float(frames / rate) if pts is None else float((pts[-1] + 1) * video.codec_context.time_base)
            wave = np.sin(np.arange(int(48000 * seconds)) * 440 * 2 * np.pi / 48000).astype(np.float32) * 0.2
            for start in range(0, len(wave) - 1023, 1024):
                piece = np.stack([wave[start : start + 1024]] * 2)
                samples = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
                samples.sample_rate, samples.pts, samples.time_base = 48000, start, Fraction(1, 48000)
                container.mux(tone.encode(samples))
            container.mux(tone.encode(None))
    return path


def _picture(size: tuple[int, int], number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    width, height = size
    y, x = np.mgrid[:height, :width]
    waves = np.sin((x + 3 * number) / 9) + np.cos((y - 2 * number) / 7)
    return np.stack([(waves * 30 + 120 + shift) for shift in (0, 20, -20)], axis=-1).astype(np.uint8)
