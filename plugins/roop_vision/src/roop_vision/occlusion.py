"""What stands before a face, told without a network: what is unlike the face's own skin, and no part of a face.

It learns each person's skin colour from cheeks and nose, and looks for large patches inside the outline that differ from it
in more than light and shade: hair over the forehead, a microphone, food, a sleeve. What it can't see is what looks like
skin: a bare hand is taken for the face itself where its colour is the face's, which asks for a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision.masks import smooth_step
from roop_vision.parts import Parts
from roop_vision.places import GRID, Places, places_of
from roop_vision.track import AWAY

# A colour is L of 0..255, and a and b over L + _DARK: light and shade leave these two alone, so that a shadow stays skin.
_DARK = 40.0
#: Bounds of the spread of skin: a narrower model would cut into blush and stubble, a wider one take hair for skin.
_LEAST = np.array([13.0, 0.022, 0.026], np.float32)
_MOST = np.array([22.0, 0.034, 0.038], np.float32)
_LEARN = 0.1  # share of a new frame in the colour
_AGREE = 0.4  # of cheeks and nose that must still look like the colour known: or they are covered, and nothing is learnt
_REACH = 10.0  # brightness is judged against the skin that near
_DARKER, _BRIGHTER = 0.75, 0.45  # a highlight is skin more often than a dark spot is
_SHADE = 0.65  # of darkness in whether a cell tells what light falls there: dark hair must not pass for a shadow
_REDDER = 0.3  # of a redder colour in the shade: light comes through skin
_SAME_HUE = 3.5  # least spreads of a and b: what differs by more has another hue than skin
_START, _FULL = 2.6, 4.6  # deviations from which something may be no skin, and at which it surely is not
_ENTER, _STAY = 0.6, 0.35  # evidence to begin to count as before the face, and to go on
_OPEN = 3  # what is thinner is a wrinkle, a rim of glasses, or a strand
_RIM = 2.0  # how far inside the outline something still counts as coming from without
_ENOUGH = 400  # cells for a median
_SMALL, _LARGE = 24, 110  # least cells of what comes over the outline, and of what lies inside alone
_BESIDE, _ACROSS = 9, 29  # how far parts may be covered beyond what covers the skin: by anything odd, by the same colour
_WHOLE_EYE = 0.6  # of an eye that must have the colour of what is before it: an iris may look like a dark fringe
_VIVID, _GREY = 5.0, 0.06  # a hue so far from skin's, in least spreads, and no grey, is none of a face's
_OVER = 9  # how far what comes over the outline is followed outside of it, where a mask still shows some, doubled
_NEW = 0.7  # share of a new frame in what is steady: with less, the mask trails what moves, and is no steadier
_BEARD, _SEEN = 0.2, 10  # of each jaw and the chin that is dark, and how many frames decide on it
_SHUT_IN = 0.6  # of the lips that are as dark: a beard leaves them bare, a scarf doesn't


@dataclass(slots=True, eq=False)
class _Track:
    """What is known of one person: mean and spread of the skin's colour, how bearded, and what was before the face last."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    covered: NDArray[np.float32]
    beard: float = 0.0
    seen: int = 0
    fresh: bool = True
    at: int = 0


class SkinOccluder:
    """Follows what stands before each face. ``start`` forgets everything; ``at`` who is long gone."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._index = 0

    def start(self) -> None:
        self._tracks = {}

    def at(self, index: int, ids: set[int]) -> None:
        """A frame of this number with these people. Who was away is known still, but not what stood before them."""
        for key in ids & self._tracks.keys():
            track = self._tracks[key]
            if index - track.at > 1:
                track.covered, track.fresh = np.zeros((GRID, GRID), np.float32), True
            track.at = index
        self._index = index
        self._tracks = {key: track for key, track in self._tracks.items() if index - track.at <= AWAY}

    def covered(self, track_id: int, crop_bgr: NDArray[np.uint8], parts: Parts) -> NDArray[np.float32]:
        """Float32 ``(GRID, GRID)`` in 0..1: what of the face is covered by something.

        ``crop_bgr`` is uint8 B, G, R ``(GRID, GRID, 3)``, ``parts`` lie in it. To be called once for each frame of a track.
        """
        places, colours = places_of(parts), _colours(crop_bgr)
        track = self._learnt(track_id, colours, places)
        if track is None:
            return np.zeros((GRID, GRID), np.float32)
        odd = _oddness(colours, track, places)
        evidence = smooth_step((odd - _START) / (_FULL - _START))
        evidence = _without_beard(evidence, colours, track, places)
        now = _patches(evidence, odd, colours, track, places)
        track.covered = now if track.fresh else track.covered + np.float32(_NEW) * (now - track.covered)
        track.fresh = False
        # A cell that is mixed of both counts as covered, or a rim of the swapped face would lie on what is before it.
        return smooth_step(1.5 * track.covered - 0.15)

    def _learnt(self, track_id: int, colours: NDArray[np.float32], places: Places) -> _Track | None:
        """The track with the colour that its skin has now; None where there is none to learn from."""
        track = self._tracks.get(track_id)
        cells = colours[places.cheeks > 0]
        if len(cells) < 20:
            return track
        if track is None:
            mean, spread = _first(colours, places)
            track = self._tracks[track_id] = _Track(mean, spread, np.zeros((GRID, GRID), np.float32), at=self._index)
            return track
        if (np.abs(cells - track.mean) < 2 * track.spread + _LEAST).all(1).mean() > _AGREE:
            mean, spread = _middle(_of_hue(colours[places.skin > 0][::4], track.mean))
            track.mean = track.mean + np.float32(_LEARN) * (mean - track.mean)
            track.spread = track.spread + np.float32(_LEARN) * (spread - track.spread)
        return track


def _first(colours: NDArray[np.float32], places: Places) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour and spread where nothing is known yet: of cheeks, nose or the whole face what most of the face looks like.

    Any of them may be covered when a track begins.
    """
    skin = colours[places.skin > 0]
    count, labels = cv2.connectedComponents(places.cheeks)
    parts = [skin, *(colours[labels == one] for one in range(1, count))]
    best, most = skin[:1], -1.0
    for part in parts:
        mean = _median(part)
        for _ in range(3):  # to the middle of what is alike: between two colours a median is neither
            alike = (np.abs(skin - mean) < 2 * _LEAST).all(1)
            if not alike.any():
                break
            mean = _median(skin[alike])
        if alike.sum() > most:
            most, best = float(alike.sum()), _of_hue(skin, mean)
    return _middle(best)


def _of_hue(cells: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cells that have this hue in any light: light and shade of a face differ in the first number."""
    alike = (np.abs(cells[:, 1:] - mean[1:]) < _SAME_HUE * _LEAST[1:]).all(1)
    return np.asarray(cells[alike], np.float32)


def _middle(cells: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour and spread of skin by medians: a few hairs or a spot of light don't move them."""
    mean = _median(cells)
    spread = 1.4826 * _median(np.abs(cells - mean))
    return mean, np.clip(spread, _LEAST, _MOST).astype(np.float32)


def _median(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(3,)`` of ``(n, 3)``; of so many cells the upper one will do, which takes a fraction of NumPy's median."""
    some = cells[:: 1 + len(cells) // _ENOUGH]
    middle = len(some) // 2
    return np.asarray(np.partition(some, middle, axis=0)[middle], np.float32)


def _between(colours: NDArray[np.float32], low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.uint8]:
    """uint8, 255 where all three numbers lie between these."""
    return np.asarray(cv2.inRange(colours, low.astype(np.float64), high.astype(np.float64)), np.uint8)


def _colours(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    lab = cv2.cvtColor(cv2.blur(bgr, (3, 3)), cv2.COLOR_BGR2Lab)
    light, a, b = (plane.astype(np.float32) for plane in cv2.split(lab))
    share = 1 / (light + np.float32(_DARK))
    return np.asarray(cv2.merge([light, (a - 128) * share, (b - 128) * share]), np.float32)


def _oddness(colours: NDArray[np.float32], track: _Track, places: Places) -> NDArray[np.float32]:
    """How many deviations each cell is from skin in the light that falls there."""
    light, red, yellow = cv2.split((colours - track.mean) / track.spread)
    red = np.where((light < 0) & (red > 0), red * np.float32(_REDDER), red)
    chroma = cv2.magnitude(red, yellow)
    rough = smooth_step((3.5 - cv2.magnitude(chroma, light * np.float32(_SHADE))) / 1.5)
    rough *= places.skin > 0
    # The light is smooth, and found on a coarser grid.
    both = cv2.resize(cv2.merge([rough, rough * light]), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(both, (0, 0), _REACH / 4), (GRID, GRID), interpolation=cv2.INTER_LINEAR)
    light = light - soft[..., 1] / (soft[..., 0] + np.float32(0.05))
    light = np.where(light < 0, light * np.float32(_DARKER), light * np.float32(_BRIGHTER))
    return np.asarray(cv2.magnitude(chroma, light), np.float32)


def _without_beard(
    evidence: NDArray[np.float32], colours: NDArray[np.float32], track: _Track, places: Places
) -> NDArray[np.float32]:
    """Evidence without a beard: dark on both jaws and the chin when a track begins; what is unlike it stays evidence."""
    darkest = np.array([track.mean[0] - 2 * track.spread[0], 1, 1])
    dark = _between(colours, np.array([0, -_GREY, -_GREY]), darkest) & places.below
    if track.seen < _SEEN:
        shares = [cv2.countNonZero(dark & jaw) / max(1, cv2.countNonZero(jaw)) for jaw in places.jaws]
        mouth = _between(colours, np.array([0, -_GREY, -_GREY]), darkest) & places.mouth
        bearded = cv2.countNonZero(mouth) < _SHUT_IN * cv2.countNonZero(places.mouth)
        track.beard += ((min(shares) if bearded else 0.0) - track.beard) / (track.seen + 1)
        track.seen += 1
    if track.beard < _BEARD or cv2.countNonZero(dark) < 20:
        return evidence
    beard = colours[dark > 0]
    mean = _median(beard)
    alike = smooth_step((3.5 - np.abs((colours - mean) / (2 * _LEAST)).max(2)) / 1.5) * (places.below > 0)
    return evidence * (1 - alike)


def _patches(
    evidence: NDArray[np.float32],
    odd: NDArray[np.float32],
    colours: NDArray[np.float32],
    track: _Track,
    places: Places,
) -> NDArray[np.float32]:
    """The patches that are large enough, with what they cover of parts of the face; soft by a cell."""
    some = _where(evidence > _STAY)
    least = np.where(track.covered > 0.5, np.float32(_STAY), np.float32(_ENTER))
    pieces = _pieces(_where(evidence > least) & places.skin, some & ~places.outline, colours, places)
    if not pieces:
        return np.zeros(evidence.shape, np.float32)
    covered = _reach(np.bitwise_or.reduce([_where(piece) for piece in pieces]), _OPEN) & some & places.skin
    for piece in pieces:
        covered |= _across(piece, colours, track, places)
    covered |= _reach(covered, _BESIDE) & places.part & _where(odd > _START)
    covered |= _reach(covered, _OVER) & some & ~places.outline
    closed = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, np.ones((_OPEN, _OPEN), np.uint8))
    return np.asarray(cv2.blur(closed, (3, 3)), np.float32) / np.float32(255)


def _pieces(
    sure: NDArray[np.uint8], beyond: NDArray[np.uint8], colours: NDArray[np.float32], places: Places
) -> list[NDArray[np.bool_]]:
    """Patches of ``sure`` that are thick, and large or come from ``beyond`` the outline."""
    if cv2.countNonZero(sure) < _SMALL:
        return []
    # What lies beyond counts too, or the edge of a patch that comes from there would be rounded off.
    opened = cv2.morphologyEx(sure | beyond, cv2.MORPH_OPEN, np.ones((_OPEN, _OPEN), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(opened, np.uint8) & sure, connectivity=8)
    inside = cv2.distanceTransform(places.outline, cv2.DIST_L2, 3)
    from_without = np.bincount(labels[inside < _RIM], minlength=count) > 0
    area = stats[:, cv2.CC_STAT_AREA]
    patches = {one: labels == one for one in range(1, count) if area[one] >= _SMALL}
    means = {one: _median(colours[patch]) for one, patch in patches.items()}
    kept = [one for one in patches if from_without[one] or area[one] >= _LARGE]
    # What an eye or a lip cuts in pieces has one colour.
    kept += [
        one
        for one in patches
        if one not in kept and any((np.abs(means[one] - means[other]) < 2 * _LEAST).all() for other in kept)
    ]
    return [patches[one] for one in kept]


def _across(patch: NDArray[np.bool_], colours: NDArray[np.float32], track: _Track, places: Places) -> NDArray[np.uint8]:
    """Of the parts of the face nearby what has the patch's own colour."""
    near = _reach(_where(patch), _ACROSS) & places.part
    if not near.any():
        return near
    mean, spread = _middle(colours[patch])
    alike = _between(colours, mean - 2 * spread, mean + 2 * spread) & near
    # Brows, irises and open mouths may look like dark hair, and lips like red cloth; nothing in a face is blue or green.
    off = (mean - track.mean) / _LEAST
    vivid = (off[1] < -_VIVID or abs(off[2]) > _VIVID) and float(np.hypot(*mean[1:])) > _GREY
    able = places.part if vivid else places.lower
    joined = cv2.connectedComponents((alike & able) | _where(patch), connectivity=8)[1]
    touched = np.bincount(joined[patch], minlength=int(joined.max()) + 1) > 0
    found = _where(touched[joined]) & near & able
    for eye in places.eyes:
        if cv2.countNonZero(alike & eye) > _WHOLE_EYE * max(1, cv2.countNonZero(eye)):
            found |= near & eye
    return found


def _where(holds: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return holds.astype(np.uint8) * np.uint8(255)


def _reach(mask: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(mask, np.ones((size, size), np.uint8)), np.uint8)
