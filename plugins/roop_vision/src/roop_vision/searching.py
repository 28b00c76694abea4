"""A face that was not there before: the search of a whole picture, upright and turned, and the first mesh of a find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView
from roop_vision.detector import Detection, Effort, FaceFinder, overlap, quarter_of, turned, turned_back
from roop_vision.landmarker import Crop, Landmarker, crop_of_detection, crop_of_mesh

#: Quarters counter-clockwise by which a picture is turned to look for a face: upright, lying on either side, on its head.
TURNS = (0, 1, 3, 2)
#: Presence below which a mesh does not lie on a face (FaceMesh's own default).
PRESENT = 0.5
_RETRY_GROWTH = (1.3, 0.85)  # other crops tried before a face is given up
_CONVINCING = 0.9  # presence there: on a round badge, which the detector took for a face, one of them had 0.8
_ROUNDS = 2  # looks after the first: one finds the face's place, one more how far its mouth is open
#: Overlap of two boxes at which they may be one face, and at which they surely are.
SAME_BOX, SAME_FACE = 0.25, 0.5
#: Presence from which there is no doubt which way up a face is, and from which a mesh the other way up is believed. On heads
#: that stood upside down an upright mesh had up to 0.997, on eight people the right one 1 - 1e-7 and more.
_NO_DOUBT, _SURE = 0.99999, 0.98

Found = tuple[NDArray[np.float32], float]


def detect(detector: FaceFinder, bgr: NDArray[np.uint8], effort: Effort, turn: int = 0) -> list[Detection]:
    """Faces of a whole picture, largest first, in its pixels: those that are upright once it is turned by ``turn``."""
    height, width = bgr.shape[:2]
    found = [turned_back(one, turn, width, height) for one in detector.detect(turned(bgr, turn), effort)]
    return sorted(found, key=lambda d: -float(np.prod(d.box_xyxy[2:] - d.box_xyxy[:2])))


def looked_at_closely(detector: FaceFinder, frame: FrameView, detection: Detection) -> Detection:
    """The same face as seen around its box: of a whole picture it may come from a pass that shows it in a few pixels.

    A pass in which it is small can be the surer one, and its points are coarse, while aligned crops want fine ones.
    """
    found = detector.around(frame, detection.box_xyxy, quarter_of(detection.keypoints))
    best = max(found, key=lambda other: overlap(other.box_xyxy, detection.box_xyxy), default=detection)
    return best if overlap(best.box_xyxy, detection.box_xyxy) > SAME_FACE else detection


def first_mesh(landmarker: Landmarker, frame: FrameView, detection: Detection) -> Found | None:
    """The mesh of a fresh detection.

    BlazeFace also sees heads that stand upside down, and takes the mouth for eyes; FaceMesh then lays a face on them that
    it half believes. So where it has a doubt it is shown the crop the other way up too.
    """
    crop = crop_of_detection(detection.box_xyxy, detection.keypoints)
    found = settled(landmarker, frame, crop)
    for growth in _RETRY_GROWTH:
        found = found or settled(landmarker, frame, crop.grown(growth), least=_CONVINCING)
    if found is not None and found[1] >= _NO_DOUBT:
        return found
    over = settled(landmarker, frame, replace(crop, turn=crop.turn + np.pi), least=_SURE)
    return found if over is None or (found is not None and found[1] >= over[1]) else over


def settled(landmarker: Landmarker, frame: FrameView, crop: Crop, *, least: float = PRESENT) -> Found | None:
    """The mesh on a crop, looked at again on the crops that its own meshes give. ``least`` is of presence."""
    mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop)
    for _ in range(_ROUNDS):
        if presence >= least:
            mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop_of_mesh(mesh))
    return (mesh, presence) if presence >= least else None


def lying_on(detection: Detection, found: Found | None) -> Found | None:
    """A mesh that was ``found`` for a certain detection, unless it settled somewhere else: then it is none of this face."""
    return found if found is not None and overlap(box_of(found[0]), detection.box_xyxy) > SAME_BOX else None


def box_of(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x0, y0, x1, y1`` of a mesh."""
    box: NDArray[np.float32] = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)]).astype(np.float32)
    return box
