"""From a face's points to what aligned-crop networks want."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_vision.topology import BELOW_NOSE, EYE_LEFT, EYE_RIGHT, FOREHEAD, NOSE_TIP, SIDE_LEFT, SIDE_RIGHT

_MOUTH_LEFT, _MOUTH_RIGHT = 61, 291
#: Eyes, nose tip and mouth corners on ArcFace's crop of 112 pixels (insightface, utils/face_align.py).
_ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
# Points nearly on a line, or on one spot, fit any turn of the head. A profile still spreads to a fifth across.
_FLAT, _TINY = 0.05, 1.0
#: Beyond any picture, and within what whole numbers hold.
_FAR = 1e6


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
    return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))


def pose_degrees(mesh: NDArray[np.float32]) -> tuple[float, float, float]:
    """Pitch, yaw and roll of the head in degrees, as ``Face.pose_degrees`` has them.

    A face is turned about its own width by the pitch, then about the picture's upright by the yaw, then in the picture by
    the roll. Roll is the line of the eyes' outer corners, yaw the depth of the face's sides, and pitch the depth of the line
    from the forehead's top to below the nose, which speech does not move: it lies within 5 degrees of upright on people who
    look into the camera.
    """
    yaw = yaw_degrees(mesh)
    eyes = mesh[EYE_RIGHT[0], :2] - mesh[EYE_LEFT[0], :2]
    roll = float(np.arctan2(eyes[1], eyes[0]))
    x, y, z = (mesh[BELOW_NOSE] - mesh[FOREHEAD]).astype(np.float64) * (1, 1, -1)  # larger is nearer from here on
    sideways, down = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
    turn = np.radians(yaw)
    ahead = z * np.cos(turn) + sideways * np.sin(turn)
    return float(np.degrees(np.arctan2(ahead, down))), yaw, float(np.degrees(roll))


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


def arcface_template(size: int) -> NDArray[np.float32]:
    """Float32 ``(5, 2)``: where ArcFace's crop of ``size`` pixels has the five points.

    As ``face_align.norm_crop2`` of insightface: of 112 pixels and its multiples, or, with 8 pixels in 128 more on both
    sides, of multiples of 128.
    """
    points = np.array(_ARCFACE, np.float32)
    if size % 112 == 0:
        return points * np.float32(size / 112)
    if size % 128 == 0:
        return points * np.float32(size / 128) + np.array([8 * size / 128, 0], np.float32)
    raise ValueError(f"ArcFace's crop is a multiple of 112 or 128 pixels, not {size}")


def crop_matrix(landmarks_5: NDArray[np.floating], template: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """``(2, 3)``, picture to crop: turn, scale and shift that bring the five points closest to ``template`` ``(5, 2)``.

    None where the points say nothing: not finite, all on one spot, or on one line.
    """
    if landmarks_5.shape != template.shape or not np.isfinite(landmarks_5).all() or np.abs(landmarks_5).max() > _FAR:
        return None
    spread = np.linalg.svd(landmarks_5.astype(np.float64) - landmarks_5.mean(0, dtype=np.float64), compute_uv=False)
    if spread[0] < _TINY or spread[1] < _FLAT * spread[0]:
        return None
    return similarity(landmarks_5, template)


def scale_of(matrix: NDArray[np.float64]) -> float:
    """Pixels of the crop for one of the picture."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def place_of(matrix: NDArray[np.float64], x0: float, y0: float, x1: float, y1: float) -> Box:
    """The box of the picture that holds every pixel from which, or to which, this part of the crop is interpolated."""
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x1, y1, 1], [x0, y1, 1]], np.float64)
    reach = np.clip(corners @ np.asarray(cv2.invertAffineTransform(matrix), np.float64).T, -_FAR, _FAR)
    low, high = np.floor(reach.min(0)).astype(int), np.ceil(reach.max(0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def aligned_crop(
    frame: FrameView, matrix: NDArray[np.float64], size: int, *, outside: int = cv2.BORDER_CONSTANT
) -> NDArray[np.uint8] | None:
    """uint8 B, G, R ``(size, size, 3)`` by ``matrix``; None where it shows none of the picture.

    ``outside`` is what OpenCV puts where there is no picture, by default black, as ``norm_crop2`` does.
    Only the region around the face is taken from the frame. Equal to ``norm_crop2`` within one grey level, but where a
    pixel of the crop stands for more than two of the picture across: bilinear interpolation would skip those between, and
    fine patterns would become coarse ones that crawl. There the region is first averaged over squares.
    """
    scale = scale_of(matrix)
    step = int(1 / scale) if scale < 0.5 else 1
    box = place_of(matrix, -1, -1, size, size)
    # The squares lie on the picture's own grid: on one that moves with the face they would average differently each time.
    left, top = box.x0 // step * step, box.y0 // step * step
    box = Box(left, top, box.x1, box.y1).clip(frame.width, frame.height)
    if box.empty:
        return None
    region = frame.bgr(box)
    if step > 1:
        right, bottom = -box.width % step, -box.height % step
        whole = cv2.copyMakeBorder(region, 0, bottom, 0, right, cv2.BORDER_REPLICATE) if right or bottom else region
        size_small = (whole.shape[1] // step, whole.shape[0] // step)
        region = np.asarray(cv2.resize(whole, size_small, interpolation=cv2.INTER_AREA), np.uint8)
    moved = matrix.copy()
    moved[:, :2] *= step
    moved[:, 2] += matrix[:, :2] @ (box.x0 + (step - 1) / 2, box.y0 + (step - 1) / 2)
    crop = cv2.warpAffine(region, moved, (size, size), flags=cv2.INTER_LINEAR, borderMode=outside, borderValue=0)
    return np.asarray(crop, np.uint8)
