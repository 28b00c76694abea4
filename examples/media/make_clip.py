"""Make ``clip.mp4``, the example target: a portrait with a slow pan, zoom and rotation, and a soft chord.

Needs nothing but the packages that roop-host itself needs. Run it from anywhere::

    uv run python examples/media/make_clip.py

On one machine the same versions of PyAV and OpenCV give the same bytes; others may differ in detail.
"""

from __future__ import annotations

import argparse
import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).resolve().parent
RATE = Fraction(30000, 1001)
SAMPLE_RATE = 48_000
CHORD_LEFT = (220.0, 329.63, 440.0)  # A3 E4 A4
CHORD_RIGHT = (220.0, 277.18, 440.0)  # A3 C#4 A4
FEATHER = 70  # width of the soft left and right edge, in pixels of the portrait

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]


def widened(portrait: Picture) -> Plane:
    """What stands behind the portrait: its outer strips mirrored on and on to three times the width, blurred."""
    columns = portrait.shape[1]
    strip = columns // 5  # narrow enough that no part of the face is repeated
    away = np.arange(columns) % (2 * strip)
    fold = np.minimum(away, 2 * strip - 1 - away)  # 0, 1 … strip - 1, strip - 1 … 1, 0, 0, 1 …
    index = np.concatenate([fold[::-1], np.arange(columns), columns - 1 - fold])
    blurred = cv2.GaussianBlur(portrait[:, index], (0, 0), FEATHER / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


def soft_edges(portrait: Picture) -> Plane:
    """Alpha of the portrait: 1 inside, falling smoothly to 0 at the left and right edge."""
    rows, columns = portrait.shape[:2]
    column = np.arange(columns, dtype=np.float32)
    ramp = np.clip(np.minimum(column, columns - 1 - column) / FEATHER, 0.0, 1.0)
    smooth = ramp * ramp * (3.0 - 2.0 * ramp)
    return np.ascontiguousarray(np.broadcast_to(smooth, (rows, columns)), np.float32)


def placement(at: float, portrait: Picture, width: int, height: int) -> NDArray[np.float64]:
    """The affine map from portrait to frame at time ``at`` (0 at the first frame, 1 at the last)."""
    rows, columns = portrait.shape[:2]
    eased = 0.5 - 0.5 * math.cos(math.pi * at)
    scale = (1.06 + 0.16 * eased) * height / 540
    turn = math.radians(2.5 * math.sin(2.0 * math.pi * at))
    cosine, sine = scale * math.cos(turn), scale * math.sin(turn)
    # The point of the portrait that is held (between eyes and mouth), and where in the frame it stands.
    held_x, held_y = 0.50 * columns, 0.40 * rows
    x = width * (0.46 + 0.08 * eased)
    y = height * (0.47 + 0.02 * math.sin(math.pi * at))
    return np.array(
        [
            [cosine, sine, x - cosine * held_x - sine * held_y],
            [-sine, cosine, y + sine * held_x - cosine * held_y],
        ]
    )


def draw(at: float, portrait: Picture, alpha: Plane, behind: Plane, size: tuple[int, int]) -> Picture:
    """One frame, B, G, R: the portrait with soft edges over its own blurred surroundings."""
    where = placement(at, portrait, *size)
    beside = where.copy()
    beside[:, 2] -= where[:, 0] * portrait.shape[1]  # it begins one portrait further left
    far = cv2.warpAffine(behind, beside, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    front = cv2.warpAffine(portrait, where, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    weight = cv2.warpAffine(alpha, where, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mixed = far + weight[..., None] * (np.asarray(front, np.float32) - far)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def chord(samples: int) -> NDArray[np.float32]:
    """A soft stereo chord, shape (2, samples), faded in and out and slowly swelling."""
    time = np.arange(samples) / SAMPLE_RATE
    length = samples / SAMPLE_RATE
    fade = np.clip(np.minimum(time / 0.4, (length - time) / 0.8), 0.0, 1.0)
    swell = 0.85 + 0.15 * np.sin(2.0 * np.pi * 0.5 * time)
    sides = [
        sum(np.sin(2.0 * np.pi * tone * time) / (1 + n) for n, tone in enumerate(tones))
        for tones in (CHORD_LEFT, CHORD_RIGHT)
    ]
    return np.asarray(0.12 * fade * swell * np.stack(sides), np.float32)


def write(portrait: Picture, output: Path, *, seconds: float, width: int, height: int) -> None:
    """Encode picture and sound to ``output``."""
    frames = max(2, round(seconds * RATE))
    alpha, behind = soft_edges(portrait), widened(portrait)
    with av.open(str(output), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = "roop example clip: Grace Hopper, slow pan and zoom"
        container.metadata["comment"] = "Made from a public-domain US Navy portrait by make_clip.py; no real recording."
        # x264's macroblock tree gives other bytes from run to run on CPUs with AVX-512, unless half the width is a
        # multiple of 64 (seen with PyAV 18.1); without it, and with one thread, the bytes are the same each time.
        x264 = {"crf": "21", "preset": "slow", "bf": "2", "threads": "1", "x264-params": "mbtree=0"}
        video = container.add_stream("libx264", rate=RATE, options=x264)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = 1 / RATE
        video.codec_context.color_range = 1  # limited
        video.codec_context.colorspace = 1  # BT.709
        video.codec_context.color_primaries = 1
        video.codec_context.color_trc = 1
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        audio.bit_rate = 96_000

        sound = chord(round(frames / RATE * SAMPLE_RATE))
        played = 0
        for index in range(frames):
            drawn = draw(index / (frames - 1), portrait, alpha, behind, (width, height))
            frame = av.VideoFrame.from_ndarray(drawn, format="bgr24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(video.encode(frame))
            until = round((index + 1) / RATE * SAMPLE_RATE)
            piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, played:until]), format="fltp", layout="stereo")
            piece.sample_rate, piece.pts, piece.time_base = SAMPLE_RATE, played, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(piece))
            played = until
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def main() -> None:
    """Read the options and make the clip."""
    parser = argparse.ArgumentParser(description="Make the example clip from a portrait.")
    parser.add_argument("-p", "--portrait", type=Path, default=HERE / "hopper.jpg", help="the picture to move")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "clip.mp4", help="the clip to write")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of the clip")
    parser.add_argument("--size", type=int, nargs=2, default=(960, 540), metavar=("WIDTH", "HEIGHT"), help="even numbers")
    options = parser.parse_args()
    with Image.open(options.portrait) as opened:
        rgb = np.asarray(opened.convert("RGB"), np.uint8)
    portrait = np.ascontiguousarray(rgb[..., ::-1])
    width, height = options.size
    write(portrait, options.output, seconds=options.seconds, width=width, height=height)
    print(f"{options.output}: {options.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
