"""What a network draws of a face is held on from frame to frame, as far as the face itself stays as it is.

A network draws each frame's noise anew, with more contrast; the mean of what it drew of some frames shows less of that.
Each is moved to where the face is now. Where the crop is not as it was, beyond its own noise, only the frame's own drawing
is shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.noise import noises_of
from roop_enhancer.tracks import Tracks
from roop_host import Scratch

#: Frames after which what was before them has no part in a result.
MEMORY = 4
#: Sides in pixels at which crops are compared: a quarter of theirs, between these.
_LEAST, _MOST = 128, 192
_WINDOW = 5  # pixels of that: what is compared is the mean over so many
#: Squared differences, by those that noise makes: up to the first nothing moves, from the second on something does.
_STILL, _MOVED = 2.0, 4.0
_FLOOR = 1.0  # levels: a difference of less is never movement
#: Of the middle of the crop: where less than the first is alike it is so by chance, and where more than the second is, not.
_CHANCE, _SURE = 0.1, 0.3
_STEPS = 2  # of the registration, which is for landmarks that tremble: those follow the head already
_STRAY = 20.0  # levels: what is farther off has moved by itself, a mouth say, and is not to draw all else with it
#: Slope in levels a pixel of which a crop must have so much that it is moved at all: of a blank one noise would be followed.
_PLAIN = 2.0
_Part = tuple[slice, slice]
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_AROUND = 4  # pixels beside what is seen: a crop that trembles shows a little of that in the next frame
_UNIT = 65535  # of what is kept: finer than any frame has it
_BAND = 1 << 16  # pixels that are worked on at once, for they stay in a processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class _Small:
    """A crop at the size of comparison, B, G, R in levels, and its grey, a little blurred."""

    bgr: NDArray[np.uint8]
    grey: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Of one frame: its crop, and what was drawn in this part of it, uint16; where it is known the fourth is ``_UNIT``."""

    small: _Small
    part: _Part
    bgra: NDArray[np.uint16]


#: Of an earlier frame: the matrix to its crop, and how much weight it has, ``(side, side)``.
_Weighed = tuple[_Drawn, NDArray[np.float64], NDArray[np.float32]]


class Steady:
    """One per step. ``amount`` in 0..0.9 is how much of the frame before is held on where nothing moves; 0 is nothing.

    Of several frames before each is held on as much, so of all of them together more. Of a face it keeps 32 bytes for each
    pixel of its crop that is shown, which is about half of them, and little besides: 4 to 5 MB of a crop of 512 pixels, some
    70 MB of one of 2048.
    """

    def __init__(self, amount: float) -> None:
        self._weight = amount / (1 - amount)
        self._tracks: Tracks[deque[_Drawn]] = Tracks(lambda: deque(maxlen=MEMORY))
        self._scratch = Scratch()

    def start(self) -> None:
        """A new segment."""
        self._tracks.start()

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
        before = self._tracks.of(face_id, index)
        part = _part(crop_bgr.shape[0], shown)
        now = _Drawn(_small(crop_bgr), part, _kept(made_bgr[part]))
        if before and now.bgra.size:
            self._hold(now.small, before, made_bgr, part)
        before.append(now)
        return made_bgr

    def _hold(self, now: _Small, before: deque[_Drawn], made: NDArray[np.float32], part: _Part) -> None:
        """This part of ``made`` becomes the mean of what was drawn, each frame by how much its crop is like that of now."""
        scale = made.shape[0] / now.grey.shape[0]
        compared = _Compared(now)
        parts: list[_Weighed] = []
        for past in before:
            matrix, alike = compared.with_(past.small)
            if alike is not None and past.bgra.size:
                alike *= np.float32(self._weight / _UNIT)
                parts.append((past, _enlarged(matrix, scale), alike))
        rows, columns = part
        high = max(1, _BAND // (columns.stop - columns.start))
        for top in range(rows.start, rows.stop, high) if parts else ():
            band = (slice(top, min(top + high, rows.stop)), columns)
            made[band] = self._mean(made[band], band, parts, scale)

    def _mean(self, own: NDArray[np.float32], band: _Part, parts: list[_Weighed], scale: float) -> NDArray[np.float32]:
        """Of a band of the crop; the fourth channel sums up the weights."""
        shape = own.shape[:2]
        shares = self._scratch.array("shares", (*shape, 4))
        share, moved = self._scratch.array("share", shape), self._scratch.array("moved", (*shape, 4), np.uint16)
        total = cv2.cvtColor(own, cv2.COLOR_BGR2BGRA, dst=self._scratch.array("total", (*shape, 4)))
        smaller = np.array([[1, 0, 0.5], [0, 1, 0.5]]) / scale - [[0, 0, 0.5], [0, 0, 0.5]]
        for past, matrix, alike in parts:
            _place(alike, smaller, band, (0, 0), share, cv2.BORDER_REPLICATE)
            cv2.merge([share] * 4, dst=shares)
            origin = (past.part[1].start, past.part[0].start)
            _place(past.bgra, matrix, band, origin, moved, cv2.BORDER_CONSTANT)
            cv2.multiply(moved, shares, dst=shares, dtype=cv2.CV_32F)
            cv2.add(total, shares, dst=total)
        cv2.merge([cv2.extractChannel(total, 3, dst=share)] * 4, dst=shares)
        return np.asarray(cv2.cvtColor(cv2.divide(total, shares, dst=total), cv2.COLOR_BGRA2BGR), np.float32)


def _small(crop_bgr: NDArray[np.uint8]) -> _Small:
    size = crop_bgr.shape[0]
    side = min(size, _MOST, max(_LEAST, size // 4))
    small = np.asarray(cv2.resize(crop_bgr, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return _Small(small, np.asarray(cv2.GaussianBlur(grey, (5, 5), 1.0), np.float32))


def _kept(bgr: NDArray[np.float32]) -> NDArray[np.uint16]:
    if not bgr.size:
        return np.zeros((0, 0, 4), np.uint16)
    # Three channels with a fourth are warped in half the time of three.
    out = np.empty((*bgr.shape[:2], 4), np.uint16)
    np.rint(cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA) * np.float32(_UNIT), out=out, casting="unsafe")
    return out


def _part(size: int, shown: NDArray[np.float32] | None) -> _Part:
    """Rows and columns of what is seen, and a little around it."""
    if shown is None:
        return slice(0, size), slice(0, size)
    x, y, width, height = cv2.boundingRect((shown > 0).view(np.uint8))
    if not width:
        return slice(0, 0), slice(0, 0)
    rows, columns = (slice(max(0, at - _AROUND), min(size, at + side + _AROUND)) for at, side in ((y, height), (x, width)))
    return rows, columns


class _Compared:
    """Earlier crops beside that of now."""

    def __init__(self, now: _Small) -> None:
        self._now, self._registration = now.bgr.astype(np.float32), _Registration(now.grey)
        # The mean square of the noise in levels, as the flat places have it.
        self._noise = float(np.square(noises_of(self._now)).mean())

    def with_(self, past: _Small) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        """``(2, 3)``, from this crop to that, and float32 ``(side, side)`` in 0..1: where both show the same; or None."""
        matrix = self._registration.matrix(past.grey)
        alike = self._alike(_moved(past.bgr.astype(np.float32), matrix))
        trust = min(1.0, (self._registration.in_the_middle(alike) - _CHANCE) / (_SURE - _CHANCE))
        return matrix, alike * np.float32(trust) if trust > 0 else None

    def _alike(self, past: NDArray[np.float32]) -> NDArray[np.float32]:
        off = cv2.subtract(self._now, past)
        cv2.multiply(off, off, dst=off)
        off = cv2.blur(cv2.transform(off, np.full((1, 3), 1 / 3, np.float32)), (_WINDOW, _WINDOW))
        # Without flat places what is measured as noise is more than that; and where most of the crop moves, the median is.
        expected = min(2 * self._noise, float(np.median(off[::2, ::2]))) + _FLOOR**2
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


def _place(
    picture: NDArray[Any], matrix: NDArray[np.float64], band: _Part, origin: tuple[int, int], out: NDArray[Any], border: int
) -> None:
    """``out``: of the picture moved by the matrix this band; the picture itself begins at ``origin``, x and y."""
    rows, columns = band
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (columns.start, rows.start) - origin
    cv2.warpAffine(picture, shifted, (out.shape[1], out.shape[0]), dst=out, flags=_FLAGS, borderMode=border)


def _enlarged(matrix: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The same movement among pixels so much smaller, which are counted from their middles."""
    moved = matrix.copy()
    middle = np.full(2, 0.5 * factor - 0.5)
    moved[:, 2] = factor * matrix[:, 2] + middle - matrix[:, :2] @ middle
    return moved
