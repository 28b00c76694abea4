"""What is to be done to a face: from what was seen of it and around it, steady over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from roop_enhancer.blocks import NONE, Blocks
from roop_enhancer.sharpness import Looks

#: Frames, this one and those before it, by which a face is judged. Every second one is looked at, by its number, so that a
#: run that begins at a later segment looks at the same.
WINDOW, _EVERY = 5, 2  # with those that are held on, less than the step's warm-up has
#: A face's own edges, lids and lips, may be softer than what is around it in the same focus: one that a step has changed,
#: and one that is as it was taken, since make-up, light and depth make some softer on purpose.
_SOFTER, _SOFTER_UNTOUCHED = 1.05, 1.25
_SHARP = 0.75  # pixels: no edge has to be narrower
_USUAL = 1.0  # pixels: how sharp a face should be where there is nothing to compare it with
_CLEAR = 1.2  # pixels: an untouched face whose edges are narrower is clear, whatever is around it
_SURE, _UNSURE = 0.85, 0.5  # shares of the gap that are closed, with and without something to compare
#: The most blur that is taken back, in pixels and of the face's width: of more, only ringing would come back.
_MOST, _MOST_OF_WIDTH = 3.0, 1 / 20
_FULL = 1.5  # pixels of blur from which all of the contrast is given
#: A face's noise may be so many times that of its surroundings, and more by so many grey levels: skin has pores, and
#: cameras and codecs smooth a wall more than a face.
_ROUGHER, _PORES = 1.5, 1.5
_USUAL_NOISE = 1.0  # grey levels, where nothing flat is around


@dataclass(frozen=True, slots=True)
class Seen:
    """Blur in pixels and noise in grey levels of a face, and around it. None is what could not be told. ``blocks`` are
    those of a codec in the face."""

    blur: float | None
    noise: float | None
    blur_around: float | None
    noise_around: float | None
    blocks: Blocks = NONE

    @classmethod
    def of(cls, face: Looks, around: Looks, step: int, blocks: Blocks = NONE) -> Seen:
        """``step`` is how many pixels of the picture across one of what was looked at is the mean of."""
        wide, narrow = (None if looks.blur is None else looks.blur * step for looks in (face, around))
        # White noise is weaker by the step in means over its square.
        rough, rough_around = (None if looks.noise is None else looks.noise * step for looks in (face, around))
        return cls(wide, rough, narrow, rough_around, blocks)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Blur to be taken back, in pixels; noise that is there, in grey levels, and its share that stays; contrast, 0..1;
    a codec's blocks that are there."""

    blur: float
    noise: float
    grain: float
    contrast: float
    blocks: Blocks = NONE


class Clarity:
    """One per step. ``steady`` in 0..0.9 is the weight of a frame against the one after it, ``grain`` in 0..1 how much of
    the surroundings' noise a noisy face may keep."""

    def __init__(self, steady: float, grain: float) -> None:
        self._steady, self._grain = steady, grain
        self._seen: dict[int, list[tuple[int, Seen]]] = {}
        self._last: dict[int, int] = {}

    def start(self) -> None:
        """A new segment."""
        self._seen, self._last = {}, {}

    def step(self, face_id: int, index: int, look: Callable[[], Seen], width: int, *, changed: bool) -> Amounts:
        """For a face ``width`` pixels wide in frame number ``index``; called once for each face, in the order of frames.

        ``changed`` is whether a step before has changed it, and ``look`` is called where the face is to be looked at.
        """
        recent = [one for one in self._seen.get(face_id, []) if one[0] > index - WINDOW]
        if index % _EVERY == 0 or self._last.get(face_id) != index - 1:
            recent.append((index, look()))
        self._seen[face_id], self._last[face_id] = recent, index
        self._forget(index)
        return self._amounts(self._mean(face_id), width, changed)

    def _forget(self, index: int) -> None:
        for face_id, last in list(self._last.items()):
            if last <= index - WINDOW:
                del self._seen[face_id], self._last[face_id]

    def _mean(self, face_id: int) -> Seen:
        def mean(of: Callable[[Seen], float | None]) -> float | None:
            values = ((at, of(seen)) for at, seen in self._seen[face_id])
            known = [(self._steady ** (latest - at), value) for at, value in values if value is not None]
            total = sum(weight for weight, _ in known)
            return sum(weight * value for weight, value in known) / total if total > 0 else None

        latest, last = self._seen[face_id][-1]
        blocks = replace(last.blocks, step=mean(lambda seen: seen.blocks.step) or 0.0)
        return Seen(
            mean(lambda seen: seen.blur),
            mean(lambda seen: seen.noise),
            mean(lambda seen: seen.blur_around),
            mean(lambda seen: seen.noise_around),
            blocks,
        )

    def _amounts(self, seen: Seen, width: int, changed: bool) -> Amounts:
        blur, noise = _gap(seen, width, changed), seen.noise or 0.0
        around = _USUAL_NOISE if seen.noise_around is None else seen.noise_around
        allowed = self._grain * _ROUGHER * around + _PORES
        return Amounts(blur, noise, min(1.0, allowed / max(noise, 1e-6)), min(1.0, blur / _FULL), seen.blocks)


def _gap(seen: Seen, width: int, changed: bool) -> float:
    """Variances of blurs add up: the face's is the frame's, and what is to be taken back.

    A face that no step has changed is not to fit its frame alone: somebody asks for it to be clearer.
    """
    if seen.blur is None:
        return 0.0
    if seen.blur_around is None:
        aims = [(_UNSURE, _USUAL)]
    else:
        aims = [(_SURE, (_SOFTER if changed else _SOFTER_UNTOUCHED) * max(seen.blur_around, _SHARP))]
    if not changed:
        aims.append((_UNSURE, _CLEAR))
    gap = max(float(np.sqrt(share * max(0.0, seen.blur**2 - wanted**2))) for share, wanted in aims)
    return min(gap, _MOST, _MOST_OF_WIDTH * width)
