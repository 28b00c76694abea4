"""Facts of MediaPipe's canonical face mesh: triangles, texture coordinates, regions.

Vertex numbers are those of the public canonical face model. "Left" and "right" are as seen in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

VERTICES = 468
#: The outline, from the top of the forehead clockwise as seen in the picture.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
EYE_LEFT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
EYE_RIGHT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
BROW_LEFT = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
BROW_RIGHT = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
NOSE_TIP = 1
NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64)
CHEEK_LEFT = (50, 101, 205, 187, 123)
CHEEK_RIGHT = (280, 330, 425, 411, 352)
#: Ends of the face's width, for its turn.
SIDE_LEFT, SIDE_RIGHT = 234, 454
FOREHEAD, BELOW_NOSE, CHIN = 10, 2, 152


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """``uv`` float32 ``(468, 2)`` in 0..1 (u right, v down, as seen from the front); ``triangles`` int32 ``(n, 3)``.

    The first ``skin_triangles`` triangles cover the skin and the lips, those after them the eyes and the inner mouth.
    ``mirror`` int32 ``(468,)`` is the vertex on the other half of the face.
    """

    uv: NDArray[np.float32]
    triangles: NDArray[np.int32]
    skin_triangles: int
    mirror: NDArray[np.int32]


@lru_cache(maxsize=1)
def topology() -> Topology:
    """The mesh's facts, read once. The arrays are read-only."""
    with as_file(files("roop_vision") / "data" / "topology.npz") as path, np.load(path, allow_pickle=False) as data:
        uv = data["uv"].astype(np.float32)
        skin = data["triangles"].astype(np.int32)
    holes = [_fan(contour) for contour in (EYE_LEFT, EYE_RIGHT, LIPS_INNER)]
    triangles = _same_turn(np.concatenate([skin, *holes]), uv)
    swapped = np.stack([1 - uv[:, 0], uv[:, 1]], axis=1)
    mirror = np.argmin(((swapped[:, None] - uv[None]) ** 2).sum(-1), axis=1).astype(np.int32)
    for array in (uv, triangles, mirror):
        array.flags.writeable = False
    return Topology(uv, triangles, len(skin), mirror)


def _fan(contour: tuple[int, ...]) -> NDArray[np.int32]:
    """Triangles of a strip between the lower and the upper half of an eye's or mouth's contour."""
    half = len(contour) // 2
    lower = contour[: half + 1]
    upper = (contour[0], *contour[: half - 1 : -1])
    strips = []
    for k in range(half):
        strips += [(lower[k], lower[k + 1], upper[k]), (lower[k + 1], upper[k + 1], upper[k])]
    return np.array([s for s in strips if len(set(s)) == 3], np.int32)


def _same_turn(triangles: NDArray[np.int32], uv: NDArray[np.float32]) -> NDArray[np.int32]:
    """The triangles with one orientation: positive signed area where v points down."""
    a, b, c = (uv[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    turned = triangles.copy()
    turned[area < 0] = turned[area < 0][:, [0, 2, 1]]
    return turned
