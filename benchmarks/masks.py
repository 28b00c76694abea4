"""What the masks of a face cost, against ArcFace's crop of it alone, in the same run.

uv run python benchmarks/masks.py [--rounds N] [--threads N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import cpu_name, spread
from numpy.typing import NDArray

from roop_host.testing import context_of, frame_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_vision.align import aligned_crop, arcface_template, crop_matrix
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.masking import Masker, MaskOptions
from roop_vision.options import VisionOptions

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"
SIZES = (128, 256, 512)
#: For one face of one frame, at a crop of 256.
BAR_MS = 3.0
KINDS = {
    "box": MaskOptions(mask_types=("box",)),
    "box, outline": MaskOptions(mask_types=("box", "outline")),
    "the defaults": MaskOptions(),
    "defaults, keep all": MaskOptions(mask_keep=("mouth", "eyes", "brows")),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1, help="of OpenCV; a run of roop gives it one")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(options.threads)
    print(f"masks of one face, processor time, {options.rounds} rounds, {options.threads} OpenCV threads, {cpu_name()}")
    print("baseline: the crop's own warp (cv2.warpAffine, linear, of B, G, R)")
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    for name, what in (("hopper", "nothing before the face"), ("collins", "hair before the face")):
        portrait = np.asarray(cv2.imread(str(EXAMPLES / f"{name}.jpg")), np.uint8)
        face = analyser.analyse_picture(frame_of(portrait))[0]
        print(f"{name}: {what}")
        for size in SIZES:
            _measure(portrait, face, size, options.rounds)


def _measure(portrait: NDArray[np.uint8], face: Face, size: int, rounds: int) -> None:
    matrix = crop_matrix(face.landmarks_5, arcface_template(size))
    frames = [frame_of(portrait, index, faces=(face,)) for index in range(2)]
    crop = None if matrix is None else aligned_crop(frames[0], matrix, size, outside=cv2.BORDER_REPLICATE)
    if matrix is None or crop is None:
        raise SystemExit("these points are no face")
    sessions = context_of().sessions
    maskers = {name: Masker(options, sessions) for name, options in KINDS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ("warp", *KINDS)}
    for turn in range(rounds + 3):
        frame: Frame = frames[turn % 2]
        took = {"warp": _seconds(lambda: cv2.warpAffine(portrait, matrix, (size, size)))}
        for name, masker in maskers.items():
            took[name] = _seconds(partial(masker.alpha, frame, face, matrix, crop))
        if turn >= 3:  # the first are for the caches
            for name, value in took.items():
                seconds[name].append(value)
    for name in KINDS:
        ratios = [ours / theirs for ours, theirs in zip(seconds[name], seconds["warp"], strict=True)]
        bar = f"; bar: <= {BAR_MS} ms" if (name, size) == ("the defaults", 256) else ""
        low, median = 1000 * min(seconds[name]), 1000 * float(np.median(seconds[name]))
        print(f"crop {size}, {name}: {median:.2f} ms (least {low:.2f}), {spread(ratios)} times the warp{bar}")


def _seconds(call: Callable[[], Any]) -> float:
    """Of the processor, not of the clock: what else the machine does is left out."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
