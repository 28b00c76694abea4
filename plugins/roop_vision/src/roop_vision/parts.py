"""Parts of a face as outlines in the picture, from whatever landmarks it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Face
from roop_vision import topology as t

Points = NDArray[np.float32]

_BRIDGE = (6, 197, 195, 5, 51, 281)
#: From iBUG's brows to the hairline, as a share of the way from the mouth to the eyes; the mesh has it at half.
_FOREHEAD = 0.55


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Float32 ``(n, 2)`` each, in the picture's pixels; pairs are left and right as seen there.

    ``outline`` goes from the hairline to the chin. ``skin`` are patches of cheeks and nose that are skin on every face.
    ``lips`` is the mouth with its lips, ``mouth`` what lies between them.
    """

    outline: Points
    eyes: tuple[Points, Points]
    brows: tuple[Points, Points]
    lips: Points
    mouth: Points
    nostrils: Points
    skin: tuple[Points, ...]

    def moved(self, matrix: NDArray[np.float64]) -> Parts:
        """The same by ``matrix`` (2 x 3)."""
        groups = (self.outline, *self.eyes, *self.brows, self.lips, self.mouth, self.nostrils, *self.skin)
        # All in one: eleven small products take several times as long.
        whole = np.asarray(np.concatenate(groups) @ matrix[:, :2].T + matrix[:, 2], np.float32)
        ends = np.cumsum([len(group) for group in groups])
        outline, eye, other, brow, second, lips, mouth, nostrils, *skin = (
            whole[end - len(group) : end] for group, end in zip(groups, ends, strict=True)
        )
        return Parts(outline, (eye, other), (brow, second), lips, mouth, nostrils, tuple(skin))


def parts_of(face: Face) -> Parts | None:
    """From the dense landmarks, or from ``landmarks_68``; None for a face that has neither."""
    if face.mesh_468 is not None:
        return _of_mesh(face.mesh_468)
    return None if face.landmarks_68 is None else _of_68(face.landmarks_68)


def _of_mesh(mesh: Points) -> Parts:
    def take(indices: Sequence[int]) -> Points:
        return np.asarray(mesh[list(indices), :2], np.float32)

    return Parts(
        take(t.OVAL),
        (take(t.EYE_LEFT), take(t.EYE_RIGHT)),
        (take(t.BROW_LEFT), take(t.BROW_RIGHT)),
        take(t.LIPS_OUTER),
        take(t.LIPS_INNER),
        take(t.NOSTRILS),
        (take(t.CHEEK_LEFT), take(t.CHEEK_RIGHT), take(_BRIDGE)),
    )


def _of_68(landmarks: Points) -> Parts:
    points = np.asarray(landmarks[:, :2], np.float32)
    jaw, nose = points[:17], points[27:36]
    eyes, lips = (points[36:42], points[42:48]), points[48:60]
    up = (eyes[0].mean(0) + eyes[1].mean(0)) / 2 - lips.mean(0)
    outline = np.concatenate([jaw, points[26:16:-1] + np.float32(_FOREHEAD) * up])
    cheeks = []
    for eye, side, wing, corner in ((eyes[0], jaw[3], nose[4], lips[0]), (eyes[1], jaw[13], nose[8], lips[6])):
        below = eye.mean(0) - np.float32(0.45) * up
        cheeks.append(np.stack([below, (below + side) / 2, (side + corner) / 2, (wing + corner) / 2]).astype(np.float32))
    across = (nose[8] - nose[4]) / 4
    bridge = np.stack([nose[0], nose[2] + across, nose[2] - across]).astype(np.float32)
    return Parts(
        outline, eyes, (points[17:22], points[22:27]), lips, points[60:68], nose[4:9], (cheeks[0], cheeks[1], bridge)
    )


def filled(size: tuple[int, int], *outlines: Points, grow: float = 0.0, hull: bool = True) -> NDArray[np.uint8]:
    """uint8 ``size`` (height, width), 255 inside of any of these outlines, or of their hulls, and ``grow`` pixels beside."""
    mask = np.zeros(size, np.uint8)
    for points in outlines:
        line = np.ascontiguousarray(points, np.float32)
        line = np.asarray(cv2.convexHull(line), np.float32)[:, 0] if hull else line
        whole = np.round(np.clip(line, -8 * max(size), 9 * max(size)) * 16).astype(np.int32)
        cv2.fillPoly(mask, [whole], 255, shift=4)
        if grow > 0:
            cv2.polylines(mask, [whole], True, 255, max(1, round(2 * grow)), shift=4)
    return mask


def openness(opening: Points, whole: Points) -> float:
    """Height of an opening between lips or lids, as a share of the width of ``whole``: of the ellipse with its area.

    ``opening`` goes once around it. A closed mouth that smiles is curved, and still has no area.
    """
    across = whole[whole[:, 0].argmax()] - whole[whole[:, 0].argmin()]
    width = float(np.hypot(*across))
    area = float(cv2.contourArea(np.ascontiguousarray(opening, np.float32)))
    return 4 * area / (np.pi * width**2) if width >= 1 else 0.0
