"""The frame's own grain on a restored face.

The frame's noise is measured in flat places around the face, and on the face itself unless another step has drawn that,
and so is what will be seen of noise there without more; the rest is added, as strong in each brightness, as coarse, and as
lively as the frame's own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.noise import Noise, fine_of, measured, places_of, sigmas_of, squares
from roop_enhancer.pattern import Pattern
from roop_enhancer.steady import MEMORY
from roop_host import Box, Face, FrameView

#: Of the box's sides: how wide the ring is in which the frame's own grain is looked for, and its least width in pixels.
_RING, _NARROW = 0.2, 24
#: Levels: so much is in a picture without grain, by rounding and by what a codec left.
_CLEAN = 0.4
#: Share from which a pixel is the face's, and below which it is the ring's.
_INSIDE, _OUTSIDE = 0.5, 0.01
_AS_BRIGHT = 30.0  # levels by which places of the ring may be brighter or darker than the face's
_ENOUGH = 12  # squares of the ring: of so many those count alone that are as bright as the face
_MOST = 2.0  # times the frame's grain is the most that is drawn where it is shown by half
_RANGE = (0.6, 1.5)  # of the strength in the shadows or highlights of a face
_CHROMA = ((0.0, 1.403), (-0.344, -0.714), (1.773, 0.0))  # of Cb, Cr to B, G, R, as ``cv2.COLOR_YCrCb2BGR``
"""
"""
