"""From the dense mesh to what aligned-crop networks want."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from roop_vision.topology import EYE_LEFT, EYE_RIGHT, NOSE_TIP, SIDE_LEFT, SIDE_RIGHT

_MOUTH_LEFT, _MOUTH_RIGHT = 61, 291
#: Where ArcFace's training put the five points on its 112 x 112 crop (InsightFace's ``face_align.py``).
_ARCFACE_112 = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))


def five_points(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(5, 2)``: eyes, nose tip, mouth corners, left first as seen in the picture."""
    return np.stack(
        [
            mesh[list(EYE_LEFT), :2].mean(0),
            mesh[list(EYE_RIGHT), :2].mean(0),
            mesh[NOSE_TIP, :2],
            mesh[_MOUTH_LEFT, :2],
            mesh[_MOUTH_RIGHT, :2],
        ]
    ).astype(np.float32)


def yaw_degrees(mesh: NDArray[np.float32]) -> float:
    """Turn of the head in degrees, positive towards the picture's right; 0 looks into the camera.

    Taken from the depth of the face's sides against their distance, after the roll is taken out.
    """
    across = mesh[SIDE_RIGHT] - mesh[SIDE_LEFT]
    return float(np.degrees(np.arctan2(-across[2], np.hypot(across[0], across[1]))))


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(d, d + 1)`` matrix: rotation, one scale and shift that bring ``source`` ``(n, d)`` closest to ``target``.

    Least squares after Umeyama (1991); works in two and three dimensions.
    """
    src, dst = source.astype(np.float64), target.astype(np.float64)
    mean_s, mean_d = src.mean(0), dst.mean(0)
    src, dst = src - mean_s, dst - mean_d
    u, singular, vt = np.linalg.svd(dst.T @ src)
    sign = np.ones(src.shape[1])
    sign[-1] = np.sign(np.linalg.det(u @ vt)) or 1.0
    rotation = (u * sign) @ vt
    scale = float((singular * sign).sum() / max(1e-12, float((src**2).sum())))
    matrix = scale * rotation
    return np.concatenate([matrix, (mean_d - matrix @ mean_s)[:, None]], axis=1)


def arcface_matrix(points: NDArray[np.floating], size: int = 112) -> NDArray[np.float64]:
    """``(2, 3)`` matrix, picture to the aligned crop of ``size`` pixels that ArcFace and the swap networks are given.

    ``points`` is ``(5, 2)``, left first as seen in the picture. Multiples of 128 are not the crop of 112 enlarged: their
    template lies 8 pixels in 128 further right. Raises ``ValueError`` for a size that is a multiple of neither.
    """
    if size % 112 and size % 128:
        raise ValueError(f"an ArcFace crop is a multiple of 112 or 128 pixels, not {size}")
    unit, right = (112, 0.0) if size % 112 == 0 else (128, 8.0)
    return similarity(points, (np.array(_ARCFACE_112) + np.array([right, 0.0])) * (size / unit))
