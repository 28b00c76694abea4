"""Frames that are rare and that every plugin meets one day."""

from __future__ import annotations

import numpy as np

from roop_host.testing.making import coded_frame_of, frame_of
from roop_host.testing.people import portrait
from roop_host.types.frame import Frame


def odd_frames() -> dict[str, Frame]:
    """Fresh ones by what they are: tiny, of odd sides, turned, deep, grey and transparent, without any faces told."""
    hopper = portrait("hopper").bgr
    odd = hopper[:101, :67]
    alpha = np.zeros(odd.shape[:2], np.uint8)
    alpha[:50] = 128
    return {
        "a picture of one pixel": frame_of(hopper[:1, :1]),
        "a frame of 3 x 5 pixels in 4:2:0": coded_frame_of(hopper[:5, :3]),
        "a frame of 67 x 101 pixels in 4:2:0": coded_frame_of(odd),
        "a portrait coded lying on its side": coded_frame_of(np.rot90(hopper, -1), rotation=90),
        "a portrait coded upside down": coded_frame_of(np.rot90(hopper, 2), rotation=180),
        "a frame of 10 bits": coded_frame_of(hopper, depth=10),
        "a grey frame": coded_frame_of(hopper, chroma="grey"),
        "a picture with alpha": frame_of(odd, alpha=alpha),
    }
