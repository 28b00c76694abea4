"""How fast a swapped crop is put back into a frame, against full frames and against insightface, in the same run.

uv run python benchmarks/paste.py [--rounds N] [--threads N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from common import cpu_name, spread, video_frame
from insightface.model_zoo.inswapper import INSwapper
from numpy.typing import NDArray

from roop_host.testing import frame_of
from roop_host.types.frame import Scratch
from roop_vision.align import aligned_crop, arcface_template, crop_matrix
from roop_vision.masks import rounded_box
from roop_vision.paste import at_scale, paste_crop

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"
SIZES = ((1920, 1080), (3840, 2160))
#: Of the crop in the frame, as shares of the frame's height: a passer-by, a group, a talking head, a close-up, a full face.
SHARES = (0.08, 0.2, 0.33, 0.5, 0.8)
BAR = 20
Picture = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1, help="of OpenCV, for both; a run of roop gives it one")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(options.threads)
    portrait = np.asarray(cv2.imread(str(EXAMPLES / "collins.jpg")), np.uint8)
    crop = np.asarray(cv2.resize(portrait[60:260, 130:330], (128, 128), interpolation=cv2.INTER_AREA), np.uint8)
    alpha = rounded_box(128, margins=(0.06, 0.05, 0.06, 0.012), radius=0.4, feather=0.065)
    print(f"a crop of 128x128 put into yuv420p, {options.rounds} rounds, {options.threads} OpenCV threads, {cpu_name()}")
    print("baseline 'plain': crop and mask warped over the full frame as B, G, R, and blended in float")
    print(
        "baseline 'insightface': INSwapper.get with a network that costs nothing: crop and masks warped over the frame, "
        "eroded, blurred, and blended in float"
    )
    for width, height in SIZES:
        bgr = np.asarray(cv2.resize(portrait, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        for share in SHARES:
            points = _points(width, height, share * height)
            matrix = crop_matrix(points, arcface_template(128))
            if matrix is None:
                raise SystemExit("these points are no face")
            ways = {"plain": _plainly(bgr, crop, matrix, alpha), "insightface": _insightfaces(bgr, crop, points)}
            seconds = _timed(bgr, crop, matrix, alpha, options.rounds, ways)
            ours_ms = 1000 * float(np.median(seconds["ours"]))
            worst, odd = _differences(bgr, crop, matrix, alpha)
            told = []
            for name in ways:
                ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds["ours"], strict=True)]
                told.append(f"{spread(ratios)} times as fast as {name} ({1000 * float(np.median(seconds[name])):.0f} ms)")
            print(
                f"{width}x{height}, place {round(share * height):4} px: {ours_ms:.2f} ms, {', '.join(told)}; bar: >= {BAR}; "
                f"at most {worst} grey level apart (bar: <= 1), {100 * odd:.2f} % more than that from a cubic warp"
            )


def _points(width: int, height: int, side: float) -> NDArray[np.float32]:
    """Of a face in the middle, turned by six degrees, whose crop is ``side`` pixels wide in the frame."""
    turn = np.radians(6)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * side / 128
    return ((arcface_template(128) - 64) @ axes.T + (width / 2, height / 2)).astype(np.float32)


def _timed(
    bgr: Picture, crop: Picture, matrix: Matrix, alpha: NDArray[np.float32], rounds: int, ways: dict[str, Callable[[], Any]]
) -> dict[str, list[float]]:
    """Seconds of each baseline and of ours, in turn. The face's region was read before, as it is to take the crop."""
    seconds: dict[str, list[float]] = {name: [] for name in (*ways, "ours")}
    frame, scratch = video_frame(bgr), Scratch()
    for turn in range(rounds + 1):
        took = {name: _seconds(way) for name, way in ways.items()}
        frame.enter(scratch)
        aligned_crop(frame, matrix, 128)
        took["ours"] = _seconds(lambda: paste_crop(frame, crop, matrix, alpha))
        if turn:  # the first is for the caches
            for name, value in took.items():
                seconds[name].append(value)
    return seconds


def _seconds(call: Callable[[], Any]) -> float:
    """Of the processor, not of the clock: what else the machine does is left out."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _plainly(bgr: Picture, crop: Picture, matrix: Matrix, alpha: NDArray[np.float32]) -> Callable[[], Any]:
    """The least that warping full frames can be: the picture is B, G, R already, and stays it."""
    size, flags = bgr.shape[1::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def do() -> Picture:
        drawn = cv2.warpAffine(crop, matrix, size, flags=flags)
        share = cv2.warpAffine(alpha, matrix, size, flags=flags)[..., None]
        return (share * drawn.astype(np.float32) + (1 - share) * bgr.astype(np.float32)).astype(np.uint8)

    return do


class _Given:
    """A session that answers at once."""

    def __init__(self, crop_bgr: Picture) -> None:
        self._out: NDArray[np.float32] = np.float32(1 / 255) * crop_bgr[..., ::-1].transpose(2, 0, 1)[None]

    def run(self, *_: Any) -> list[NDArray[np.float32]]:
        return [self._out]


def _insightfaces(bgr: Picture, crop: Picture, points: NDArray[np.float32]) -> Callable[[], Any]:
    """Its class, whose network costs nothing; what is left is the paste, and less than a hundredth to take the crop."""
    theirs: Any = INSwapper.__new__(INSwapper)
    theirs.session, theirs.input_size, theirs.emap = _Given(crop), (128, 128), np.eye(512, dtype=np.float32)
    theirs.input_names, theirs.output_names, theirs.input_mean, theirs.input_std = (
        ("target", "source"),
        ("output",),
        0.0,
        255.0,
    )
    target = SimpleNamespace(kps=points)
    source = SimpleNamespace(normed_embedding=np.full(512, 512**-0.5, np.float32))
    return lambda: theirs.get(bgr, target, source, paste_back=True)


def _differences(bgr: Picture, crop: Picture, matrix: Matrix, alpha: NDArray[np.float32]) -> tuple[int, float]:
    """Grey levels inside the mask between ours and the same over full frames, at most; and the share over 1 of a cubic warp.

    Ours goes by a finer grid where a crop is enlarged, and so does the first; the second asks what that grid costs.
    """
    frame = frame_of(bgr)
    paste_crop(frame, crop, matrix, alpha)
    size, flags = bgr.shape[1::-1], cv2.WARP_INVERSE_MAP
    share = cv2.warpAffine(alpha, matrix, size, flags=flags | cv2.INTER_LINEAR)[..., None]
    kind = cv2.INTER_CUBIC if np.linalg.det(matrix[:, :2]) < 1 else cv2.INTER_LINEAR
    offs = []
    for patch, moved, how in (at_scale(crop, matrix), (crop, matrix, kind)):
        drawn = cv2.warpAffine(patch, moved, size, flags=flags | how, borderMode=cv2.BORDER_REPLICATE)
        plain = np.rint(share * drawn + (1 - share) * bgr.astype(np.float32))
        offs.append(np.abs(frame.bgr() - plain)[share[..., 0] > 0])
    return int(offs[0].max()), float((offs[1] > 1).mean())


if __name__ == "__main__":
    main()
