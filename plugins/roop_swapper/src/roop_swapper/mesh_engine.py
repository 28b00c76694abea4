"""Engine ``mesh``: the source's skin and features warped onto the target's dense landmarks. Needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, Frame, SourceFace
from roop_swapper import compose, gaze, glasses, light, skin
from roop_swapper.engine import in_order
from roop_swapper.raster import Chart, Sheet
from roop_swapper.regions import Halves, Regions
from roop_swapper.seen import Seen
from roop_swapper.shape import Proportions
from roop_swapper.source import SourceTexture, facing, make_texture
from roop_swapper.state import FaceState, States, refreshed
from roop_vision.align import yaw_degrees
from roop_vision.masking import Masker
from roop_vision.topology import EYE_LEFT, EYE_RIGHT, LIPS_INNER, topology

_EYE_CONTOURS = (EYE_LEFT, EYE_RIGHT)
CHART = 96
_MAP_PIXELS = 152  # longer side of the maps; they are smooth inside a triangle, so smaller ones than the face will do
_FEATHER = 0.085
_SLOW, _QUICK = 0.12, 0.25  # shares of a new frame in what is averaged over time
_GAZE = 0.5  # eyes jump, and landmarks shiver
_OPEN = 0.3  # how far lids may be closed for an iris to be seen
_MARGIN = 6
#: A skin mask is learnt at every second frame, light at every fourth, and proportions, which change least, at every eighth.
#: The frame's own number decides, so that a run that begins at a later segment learns from the same frames.
_MASK_EVERY, _LIGHT_EVERY, _SHAPE_EVERY = 2, 4, 8
_MOUTH_TRIANGLES = len(LIPS_INNER) - 2  # the last of the mesh: the target's teeth and tongue stay
_SHIFT_CHART = 48  # cells of the texture's width; shifts are smooth
_FREE = 0.3  # of cheeks and nose, which must be free of what stands before the face for anything to be learnt
_HIDDEN = 0.5  # share from which an eye counts as hidden, and glasses may be what stands before the face
_SKIN_CONTRAST, _FEATURE_CONTRAST = (0.35, 1.1), (0.5, 1.1)  # bounds of the shares of detail that are kept


@dataclass(slots=True, eq=False)
class _Layout:
    """Where the work happens: the region's box, and the maps' size and scale."""

    box: Box
    width: int
    height: int
    scale: NDArray[np.float32]


class MeshEngine:
    """Holds what is fixed, topology and charts, the source textures of a job, and what was learnt of each track.

    ``strength`` in 0..1 is how far features move to the source's proportions; ``bare`` paints over the source's glasses.
    ``occluder`` says what stands before a face, which stays and is not learnt from; ``masker`` what else of the target is
    to stay.
    """

    def __init__(
        self, strength: float, *, bare: bool = False, occluder: Masker | None = None, masker: Masker | None = None
    ) -> None:
        self.strength, self.bare, self._occluder, self._masker = strength, bare, occluder, masker
        top = self._topology = topology()
        self._chart = Chart.make(top.uv, top.triangles, CHART)
        self._shift_chart = Chart.make(top.uv, top.triangles, _SHIFT_CHART)
        self._sheet = Sheet.make(top.uv, top.triangles, len(top.triangles) - _MOUTH_TRIANGLES)
        self._regions = Regions.make(CHART, _FEATHER)
        rows = _rows_of(self._regions.openings)
        self._eyes = self._chart.strip(rows)
        self._eye_weight = gaze.eye_weight(CHART)
        self._openings = [(upper[rows], lower[rows]) for upper, lower in self._regions.openings]
        self.textures: list[SourceTexture] = []
        self.proportions: list[Proportions] = []
        self._states = States()

    def begin(self, sources: tuple[SourceFace, ...]) -> None:
        self.textures = [make_texture(s, self._topology, self._chart, self._regions, bare=self.bare) for s in sources]
        self.proportions = [Proportions(texture.mesh, self.strength) for texture in self.textures]
        self._states = States()

    def start(self) -> None:
        self._states = States()
        for masker in (self._occluder, self._masker):
            if masker is not None:
                masker.start()

    def learn(self, frames: Sequence[Frame]) -> None:
        """What it learns hangs on all that it draws."""
        self.process(frames)

    def process(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            for face, source in in_order(frame):
                if face.mesh_468 is None:
                    continue
                key = (face.id, source)
                state = self._states.get(key) or self.new_state(face, source)
                self.swap(frame, face, source, state)
                self._states.put(key, state, frame.index)
            self._states.after(frame.index)

    def end(self) -> None:
        self.textures, self.proportions, self._states = [], [], States()

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
        self._learn_shape(frame.index, mesh, source, state)
        moved = self._moved(mesh, source, state)
        layout = _layout(mesh, moved, frame)
        if layout is None:
            return
        seen = Seen(layout.box, frame.bgr(layout.box), mesh, _kept(self._occluder, frame, face, layout.box))
        region = seen.bgr
        self._learn_eyes(seen, source, state)
        self._learn_looks(frame.index, seen, source, state)
        state.step()
        if state.lit is None or frame.index % _MASK_EVERY == 0:
            state.lit = self._lit_texture(source, state)
        origin = np.array([layout.box.x0, layout.box.y0], np.float32)
        points = ((moved[:, :2] - origin + 0.5) * layout.scale - 0.5).astype(np.float32)
        drawn = self._sheet.draw(points, mesh[:, 2], layout.width, layout.height)
        u, v, skin_only = (np.ascontiguousarray(drawn[..., k]) for k in range(3))
        alpha, cover = compose.alphas(u, v, skin_only, self._chart_alpha(source, state))
        full = (layout.box.width, layout.box.height)
        base = compose.sampled(compose.widened(region), *self._places(mesh, moved, u, v, full))
        u = self._looking(u, v, state)
        shown = compose.sampled(state.lit, *(compose.enlarged(compose.cells(plane, state.level), full) for plane in (u, v)))
        out = compose.mixed(compose.grained(shown, region), base, compose.enlarged(alpha, full))
        shares = compose.enlarged(cover, full)
        for kept in (seen.hidden, _kept(self._masker, frame, face, layout.box)):
            shares = shares if kept is None else shares * (1 - kept)
        frame.put(layout.box, out, shares, face_id=face.id)

    def _moved(self, mesh: NDArray[np.float32], source: int, state: FaceState) -> NDArray[np.float32]:
        """The mesh to draw: the target's, with features moved towards the source's proportions."""
        assert state.shift is not None
        # Depths of two views differ most where the views differ most: the farther apart, the less is moved.
        apart = abs(yaw_degrees(mesh) - self.textures[source].yaw)
        return self.proportions[source].posed(mesh, state.shift.value, float(np.clip(1.4 - apart / 50, 0.25, 1)))

    def _learn_shape(self, index: int, mesh: NDArray[np.float32], source: int, state: FaceState) -> None:
        """What moves features to the source's proportions. Not at the frames at which light is learnt: work is spread."""
        if state.shift is None or index % _SHAPE_EVERY == 1:
            state.shift = refreshed(state.shift, self.proportions[source].shifts(mesh), _SLOW)

    def _learn_eyes(self, seen: Seen, source: int, state: FaceState) -> None:
        """Lids and gaze; a blink is over in a few frames, so every frame is looked at. Of a hidden eye nothing changes."""
        colours = skin.lab(seen.unrolled(self._eyes))
        free = [seen.share_hidden(eye) < _HIDDEN for eye in _EYE_CONTOURS]
        both = zip(free, self._openings, state.shut, strict=True)
        state.shut = tuple(skin.eye_shut(colours, opening) if sees else shut for sees, opening, shut in both)
        if state.turned is None or (max(state.shut) < _OPEN and all(free)):
            look = gaze.side_look(colours[..., 0], self._openings)
            turned = np.array(gaze.turned_by(look, self.textures[source].look), np.float32)
            state.turned = refreshed(state.turned, turned, _GAZE)

    def _learn_looks(self, index: int, seen: Seen, source: int, state: FaceState) -> None:
        """Update light and skin mask from the target's own face, unrolled into texture space, where nothing hides it."""
        if state.keep is not None and index % _MASK_EVERY:
            return
        texture, regions = self.textures[source], self._regions
        facing_us = self._chart.per_triangle(facing(seen.mesh, self._topology))
        free = seen.free(self._chart)
        if free is not None and float((regions.reference * free).sum()) < _FREE * float(regions.reference.sum()):
            if state.gain is not None:
                return
            free = None  # a face that begins behind something: what is seen there is all that there is
        unrolled = seen.unrolled(self._chart)
        trust = facing_us if free is None else facing_us * free
        colours = skin.lab(unrolled)
        learnt = skin.learn(colours, regions.reference * (trust > 0.5))
        state.colour = learnt if state.colour is None else state.colour.towards(learnt, _SLOW * _MASK_EVERY)
        keep = skin.likeness(colours, state.colour, facing_us, regions)
        if free is not None and state.keep is not None:
            keep = state.keep.value + free * (keep - state.keep.value)
        state.keep = refreshed(state.keep, keep, _QUICK)
        if state.gain is not None and index % _LIGHT_EVERY:
            return
        if state.worn is None or free is None or float((regions.glasses * (1 - free)).max()) < _HIDDEN:
            state.worn = refreshed(state.worn, np.array(glasses.worn(unrolled), np.float32), _SLOW)
        weight = regions.skin * trust * state.keep.value**2 * texture.keep**2
        gain = light.gain_field(unrolled.astype(np.float32), texture.chart_bgr, weight)
        state.gain = refreshed(state.gain, gain, _SLOW)
        parts = ((weight, _SKIN_CONTRAST), (regions.feature * trust, _FEATURE_CONTRAST))
        contrast = light.detail_ratios(unrolled, texture.chart_bgr, state.gain.value, parts)
        # A blurred picture blurs features too; a young skin alone is smooth, and wrinkles belong to the source.
        contrast[0] = contrast.max()
        state.contrast = refreshed(state.contrast, contrast, _SLOW)

    def _places(
        self,
        mesh: NDArray[np.float32],
        moved: NDArray[np.float32],
        u: NDArray[np.float32],
        v: NDArray[np.float32],
        full: tuple[int, int],
    ) -> list[NDArray[np.float32]]:
        """x and y of the region's pixel that features were moved from, for each of its pixels, float32 planes."""
        back = mesh[:, :2] - moved[:, :2]
        chart_u, chart_v = compose.cells(u, _SHIFT_CHART), compose.cells(v, _SHIFT_CHART)
        x, y = (
            compose.enlarged(cv2.remap(plane, chart_u, chart_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), full)
            for plane in self._shift_chart.spread(back)
        )
        x += np.arange(full[0], dtype=np.float32)[None, :]
        y += np.arange(full[1], dtype=np.float32)[:, None]
        return [x, y]

    def _looking(self, u: NDArray[np.float32], v: NDArray[np.float32], state: FaceState) -> NDArray[np.float32]:
        """``u`` with the source's eyes turned to where the target looks."""
        assert state.turned is not None
        weight = cv2.remap(self._eye_weight, compose.cells(u, CHART), compose.cells(v, CHART), cv2.INTER_LINEAR)
        return np.asarray(u - weight * state.turned.value, np.float32)

    def _chart_alpha(self, source: int, state: FaceState) -> NDArray[np.float32]:
        """How much of the source may show, in texture space.

        A closed eye stays the target's own: the lids of an open one, pressed together, look torn.
        """
        assert state.keep is not None
        assert state.worn is not None
        # The target's glasses go: they hide the part of a face that tells most whose it is.
        keep: NDArray[np.float32] = np.maximum(state.keep.value, state.worn.value * self._regions.glasses)
        alpha = self._regions.oval * keep * self.textures[source].keep
        for eye, shut in zip(self._regions.eyes, state.shut, strict=True):
            if shut > 0:
                alpha = alpha * (1 - np.float32(shut) * eye)
        return alpha

    def _lit_texture(self, source: int, state: FaceState) -> NDArray[np.uint8]:
        """The source's texture in the target's light, with as much contrast in its detail as the target's skin has."""
        assert state.gain is not None
        assert state.contrast is not None
        texture = self.textures[source]
        plain, smooth, soft = (kind[state.level] for kind in (texture.levels, texture.smooth_skin, texture.soft))
        skins, features = (float(value) for value in state.contrast.value)
        base = cv2.addWeighted(smooth, features - skins, soft, 1 - features, 0, dtype=cv2.CV_16S)
        toned = cv2.addWeighted(plain, skins, base, 1, 0, dtype=cv2.CV_8U)
        gain = cv2.resize(state.gain.value, (state.level, state.level), interpolation=cv2.INTER_LINEAR)
        return compose.widened(cv2.multiply(toned, gain, dtype=cv2.CV_8U).astype(np.uint8, copy=False))


def _rows_of(openings: tuple[Halves, ...]) -> slice:
    """The rows of the chart in which eyes lie."""
    rows = np.flatnonzero(np.any([half.any(1) for halves in openings for half in halves], axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1)


def _layout(mesh: NDArray[np.float32], moved: NDArray[np.float32], frame: Frame) -> _Layout | None:
    low = np.floor(np.minimum(mesh[:, :2].min(0), moved[:, :2].min(0))).astype(int) - _MARGIN
    high = np.ceil(np.maximum(mesh[:, :2].max(0), moved[:, :2].max(0))).astype(int) + _MARGIN
    # Whole chroma samples of 4:2:0: a region that cuts through some takes longer to look at and to put.
    low, high = low // 2 * 2, (high + 1) // 2 * 2
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).clip(frame.width, frame.height)
    if box.width < 16 or box.height < 16:
        return None
    factor = min(1.0, _MAP_PIXELS / max(box.width, box.height))
    width, height = max(8, round(box.width * factor)), max(8, round(box.height * factor))
    return _Layout(box, width, height, np.array([width / box.width, height / box.height], np.float32))


def _kept(masker: Masker | None, frame: Frame, face: Face, box: Box) -> NDArray[np.float32] | None:
    return None if masker is None else masker.kept(frame, face, box)
