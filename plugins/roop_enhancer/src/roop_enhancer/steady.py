"""What a network draws of a face is held on from frame to frame, as far as the face itself stays as it is.

A network draws each frame's noise anew, with more contrast; the mean of what it drew of some frames shows less of that.
Each is moved to where the face is now. Where the crop is not as it was, beyond its own noise, only the frame's own drawing
is shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.noise import noises_of
from roop_host import Scratch

#: Frames after which what was before them has no part in a result.
MEMORY = 4
#: Sides in pixels at which crops are compared: a quarter of theirs, between these.
_LEAST, _MOST = 128, 256
_WINDOW = 5  # pixels of that: what is compared is the mean over so many
#: Squared differences, by those that noise makes: up to the first nothing moves, from the second on something does.
_STILL, _MOVED = 2.0, 4.0
_FLOOR = 1.0  # levels: a difference of less is never movement
#: Of the middle of the crop: where less than the first is alike it is so by chance, and where more than the second is, not.
_CHANCE, _SURE = 0.1, 0.3
_STEPS = 3  # of the registration, which is for landmarks that tremble: those follow the head already
_STRAY = 20.0  # levels: what is farther off has moved by itself, a mouth say, and is not to draw all else with it
#: Slope in levels a pixel of which a crop must have so much that it is moved at all: of a blank one noise would be followed.
_PLAIN = 2.0
_Part = tuple[slice, slice]
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A frame's crop at the size of comparison, B, G, R in levels, its grey, and what was drawn, with an empty fourth."""

    small: NDArray[np.float32]
    grey: NDArray[np.float32]
    bgra: NDArray[np.float32]


@dataclass(slots=True)
class _Track:
    index: int
    drawn: deque[_Drawn] = field(default_factory=deque)
    spare: NDArray[np.float32] | None = None


class Steady:
    """One per step. ``amount`` in 0..0.9 is how much of the frame before is held on where nothing moves; 0 is nothing.

    Of several frames before each is held on as much, so of all of them together more.
    """

    def __init__(self, amount: float) -> None:
        self._weight = amount / (1 - amount)
        self._tracks: dict[int, _Track] = {}
        self._scratch = Scratch()

    def start(self) -> None:
        """A new segment."""
        self._tracks = {}

    def step(
        self,
        face_id: int,
        index: int,
        crop_bgr: NDArray[np.uint8],
        made_bgr: NDArray[np.float32],
        shown: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """``made_bgr``, float32 ``(s, s, 3)`` in 0..1 of this crop, steadied by the same face in the frames before.

        It is changed in place, and given back. Called once for each face of a frame, in the order of frames, whose number is
        ``index``. Where ``shown`` ``(s, s)`` is 0 the result will not be seen, and need not be steady.
        """
        if not self._weight:
            return made_bgr
        track = self._track(face_id, index)
        now = _drawn(crop_bgr, made_bgr, track.spare)
        part = _part(now, shown)
        if track.drawn and made_bgr[part].size:
            made_bgr[part] = self._held(now, track.drawn, part)[..., :3]
        track.drawn.append(now)
        track.spare = track.drawn.popleft().bgra if len(track.drawn) > MEMORY else None
        return made_bgr

    def _track(self, face_id: int, index: int) -> _Track:
        """What is known of this face; nothing where the frame before did not show it. Who is gone is forgotten."""
        self._tracks = {one: track for one, track in self._tracks.items() if index - 1 <= track.index <= index}
        track = self._tracks.get(face_id)
        if track is None or track.index != index - 1:
            track = self._tracks[face_id] = _Track(index)
        track.index = index
        return track

    def _held(self, now: _Drawn, before: deque[_Drawn], part: _Part) -> NDArray[np.float32]:
        """Of this part the mean of what was drawn, each frame with as much weight as its crop is like that of now."""
        size, scale = now.bgra.shape[0], now.bgra.shape[0] / now.small.shape[0]
        registration, noise = _Registration(now.grey), _noise(now.small)
        total = now.bgra[part]
        shape = total.shape[:2]
        mean, drawn = self._scratch.array("mean", (*shape, 4)), self._scratch.array("drawn", (*shape, 4))
        share, weight = self._scratch.array("share", (size, size)), self._scratch.array("weight", shape)
        weight.fill(1)
        for past in reversed(before):
            matrix = registration.matrix(past.grey)
            alike = _alike(now.small, _moved(past.small, matrix), noise)
            trust = min(1.0, (registration.in_the_middle(alike) - _CHANCE) / (_SURE - _CHANCE))
            if trust <= 0:
                continue
            cv2.resize(alike * np.float32(trust * self._weight), (size, size), dst=share, interpolation=cv2.INTER_LINEAR)
            _place(past.bgra, _enlarged(matrix, scale), part, drawn)
            cv2.blendLinear(total, drawn, weight, share[part], dst=mean)
            cv2.add(weight, share[part], dst=weight)
            total = mean
        return np.asarray(total, np.float32)


def _drawn(crop_bgr: NDArray[np.uint8], made_bgr: NDArray[np.float32], spare: NDArray[np.float32] | None) -> _Drawn:
    """``spare`` is an array that is not needed any more: fresh ones of that size cost as much as what is put into them."""
    size = crop_bgr.shape[0]
    side = min(size, _MOST, max(_LEAST, size // 4))
    small = cv2.resize(crop_bgr, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (5, 5), 1.0)
    # Three channels with an empty fourth are warped in half the time of three.
    bgra = cv2.cvtColor(made_bgr, cv2.COLOR_BGR2BGRA, dst=spare)
    return _Drawn(small, np.asarray(grey, np.float32), np.asarray(bgra, np.float32))


def _part(now: _Drawn, shown: NDArray[np.float32] | None) -> _Part:
    """Rows and columns of what is seen."""
    if shown is None:
        return slice(0, now.bgra.shape[0]), slice(0, now.bgra.shape[1])
    x, y, width, height = cv2.boundingRect((shown > 0).view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def _noise(small: NDArray[np.float32]) -> float:
    """The mean square over the channels of the noise in levels, as the flat places of the crop have it."""
    return float(np.square(noises_of(small)).mean())


def _alike(now: NDArray[np.float32], past: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """Float32 ``(side, side)`` in 0..1: where two crops show the same."""
    off = cv2.subtract(now, past)
    cv2.multiply(off, off, dst=off)
    off = cv2.blur(cv2.transform(off, np.full((1, 3), 1 / 3, np.float32)), (_WINDOW, _WINDOW))
    # In a crop without flat places what is measured as noise is more than that; and where most of it moves, the median is.
    expected = min(2 * noise, float(np.median(off[::2, ::2]))) + _FLOOR**2
    return np.asarray(np.clip((_MOVED - off / np.float32(expected)) / (_MOVED - _STILL), 0, 1), np.float32)


class _Registration:
    """How earlier crops lie against one: turn, scale and shift, by least squares over the middle (Baker and Matthews 2004).

    ``grey`` is float32 ``(side, side)`` in levels, a little blurred.
    """

    def __init__(self, grey: NDArray[np.float32]) -> None:
        self._grey, self._middle = grey, (grey.shape[0] - 1) / 2
        y, x = (np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32) - self._middle) / np.float32(self._middle)
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *which, scale=1 / 8) for which in ((1, 0), (0, 1)))
        slopes = np.stack([across, down, across * x + down * y, down * x - across * y]).reshape(4, -1)
        window = np.exp(-2 * (x * x + y * y)).reshape(-1)
        self._window = np.asarray(window / window.sum(), np.float32)
        self._slopes = np.asarray(slopes * window, np.float32)
        least = _PLAIN**2 * float(window.sum())
        self._inverse = np.linalg.inv((self._slopes @ slopes.T).astype(np.float64) + least * np.eye(4))

    def in_the_middle(self, alike: NDArray[np.float32]) -> float:
        """The mean of a plane of that size, by the weight that its places have here."""
        return float(self._window @ alike.reshape(-1))

    def matrix(self, grey: NDArray[np.float32]) -> NDArray[np.float64]:
        """``(2, 3)``, from this crop to an earlier one, whose ``grey`` is given."""
        found, middle = np.eye(3), self._middle
        for _ in range(_STEPS):
            off = np.clip(_moved(grey, found[:2]) - self._grey, -_STRAY, _STRAY)
            x, y, scale, turn = self._inverse @ (self._slopes @ off.reshape(-1)).astype(np.float64)
            a, b = 1 + scale / middle, turn / middle
            step = np.array([[a, -b, x - scale + turn], [b, a, y - scale - turn], [0, 0, 1]])
            found = found @ np.linalg.inv(step)
        return found[:2]


def _moved(picture: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=_FLAGS, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _place(picture: NDArray[np.float32], matrix: NDArray[np.float64], part: _Part, out: NDArray[np.float32]) -> None:
    """``out``: of ``_moved`` this part."""
    rows, columns = part
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (columns.start, rows.start)
    size = (out.shape[1], out.shape[0])
    cv2.warpAffine(picture, shifted, size, dst=out, flags=_FLAGS, borderMode=cv2.BORDER_REPLICATE)


def _enlarged(matrix: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The same movement among pixels so much smaller, which are counted from their middles."""
    moved = matrix.copy()
    middle = np.full(2, 0.5 * factor - 0.5)
    moved[:, 2] = factor * matrix[:, 2] + middle - matrix[:, :2] @ middle
    return moved
