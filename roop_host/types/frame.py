"""A frame: the decoder's planes, seen as upright B, G, R by region, changed only by what differs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.types.faces import Face
from roop_host.types.geometry import Box
from roop_host.types.planes import Pixels
from roop_host.types.samples import add_to, chroma_hull, from_bgr, read_only, repeated, shrink, to_bgr
from roop_host.types.shrunk import Scalers, from_planes, pays
from roop_host.types.shrunk import from_bgr as small_from_bgr
from roop_host.types.transfer import LEVELS, Curve, curve_of

_CACHED_REGIONS = 6
_View = TypeVar("_View", bound="FrameView")


class Scratch:
    """Buffers a stage uses again for every frame: fresh ones cost page faults in a worker thread.

    A library that others call puts its own name before those of its buffers, or two would work in one. The host's are apart.
    """

    def __init__(self) -> None:
        self._flat: dict[tuple[str, str, str], NDArray[Any]] = {}
        self._scalers = Scalers()

    def array(self, name: str, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any]:
        """An uninitialised C-contiguous array, valid until the next call with this name and dtype."""
        return self._array("plugin", name, shape, dtype)

    def _array(self, whose: str, name: str, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any]:
        size = int(np.prod(shape))
        key = (whose, name, np.dtype(dtype).str)
        flat = self._flat.get(key)
        if flat is None or flat.size < size:
            flat = self._flat[key] = np.empty(max(size, 1 << 12) * 5 // 4, dtype)
        return flat[:size].reshape(shape)


class FrameView:
    """A handle that cannot change the picture. Coordinates are upright; ``pts`` counts in ``time_base``.

    ``index`` counts the frames that are used of the target, from 0; ``duration`` is how long it shows, 0 where nobody says;
    ``rotation`` in degrees is how the file has the picture turned, and already done in all that is asked of it.
    """

    def __init__(
        self,
        pixels: Pixels,
        *,
        index: int = 0,
        pts: int = 0,
        time_base: Fraction = Fraction(1),
        duration: int = 0,
        rotation: int = 0,
        faces: tuple[Face, ...] = (),
    ) -> None:
        self.index = index
        self.pts = pts
        self.time_base = time_base
        self.duration = duration
        self.rotation = rotation % 360
        self.faces = faces
        self._edits: frozenset[tuple[int | None, str]] = frozenset()
        self._pixels = pixels
        self._cache: dict[tuple[Box, str], NDArray[Any]] = {}
        self._scratch = Scratch()

    @property
    def width(self) -> int:
        """Upright pixels."""
        return self._pixels.height if self.rotation % 180 else self._pixels.width

    @property
    def height(self) -> int:
        """Upright pixels."""
        return self._pixels.width if self.rotation % 180 else self._pixels.height

    @property
    def box(self) -> Box:
        """The whole picture."""
        return Box(0, 0, self.width, self.height)

    @property
    def time(self) -> Fraction:
        """Seconds."""
        return self.pts * self.time_base

    @property
    def depth(self) -> int:
        """Bits per sample of the planes; above 8 ask ``bgr`` for float32."""
        return self._pixels.layout.depth

    @property
    def edited(self) -> frozenset[int]:
        """The ids of faces that a step has changed."""
        return frozenset(face_id for face_id, _ in self._edits if face_id is not None)

    def changed_by(self, face_id: int | None = None) -> frozenset[str]:
        """The names of the steps that have changed this face of the frame; without one, that have changed the frame."""
        return frozenset(step for one, step in self._edits if face_id is None or one == face_id)

    @property
    def scratch(self) -> Scratch:
        """Buffers of the stage that has the frame now, for what is over when its call returns."""
        return self._scratch

    @property
    def nbytes(self) -> int:
        return self._pixels.nbytes + sum(int(region.nbytes) for region in self._cache.values())

    def bgr(self, box: Box | None = None, dtype: type[Any] = np.uint8) -> NDArray[Any]:
        """Read-only upright B, G, R of ``box`` clipped to the picture: ``(height, width, 3)``.

        ``dtype`` is ``np.uint8`` (0..255) or ``np.float32`` (0..1, all the depth there is). Kept until the region changes.
        It may be a part of a larger region that is kept, and so not contiguous. What lies between two levels may be read
        as either: the last bit of a float hangs on the row's length.

        Of PQ and HLG it is an SDR picture (reference white near 0.85, highlights above, primaries as they are).
        """
        box = self.box if box is None else box.clip(self.width, self.height)
        kind = np.dtype(dtype)
        if kind not in (np.uint8, np.float32):
            raise TypeError(f"bgr gives uint8 or float32, not {kind}")
        region = self._cache.get((box, kind.str))
        if region is None:
            region = self._part_of_kept(box, kind.str)
        if region is None:
            region = read_only(self._convert(box, kind == np.float32, curve_of(self._pixels.layout.transfer)))
            while len(self._cache) >= _CACHED_REGIONS:
                del self._cache[next(iter(self._cache))]
            self._cache[box, kind.str] = region
        return region

    def coded_bgr(self, dtype: type[Any] = np.uint8) -> NDArray[Any]:
        """The whole picture as ``bgr`` gives it, but HDR as it is coded: for files that say that they are HDR."""
        if self._pixels.layout.transfer == "sdr":
            return self.bgr(dtype=dtype)
        return self._convert(self.box, dtype == np.float32, None)

    def shrunk(self, width: int, height: int, box: Box | None = None) -> NDArray[np.uint8]:
        """``box`` scaled down to uint8 ``(height, width, 3)`` B, G, R, whatever its shape: every pixel of it counts.

        As Pillow's bilinear filter, which averages when it scales down: the very same of stills, small and HDR pictures, and
        within rounding of it where planes of a clip are scaled before they are converted. It is not kept.
        """
        box = self.box if box is None else box.clip(self.width, self.height)
        coded = box.to_coded(self.rotation, self._pixels.width, self._pixels.height)
        size = (height, width) if self.rotation % 180 else (width, height)
        if not pays(self._pixels, coded, *size):
            kept = self._part_of_kept(box, np.dtype(np.uint8).str)
            bgr = self._convert(box, False, curve_of(self._pixels.layout.transfer)) if kept is None else kept
            return small_from_bgr(bgr, width, height)
        small = from_planes(self._pixels, coded, *size, self._scratch._scalers)
        return np.ascontiguousarray(np.rot90(small, self.rotation // 90)) if self.rotation else small

    def alpha(self) -> NDArray[Any] | None:
        """Upright float32 ``(height, width)`` in 0..1, or None where the picture has no alpha."""
        if not self._pixels.layout.alpha:
            return None
        plane = self._pixels.planes[-1].astype(np.float32) / self._pixels.layout.peak
        return np.ascontiguousarray(np.rot90(plane, self.rotation // 90))

    def _part_of_kept(self, box: Box, kind: str) -> NDArray[Any] | None:
        """``box`` cut from a larger region that is kept: what is put back is mostly a part of what was taken."""
        for (known, name), region in self._cache.items():
            if name == kind and known.x0 <= box.x0 and known.y0 <= box.y0 and known.x1 >= box.x1 and known.y1 >= box.y1:
                return region[box.y0 - known.y0 : box.y1 - known.y0, box.x0 - known.x0 : box.x1 - known.x0]
        return None

    def _convert(self, box: Box, as_float: bool, curve: Curve | None) -> NDArray[Any]:
        pixels, layout = self._pixels, self._pixels.layout
        coded = box.to_coded(self.rotation, pixels.width, pixels.height)
        if coded.empty:
            return np.empty((box.height, box.width, 3), np.float32 if as_float else np.uint8)
        merged = self._merged(coded)
        matrix = to_bgr(layout, LEVELS if curve is not None else 1.0 if as_float else 255.0)
        if curve is not None:
            out = curve.seen_of(cv2.transform(merged.astype(np.uint16, copy=False), matrix), as_float=as_float)
        elif as_float:
            wide = self._scratch._array("host", "wide", merged.shape)
            np.copyto(wide, merged)
            out = cv2.transform(wide, matrix)
            np.clip(out, 0, 1, out=out)
        else:
            out = cv2.transform(merged, matrix)
            if layout.depth > 8:
                out = cv2.convertScaleAbs(out)
        return np.ascontiguousarray(np.rot90(out, self.rotation // 90)) if self.rotation else out

    def _merged(self, coded: Box) -> NDArray[Any]:
        """Code values of a coded region, chroma repeated to the luma's size: ``(h, w, planes without alpha)``."""
        planes, layout = self._pixels.planes, self._pixels.layout
        luma = planes[0][coded.y0 : coded.y1, coded.x0 : coded.x1]
        if layout.model == "grey":
            return np.ascontiguousarray(luma)
        parts = [luma]
        hull = chroma_hull(coded, layout.shift_x, layout.shift_y)
        for number, plane in enumerate(planes[1:3]):
            part = plane[hull.y0 : hull.y1, hull.x0 : hull.x1]
            if layout.shift_x or layout.shift_y:
                shape = (hull.height, 1 << layout.shift_y, hull.width, 1 << layout.shift_x)
                part = repeated(part, self._scratch._array("host", f"repeated {number}", shape, part.dtype.type))
                dx, dy = coded.x0 - (hull.x0 << layout.shift_x), coded.y0 - (hull.y0 << layout.shift_y)
                part = part[dy : dy + coded.height, dx : dx + coded.width]
            parts.append(part)
        merged = self._scratch._array("host", "merged", (*luma.shape, len(parts)), luma.dtype.type)
        cv2.merge([np.ascontiguousarray(part) for part in parts], dst=merged)
        return merged


class Frame(FrameView):
    """A frame a stage may edit while it stands in ``window.current``. The host owns it; nobody keeps one.

    ``trace`` notes where it was changed, and how much: upright float32 ``(height, width)`` in 0..1. None unless it was set.
    ``measures`` is what steps told of it by ``measure``: step, name and value.
    """

    _left = False
    _step = ""
    trace: NDArray[np.float32] | None = None
    measures: tuple[tuple[str, str, float], ...] = ()

    def measure(self, name: str, value: float) -> None:
        """A number about this frame for the report, which has count, mean, least and most of each name over the whole job.

        It counts where this frame is in the output and shows what was made of it: not in a warm-up, and not where the frame
        is left out or held. Steps of one name are told of together. Raises ``ValueError`` for one that is not finite.
        """
        self._check_here()
        number = float(value)
        if not np.isfinite(number):
            raise ValueError(f"the measure {name} is {number}, which is no number that a report could hold")
        self.measures += ((self._step, name, number),)

    def put(
        self,
        box: Box,
        bgr: NDArray[Any],
        alpha: NDArray[Any] | float | None = None,
        *,
        face_id: int | None = None,
    ) -> None:
        """Change a region: planes += alpha x (``bgr`` - what was there).

        ``bgr`` is ``(box.height, box.width, 3)`` of uint8 or float32 0..1, ``alpha`` float32 ``(box.height, box.width)`` in
        0..1 or one number. Luma outside ``box``, and chroma outside the box widened to whole chroma samples, keep their
        bits, and so does what is equal inside. ``box`` may reach over the edge. ``face_id`` notes whose face was changed.
        """
        self._check_here()
        if bgr.shape != (box.height, box.width, 3) or bgr.dtype not in (np.uint8, np.float32):
            raise ValueError(f"put needs uint8 or float32 of {(box.height, box.width, 3)}, not {bgr.dtype} {bgr.shape}")
        inside = box.clip(self.width, self.height)
        if inside.empty:
            return
        crop = (slice(inside.y0 - box.y0, inside.y1 - box.y0), slice(inside.x0 - box.x0, inside.x1 - box.x0))
        if isinstance(alpha, np.ndarray):
            if alpha.shape != bgr.shape[:2]:
                raise ValueError(f"alpha is {alpha.shape}, the region {bgr.shape[:2]}")
            alpha = alpha[crop]
        self._add(inside, *self._difference(inside, bgr[crop]), alpha)
        self._edits |= {(face_id, self._step)}
        if self.trace is not None:
            part = self.trace[inside.y0 : inside.y1, inside.x0 : inside.x1]
            part += (1 - part) * (1 if alpha is None else alpha)

    def _check_here(self) -> None:
        if self._left:
            raise RuntimeError(f"frame {self.index} has left this stage and can't be changed; nobody keeps a frame")

    def show(self, other: FrameView) -> None:
        """The host puts another frame's picture in place of this one's: the planes, while all else stays its own.

        Nothing of what steps did to this one is to be seen then, so nothing is told of it; but for which steps made it.
        """
        self._own()
        for mine, theirs in zip(self._pixels.planes, other._pixels.planes, strict=True):
            mine[...] = theirs
        self._cache, self._edits, self.measures = {}, frozenset((None, step) for step in other.changed_by()), ()

    def view(self) -> FrameView:
        """A handle on the picture as it is now; later changes of this frame are made on a copy until ``let_go(view)``."""
        self._pixels.share()
        view = self.on(self._pixels)
        view._cache = dict(self._cache)
        return view

    def on(self, pixels: Pixels, scratch: Scratch | None = None) -> FrameView:
        """A handle on other ``pixels`` of the same picture, such as a copy, with all else that belongs to this frame."""
        view = self._like(FrameView, pixels)
        view._edits, view._scratch = self._edits, scratch or view._scratch
        return view

    def sealed(self) -> Frame:
        """The frame with planes of its own, which nobody else has had: what is looked at now is what will be encoded."""
        twin = self.hand_on()
        twin._pixels = self._pixels.copy()
        return twin

    def fork(self) -> Frame:
        """A second frame of the same picture; whichever is changed first copies."""
        self._pixels.share()
        twin = self._twin()
        twin.trace = None if self.trace is None else self.trace.copy()
        return twin

    def hand_on(self) -> Frame:
        """The frame for the next stage. This one can't be changed any more: it may be screened by then, or encoded."""
        self._left = True
        return self._twin()

    def _twin(self) -> Frame:
        twin = self._like(Frame, self._pixels)
        twin._edits, twin.trace, twin.measures = self._edits, self.trace, self.measures
        return twin

    def _like(self, kind: type[_View], pixels: Pixels) -> _View:
        return kind(
            pixels,
            index=self.index,
            pts=self.pts,
            time_base=self.time_base,
            duration=self.duration,
            rotation=self.rotation,
            faces=self.faces,
        )

    def enter(self, scratch: Scratch, step: str = "") -> None:
        """The host hands the frame to a stage: its buffers are used, regions kept by the stage before are dropped."""
        self._scratch, self._step = scratch, step
        self._cache = {}

    @property
    def pixels(self) -> Pixels:
        """The planes, for encoders."""
        return self._pixels

    def _difference(self, box: Box, new: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The change of the coded picture's B, G, R, and what counts as 1 in it."""
        old, peak = self.bgr(box, new.dtype.type), 255.0 if new.dtype == np.uint8 else 1.0
        curve = curve_of(self._pixels.layout.transfer)
        if curve is not None:
            new, old, peak = curve.signal_of(new), curve.signal_of(old), 1.0
        d = self._scratch._array("host", "difference", new.shape)
        cv2.subtract(np.ascontiguousarray(new), old, dst=d, dtype=cv2.CV_32F)
        return self._coded(d), peak

    def _coded(self, upright: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.rot90(upright, -(self.rotation // 90))) if self.rotation else upright

    def _own(self) -> None:
        """Have pixels that nobody else sees, to be written."""
        if self._pixels.shared:
            mine = self._pixels.copy()
            self._pixels.release()
            self._pixels = mine
        self._pixels.make_writable()

    def _add(self, box: Box, d: NDArray[Any], peak: float, alpha: NDArray[Any] | float | None) -> None:
        self._own()
        pixels, layout = self._pixels, self._pixels.layout
        coded = box.to_coded(self.rotation, pixels.width, pixels.height)
        self._cache = {key: region for key, region in self._cache.items() if not _overlap(key[0], box)}
        rows = from_bgr(layout, peak)
        share = None
        if isinstance(alpha, np.ndarray):
            share = self._coded(np.ascontiguousarray(alpha, np.float32))
        elif alpha is not None:
            rows = rows * np.float32(alpha)
        hull = chroma_hull(coded, layout.shift_x, layout.shift_y)
        for number, row in enumerate(rows):
            # Plane by plane: splitting what a whole matrix gives takes longer than all the rest.
            delta = self._scratch._array("host", "moved", d.shape[:2])
            cv2.transform(d, row[None], dst=delta)
            if share is not None:
                cv2.multiply(delta, share, dst=delta)
            place = coded
            if number and (layout.shift_x or layout.shift_y):
                place = hull
                delta = shrink(delta, coded, hull, layout.shift_x, layout.shift_y, pixels.width, pixels.height)
            add_to(pixels.planes[number][place.y0 : place.y1, place.x0 : place.x1], delta, layout.peak)


def let_go(views: Sequence[FrameView]) -> None:
    """Give handles of ``Frame.view`` back: the frames may be changed in place again."""
    for view in views:
        view._pixels.release()


def _overlap(a: Box, b: Box) -> bool:
    return a.x0 < b.x1 + 1 and b.x0 - 1 < a.x1 and a.y0 < b.y1 + 1 and b.y0 - 1 < a.y1
