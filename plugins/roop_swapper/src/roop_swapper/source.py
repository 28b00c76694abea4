"""A source picture's face in texture space, made once per job."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import NoFaceError, SourceFace
from roop_swapper import skin
from roop_swapper.gaze import side_look
from roop_swapper.glasses import frame_mask, without_glasses
from roop_swapper.light import DETAIL
from roop_swapper.raster import Chart, signed_areas
from roop_swapper.regions import Regions
from roop_vision.align import yaw_degrees
from roop_vision.masks import smooth_step
from roop_vision.topology import Topology

#: Beyond this turn half of the face cannot be seen, and mirroring the other half no longer looks like the person.
MAX_YAW = 45.0
LEVELS = (128, 192, 256, 384, 512)

_TEMPLE_ROW = 0.4  # of the texture, just below the eyes
_COLOUR, _LIP_COLOUR = 0.5, 0.8  # share of a difference in colour from the skin that is kept
_DETAIL_COLOUR = 0.3  # share of a blotch's colour that is kept


@dataclass(frozen=True, slots=True, eq=False)
class SourceTexture:
    """A face ready to be put on others.

    ``levels`` are uint8 B, G, R square textures by size, ``smooth_skin`` the same with detail in the features only, ``soft``
    without any. At the chart's size:
    ``chart_bgr`` float32 ``(c, c, 3)`` and ``keep`` ``(c, c)``, where the source shows skin or a feature. ``mesh`` is
    float32 ``(468, 3)`` in the source's picture, ``yaw`` its turn in degrees, ``look`` its gaze (``gaze.side_look``).
    """

    levels: dict[int, NDArray[np.uint8]]
    smooth_skin: dict[int, NDArray[np.uint8]]
    soft: dict[int, NDArray[np.uint8]]
    chart_bgr: NDArray[np.float32]
    keep: NDArray[np.float32]
    mesh: NDArray[np.float32]
    yaw: float
    look: float


def facing(mesh: NDArray[np.float32], mesh_topology: Topology) -> NDArray[np.float32]:
    """How well each triangle is seen, 0..1: its area on the picture against its area seen from the front."""
    triangles = mesh_topology.triangles
    front = signed_areas(mesh_topology.uv, triangles)
    ratio = signed_areas(mesh[:, :2], triangles) / np.maximum(front, 1e-9)
    typical = float(np.percentile(ratio, 75))
    return smooth_step((ratio / max(typical, 1e-9) - 0.1) / 0.4)


def make_texture(
    source: SourceFace, mesh_topology: Topology, chart: Chart, regions: Regions, *, bare: bool = False
) -> SourceTexture:
    """``bare`` paints over glasses. Raises ``NoFaceError`` for a face that is turned too far."""
    mesh = source.face.mesh_468
    if mesh is None:
        raise NoFaceError(f"{source.name}: the analyser gives no dense landmarks, which the engine 'mesh' needs")
    yaw = yaw_degrees(mesh)
    if abs(yaw) > MAX_YAW:
        raise NoFaceError(
            f"{source.name}: the face is turned {abs(yaw):.0f} degrees away from the camera, more than {MAX_YAW:.0f}; "
            "give a picture that shows both halves of the face"
        )
    width = float(np.ptp(mesh[:, 0]))
    size = next((level for level in LEVELS if level >= width * 1.1), LEVELS[-1])
    fine = Chart.make(mesh_topology.uv, mesh_topology.triangles, size)
    x, y = fine.spread(mesh)[:2]
    picture = source.bgr
    texture = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
    seen_mesh = facing(mesh, mesh_topology)
    seen = np.asarray(cv2.GaussianBlur(fine.per_triangle(seen_mesh), (0, 0), size / 40), np.float32)
    texture = _complete(texture, seen * (1 - _one_sided_hair(texture, regions)))
    texture = _filled(texture, fine.inside)
    frames = frame_mask(texture)
    # Light and masks are learnt from the bare face in any case: a frame is no shadow.
    skin_only = texture if frames is None else without_glasses(texture, frames)
    worn = None if bare else frames
    texture = skin_only if bare else texture
    small = cv2.resize(skin_only, (chart.size, chart.size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    colours = skin.lab(small)
    everywhere = np.ones_like(regions.skin)
    colour = skin.learn(colours, regions.reference)
    keep = skin.likeness(colours, colour, everywhere, regions, np.maximum(regions.forehead, regions.rim))
    keep = _uncovered(keep, regions)
    feature, coloured = (_with_frames(part, worn) for part in (regions.feature, regions.lips))
    texture = _evened(_calmed(texture, feature), colour, coloured)
    levels = {s: _resized(texture, s) for s in LEVELS if s <= size}
    smooth_skin = {s: _smooth_skin(texture, feature) for s, texture in levels.items()}
    soft = {s: _without_detail(texture) for s, texture in levels.items()}
    look = side_look(colours[..., 0], regions.openings)
    return SourceTexture(levels, smooth_skin, soft, small.astype(np.float32), keep, mesh, yaw, look)


def _with_frames(part: NDArray[np.float32], frames: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """A part of the face together with the frames of glasses, at the part's size."""
    if frames is None:
        return part
    size = part.shape[1::-1]
    return np.maximum(part, np.asarray(cv2.resize(frames, size, interpolation=cv2.INTER_AREA), np.float32))


def _complete(texture: NDArray[np.uint8], seen: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Fill what the camera did not see with the mirrored other half, its brightness matched softly."""
    other = texture[:, ::-1].astype(np.float32)
    mirrored_seen = seen[:, ::-1]
    share = np.clip((mirrored_seen - seen) * 1.5, 0, 1)[..., None]
    if float(share.max()) < 0.05:
        return texture
    own = texture.astype(np.float32)
    sigma = texture.shape[0] / 8
    weight = (np.minimum(seen, mirrored_seen) + 0.02)[..., None]
    ratio = cv2.GaussianBlur(own * weight, (0, 0), sigma) / (cv2.GaussianBlur(other * weight, (0, 0), sigma) + 1e-3)
    mixed = own + share * (other * np.clip(ratio, 0.5, 2.0) - own)
    completed: NDArray[np.uint8] = np.clip(mixed, 0, 255).astype(np.uint8)
    return completed


def _one_sided_hair(texture: NDArray[np.uint8], regions: Regions) -> NDArray[np.float32]:
    """Where a strand covers the temple or the brow's tail of one side only: much darker than the same place mirrored."""
    size = texture.shape[0]
    light = cv2.GaussianBlur(skin.lab(texture)[..., 0], (0, 0), size / 60)
    darker = light[:, ::-1] - light
    cheeks = cv2.resize(regions.reference, (size, size), interpolation=cv2.INTER_NEAREST) > 0.5
    half = size // 2
    for side in (slice(0, half), slice(half, size)):  # light from one side is no hair
        darker[:, side] -= np.median(darker[:, side][cheeks[:, side]])
    rows = (np.arange(size, dtype=np.float32)[:, None] + 0.5) / size
    across = np.abs((np.arange(size, dtype=np.float32)[None, :] + 0.5) / size - 0.5)
    zone = smooth_step((_TEMPLE_ROW - rows) / 0.05) * smooth_step((across - 0.13) / 0.05)
    found = cv2.dilate(smooth_step((darker - 9) / 8) * zone, np.ones((max(3, size // 24),) * 2, np.uint8))
    return np.asarray(cv2.GaussianBlur(found, (0, 0), size / 64), np.float32)


def _filled(texture: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Repeat the rim's colour outside the mesh, so that no dark edge is mixed in when the texture shrinks."""
    _, labels = cv2.distanceTransformWithLabels((~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[inside]] = texture[inside]
    filled: NDArray[np.uint8] = colours[labels]
    return filled


def _uncovered(keep: NDArray[np.float32], regions: Regions) -> NDArray[np.float32]:
    """Cut the mask only where something covers skin from outside: the forehead and the rim.

    Hair, ears and collars reach in from the outline, so what lies farther out than such a thing is cut with it.
    """
    half = keep.shape[1] // 2
    hanging = np.where(regions.forehead > 0.5, keep, 1)
    hanging = np.minimum.accumulate(hanging[::-1], axis=0)[::-1]
    sides = np.where(regions.rim > 0.5, keep, 1)
    left = np.minimum.accumulate(sides[:, half - 1 :: -1], axis=1)[:, ::-1]
    right = np.minimum.accumulate(sides[:, half:], axis=1)
    cut = np.minimum(np.minimum(hanging, keep), np.concatenate([left, right], axis=1))
    cut = np.asarray(cv2.erode(smooth_step((cut - 0.5) / 0.4), np.ones((3, 3), np.uint8)), np.float32)
    cut = np.asarray(cv2.GaussianBlur(cut, (0, 0), keep.shape[0] / 45), np.float32)
    mixed: NDArray[np.float32] = 1 - np.maximum(regions.forehead, regions.rim) * (1 - cut)
    return mixed


def _calmed(texture: NDArray[np.uint8], feature: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Take most of the colour out of skin detail: red blotches grow loud when the light is changed."""
    soft = _without_detail(texture).astype(np.float32)
    detail = texture - soft
    grey = detail.mean(axis=2, keepdims=True)
    coloured = cv2.resize(feature, texture.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    share = _DETAIL_COLOUR + (1 - _DETAIL_COLOUR) * coloured
    calmed: NDArray[np.uint8] = np.clip(soft + grey + share * (detail - grey), 0, 255).astype(np.uint8)
    return calmed


def _without_detail(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is coarser than a wrinkle."""
    return cv2.GaussianBlur(texture, (0, 0), texture.shape[0] * DETAIL).astype(np.uint8, copy=False)


def _evened(texture: NDArray[np.uint8], colour: skin.SkinColour, lips: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour drawn towards the skin's: a warm shadow or a red rim of an eye glows once the light is changed."""
    size = texture.shape[1::-1]
    values = skin.lab(texture)
    share = _COLOUR + (_LIP_COLOUR - _COLOUR) * cv2.resize(lips, size, interpolation=cv2.INTER_LINEAR)[..., None]
    values[..., 1:] = colour.mean[1:] + share * (values[..., 1:] - colour.mean[1:])
    bgr = cv2.cvtColor(values, cv2.COLOR_Lab2BGR)
    evened: NDArray[np.uint8] = np.clip(np.rint(bgr * 255), 0, 255).astype(np.uint8)
    return evened


def _smooth_skin(texture: NDArray[np.uint8], feature: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Skin without what is finer than a wrinkle; features stay: they are who a person is."""
    share = cv2.resize(feature, texture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.blendLinear(texture, _without_detail(texture), share, 1 - share).astype(np.uint8, copy=False)


def _resized(texture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if texture.shape[0] == size:
        return texture
    return cv2.resize(texture, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
