"""From a face's points to what aligned-crop networks want."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_vision.topology import BELOW_NOSE, EYE_LEFT, EYE_RIGHT, FOREHEAD, NOSE_TIP, SIDE_LEFT, SIDE_RIGHT

_MOUTH_LEFT, _MOUTH_RIGHT = 61, 291
#: Eyes, nose tip and mouth corners on ArcFace's crop of 112 pixels (insightface, utils/face_align.py).
_ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
#: How a network's crops lie around the face.
Template = Literal["arcface_112_v1", "arcface_112_v2", "arcface_128", "ffhq_512", "mtcnn_512"]
# The five points in shares of the crop's side, after FaceFusion 3.8 (facefusion/face_helper.py), whose exports of public
# networks these templates belong to. ArcFace's own two are in ``_ARCFACE``.
_TEMPLATES: dict[Template, tuple[tuple[float, float], ...]] = {
    "arcface_112_v1": (
        (0.35473214, 0.45658929),
        (0.64526786, 0.45658929),
        (0.50000000, 0.61154464),
        (0.37913393, 0.77687500),
        (0.62086607, 0.77687500),
    ),
    "ffhq_512": (
        (0.37691676, 0.46864664),
        (0.62285697, 0.46912813),
        (0.50123859, 0.61331904),
        (0.39308822, 0.72541100),
        (0.61150205, 0.72490465),
    ),
    "mtcnn_512": (
        (0.36562865, 0.46733799),
        (0.63305391, 0.46585885),
        (0.50019127, 0.61942959),
        (0.39032951, 0.77598822),
        (0.61178945, 0.77476328),
    ),
}
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


def template_points(template: Template) -> NDArray[np.float32]:
    """Float32 ``(5, 2)``: where crops by ``template`` have the five points, in shares of the crop's side."""
    if template == "arcface_112_v2":
        return arcface_template(112) / np.float32(112)
    if template == "arcface_128":
        return arcface_template(128) / np.float32(128)
    return np.array(_TEMPLATES[template], np.float32)


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
    frame: FrameView,
    matrix: NDArray[np.float64],
    size: int,
    *,
    outside: int = cv2.BORDER_CONSTANT,
    within: Box | None = None,
    kind: int = cv2.INTER_LINEAR,
) -> NDArray[np.uint8] | None:
    """uint8 B, G, R ``(size, size, 3)`` by ``matrix``; None where it shows none of the picture.

    ``outside`` is what OpenCV puts where there is no picture, by default black, as ``norm_crop2`` does; nothing outside of
    ``within`` is read, as if the picture ended there: a region that was read before costs nothing.
    Only the region around the face is taken from the frame. Equal to ``norm_crop2`` within one grey level, but where a
    pixel of the crop stands for more than two of the picture across: bilinear interpolation would skip those between, and
    fine patterns would become coarse ones that crawl. There the region is first averaged over squares. ``kind`` is OpenCV's
    interpolation; a cubic one keeps what lines between pixels lose where a face is enlarged.
    """
    return _crop(frame.bgr, (within or frame.box).clip(frame.width, frame.height), matrix, size, outside, kind)


def picture_crop(
    bgr: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, *, outside: int = cv2.BORDER_CONSTANT
) -> NDArray[np.uint8] | None:
    """``aligned_crop`` of a picture, uint8 B, G, R ``(h, w, 3)``."""
    height, width = bgr.shape[:2]
    whole = Box(0, 0, width, height)
    return _crop(lambda box: bgr[box.y0 : box.y1, box.x0 : box.x1], whole, matrix, size, outside)


def _crop(
    read: Callable[[Box], NDArray[np.uint8]],
    whole: Box,
    matrix: NDArray[np.float64],
    size: int,
    outside: int,
    kind: int = cv2.INTER_LINEAR,
) -> NDArray[np.uint8] | None:
    """``read`` gives a region of a picture, of which there is ``whole``."""
    scale = scale_of(matrix)
    step = int(1 / scale) if scale < 0.5 else 1
    reach = 1 if kind == cv2.INTER_LINEAR else 2
    box = place_of(matrix, -reach, -reach, size - 1 + reach, size - 1 + reach)
    # The squares lie on the picture's own grid: on one that moves with the face they would average differently each time.
    low = [edge // step * step for edge in (max(box.x0, whole.x0), max(box.y0, whole.y0))]
    high = [min(-(-edge // step) * step, end) for edge, end in ((box.x1, whole.x1), (box.y1, whole.y1))]
    box = Box(max(low[0], whole.x0), max(low[1], whole.y0), *high)
    if box.empty:
        return None
    region = read(box)
    if step > 1:
        left, top, right, bottom = box.x0 - low[0], box.y0 - low[1], -box.x1 % step, -box.y1 % step
        if left or top or right or bottom:
            region = cv2.copyMakeBorder(region, top, bottom, left, right, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        size_small = (region.shape[1] // step, region.shape[0] // step)
        region = np.asarray(cv2.resize(region, size_small, interpolation=cv2.INTER_AREA), np.uint8)
    moved = matrix.copy()
    moved[:, :2] *= step
    moved[:, 2] += matrix[:, :2] @ (low[0] + (step - 1) / 2, low[1] + (step - 1) / 2)
    crop = cv2.warpAffine(region, moved, (size, size), flags=kind, borderMode=outside, borderValue=0)
    return np.asarray(crop, np.uint8)
