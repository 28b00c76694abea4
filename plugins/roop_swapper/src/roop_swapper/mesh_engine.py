"""Engine ``mesh``: the source's skin and features warped onto the target's dense landmarks. Needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, Frame, SourceFace
from roop_swapper import light, raster, skin
from roop_swapper.engine import in_order
from roop_swapper.raster import Chart
from roop_swapper.regions import Regions
from roop_swapper.shape import Proportions
from roop_swapper.source import SourceTexture, facing, make_texture
from roop_vision.align import yaw_degrees
from roop_vision.masks import smooth_step
from roop_vision.topology import topology

CHART = 96
_MAP_PIXELS = 176  # longer side of the maps; they are smooth inside a triangle, so smaller ones than the face will do
_FEATHER = 0.085
_SLOW, _QUICK = 0.12, 0.25  # shares of a new frame in what is averaged over time
_GRAIN_SIGMA, _GRAIN = 1.1, 0.6
_MARGIN = 6
_SLIVER = 1.0  # square pixels of the maps, doubled
_SKIN_CONTRAST, _FEATURE_CONTRAST = (0.35, 1.1), (0.5, 1.1)  # bounds of the shares of detail that are kept


@dataclass(slots=True, eq=False)
class FaceState:
    """What is averaged over time for one track, all of it in texture space or in the source's frame."""

    level: int
    shift: NDArray[np.float32] | None = None
    gain: NDArray[np.float32] | None = None
    keep: NDArray[np.float32] | None = None
    colour: skin.SkinColour | None = None
    shut: tuple[float, ...] = (0.0, 0.0)
    #: Of the skin's detail and of the features'.
    contrast: NDArray[np.float32] | None = None


@dataclass(slots=True, eq=False)
class _Layout:
    """Where the work happens: the region's box, and the maps' size and scale."""

    box: Box
    width: int
    height: int
    scale: NDArray[np.float32]


class MeshEngine:
    """Holds what is fixed, topology and charts, the source textures of a job, and what was learnt of each track.

    ``strength`` in 0..1 is how far features move to the source's proportions.
    """

    learns = True

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self._topology = topology()
        self._chart = Chart.make(self._topology.uv, self._topology.triangles, CHART)
        self._regions = Regions.make(CHART, _FEATHER)
        self.textures: list[SourceTexture] = []
        self.proportions: list[Proportions] = []
        self._states: dict[tuple[int, int], FaceState] = {}

    def begin(self, sources: tuple[SourceFace, ...]) -> None:
        self.textures = [make_texture(s, self._topology, self._chart, self._regions) for s in sources]
        self.proportions = [Proportions(texture.mesh, self.strength) for texture in self.textures]
        self._states = {}

    def start(self) -> None:
        self._states = {}

    def process(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            present: dict[tuple[int, int], FaceState] = {}
            for face, source in in_order(frame):
                if face.mesh_468 is None:
                    continue
                key = (face.id, source)
                state = self._states.get(key) or self.new_state(face, source)
                self.swap(frame, face, source, state)
                present[key] = state
            self._states = present

    def end(self) -> None:
        self.textures, self.proportions, self._states = [], [], {}

    def new_state(self, face: Face, source: int) -> FaceState:
        """State of a track that begins now. The texture's size stays for the track: changing it would show."""
        x0, _, x1, _ = face.box_xyxy
        levels = sorted(self.textures[source].levels)
        return FaceState(next((level for level in levels if level >= (x1 - x0) * 1.05), levels[-1]))

    def swap(self, frame: Frame, face: Face, source: int, state: FaceState) -> None:
        """Put the source's face on ``face``. ``state`` is changed."""
        mesh = face.mesh_468
        if mesh is None:
            return
        moved = self._moved(mesh, source, state)
        layout = _layout(mesh, moved, frame)
        if layout is None:
            return
        region = frame.bgr(layout.box)
        self._learn(region, layout.box, mesh, source, state)
        index, maps = self._maps(mesh, moved, layout)
        alpha_small, cover = self._alphas(index, maps, self._chart_alpha(source, state))
        full = (layout.box.width, layout.box.height)
        u, v, x, y = (_enlarged(plane, full) for plane in maps)
        texture = self._lit_texture(source, state)
        size = np.float32(state.level)
        for plane in (u, v):  # 0..1 to pixel centres of the texture
            plane *= size
            plane -= np.float32(0.5)
        base = cv2.remap(region, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        skin_bgr = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        skin_bgr = _grained(skin_bgr.astype(np.uint8, copy=False), region)
        alpha = _enlarged(alpha_small, full)
        out = cv2.blendLinear(skin_bgr, base, alpha, 1 - alpha).astype(np.uint8, copy=False)
        frame.put(layout.box, out, _enlarged(cover, full), face_id=face.id)

    def _moved(self, mesh: NDArray[np.float32], source: int, state: FaceState) -> NDArray[np.float32]:
        """The mesh to draw: the target's, with features moved towards the source's proportions."""
        proportions = self.proportions[source]
        fresh = proportions.shifts(mesh)
        state.shift = fresh if state.shift is None else state.shift + np.float32(_SLOW) * (fresh - state.shift)
        # Depths of two views differ most where the views differ most: the farther apart, the less is moved.
        apart = abs(yaw_degrees(mesh) - self.textures[source].yaw)
        return proportions.posed(mesh, state.shift, float(np.clip(1.4 - apart / 50, 0.25, 1)))

    def _learn(self, region: NDArray[np.uint8], box: Box, mesh: NDArray[np.float32], source: int, state: FaceState) -> None:
        """Update light and skin mask from the target's own face, unrolled into texture space."""
        texture, regions = self.textures[source], self._regions
        unrolled = _unroll(region, box, mesh, self._chart)
        seen = self._chart.per_triangle(facing(mesh, self._topology))
        colours = skin.lab(unrolled)
        state.shut = tuple(skin.eye_shut(colours, opening) for opening in regions.openings)
        fresh = skin.learn(colours, regions.reference * (seen > 0.5))
        state.colour = fresh if state.colour is None else state.colour.towards(fresh, _SLOW)
        keep = skin.likeness(colours, state.colour, seen, regions)
        state.keep = keep if state.keep is None else state.keep + np.float32(_QUICK) * (keep - state.keep)
        weight = regions.skin * seen * state.keep**2 * texture.keep**2
        gain = light.gain_field(unrolled.astype(np.float32), texture.chart_bgr, weight)
        state.gain = gain if state.gain is None else state.gain + np.float32(_SLOW) * (gain - state.gain)
        parts = ((weight, _SKIN_CONTRAST), (regions.feature * seen, _FEATURE_CONTRAST))
        contrast = light.detail_ratios(unrolled, texture.chart_bgr, state.gain, parts)
        state.contrast = (
            contrast if state.contrast is None else state.contrast + np.float32(_SLOW) * (contrast - state.contrast)
        )

    def _maps(
        self, mesh: NDArray[np.float32], moved: NDArray[np.float32], layout: _Layout
    ) -> tuple[NDArray[np.int32], list[NDArray[np.float32]]]:
        """Triangle index and, at the maps' size, u, v (0..1) and the target's x, y (pixels of the region)."""
        origin = np.array([layout.box.x0, layout.box.y0], np.float32)
        points = ((moved[:, :2] - origin + 0.5) * layout.scale - 0.5).astype(np.float32)
        triangles = self._topology.triangles
        index = raster.triangle_index(points, mesh[:, 2], triangles, layout.width, layout.height)
        values = np.concatenate([self._topology.uv, mesh[:, :2] - origin], axis=1).astype(np.float32)
        return index, raster.dense(index, raster.affine_maps(points, values, triangles, _SLIVER))

    def _chart_alpha(self, source: int, state: FaceState) -> NDArray[np.float32]:
        """How much of the source may show, in texture space.

        A closed eye stays the target's own: the lids of an open one, pressed together, look torn.
        """
        assert state.keep is not None
        alpha = self._regions.oval * state.keep * self.textures[source].keep
        for eye, shut in zip(self._regions.eyes, state.shut, strict=True):
            if shut > 0:
                alpha = alpha * (1 - np.float32(shut) * eye)
        return alpha

    def _alphas(
        self, index: NDArray[np.int32], maps: list[NDArray[np.float32]], chart: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """At the maps' size: how much of the source shows, and where anything is changed at all."""
        covered = (index >= 0).astype(np.float32)
        soft = cv2.blur(covered, (7, 7))
        cover = smooth_step((soft - 0.6) / 0.4)
        skin_only = cv2.GaussianBlur(
            ((index >= 0) & (index < self._topology.skin_triangles)).astype(np.float32), (0, 0), 0.9
        )
        u, v = maps[0] * np.float32(CHART) - np.float32(0.5), maps[1] * np.float32(CHART) - np.float32(0.5)
        share = cv2.remap(chart, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        holes = smooth_step((skin_only / np.maximum(cv2.GaussianBlur(covered, (0, 0), 0.9), 1e-3) - 0.15) / 0.75)
        return share * holes * cover, cover

    def _lit_texture(self, source: int, state: FaceState) -> NDArray[np.uint8]:
        """The source's texture in the target's light, with as much contrast in its detail as the target's skin has."""
        assert state.gain is not None
        assert state.contrast is not None
        texture = self.textures[source]
        plain, smooth, soft = (kind[state.level] for kind in (texture.levels, texture.smooth_skin, texture.soft))
        skins, features = (float(value) for value in state.contrast)
        base = cv2.addWeighted(smooth, features - skins, soft, 1 - features, 0, dtype=cv2.CV_16S)
        toned = cv2.addWeighted(plain, skins, base, 1, 0, dtype=cv2.CV_8U)
        gain = cv2.resize(state.gain, (state.level, state.level), interpolation=cv2.INTER_LINEAR)
        return cv2.multiply(toned, gain, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _layout(mesh: NDArray[np.float32], moved: NDArray[np.float32], frame: Frame) -> _Layout | None:
    low = np.floor(np.minimum(mesh[:, :2].min(0), moved[:, :2].min(0))).astype(int) - _MARGIN
    high = np.ceil(np.maximum(mesh[:, :2].max(0), moved[:, :2].max(0))).astype(int) + _MARGIN
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).clip(frame.width, frame.height)
    if box.width < 16 or box.height < 16:
        return None
    factor = min(1.0, _MAP_PIXELS / max(box.width, box.height))
    width, height = max(8, round(box.width * factor)), max(8, round(box.height * factor))
    return _Layout(box, width, height, np.array([width / box.width, height / box.height], np.float32))


def _unroll(region: NDArray[np.uint8], box: Box, mesh: NDArray[np.float32], chart: Chart) -> NDArray[np.uint8]:
    """The target's face in texture space, uint8 B, G, R; halved first so that no pixel is skipped."""
    step, picture = 1, region
    while min(picture.shape[:2]) > 2 * chart.size:
        height, width = picture.shape[:2]
        even = picture[: height // 2 * 2, : width // 2 * 2]
        picture = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        step *= 2
    points = ((mesh[:, :2] - (box.x0, box.y0) + 0.5) / step - 0.5).astype(np.float32)
    x, y = chart.spread(points)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def _grained(bgr: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add the target's own grain: its finest detail, cut off before it becomes a feature."""
    smooth = cv2.GaussianBlur(target, (0, 0), _GRAIN_SIGMA)
    detail = cv2.subtract(target, smooth, dtype=cv2.CV_16S)
    np.clip(detail, -9, 9, out=detail)
    return cv2.addWeighted(bgr, 1.0, detail.astype(np.int16), _GRAIN, 0.0, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _enlarged(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    if plane.shape == (size[1], size[0]):
        return np.ascontiguousarray(plane)
    return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
