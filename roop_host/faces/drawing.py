"""Faces marked in pictures, for people: boxes, words, sheets. The words grow with the picture, so that they can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.types.geometry import Box

Picture = NDArray[np.uint8]
_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Height in pixels of this font's capitals at scale 1.
_CAPITAL = 22
#: B, G, R that differ for people with weak red or green too (Okabe and Ito, 2008), the brighter ones.
_COLOURS = ((233, 180, 86), (0, 159, 230), (115, 158, 0), (66, 228, 240), (167, 121, 204), (0, 94, 213), (178, 114, 0))
_DARK, _LIGHT, _PAPER = (24, 24, 24), (245, 245, 245), (38, 36, 34)
_CELL, _GAP, _ACROSS = 256, 16, 5
#: So many fit into any picture format, 6300 pixels each way, and are more than anybody looks through.
MOST_CELLS = 400


@dataclass(frozen=True, slots=True)
class Marked:
    """A face to mark: its box in pixels, and lines of words."""

    number: int
    box_xyxy: tuple[float, float, float, float]
    lines: tuple[str, ...] = ()


def colour_of(number: int) -> tuple[int, int, int]:
    """The colour of person ``number``, counted from 1."""
    return _COLOURS[(number - 1) % len(_COLOURS)]


def with_faces(bgr: Picture, faces: Sequence[Marked]) -> Picture:
    """A copy of uint8 ``(H, W, 3)`` with every face boxed and told."""
    out = np.ascontiguousarray(bgr).copy()
    height, width = out.shape[:2]
    thick = max(1, round(min(height, width) / 300))
    for face in faces:
        x0, y0, x1, y1 = (round(value) for value in face.box_xyxy)
        for colour, wide in ((_DARK, thick + 2), (colour_of(face.number), thick)):
            cv2.rectangle(out, (x0, y0), (x1, y1), colour, wide, cv2.LINE_AA)
    capital = _capital(height, width)
    taken: list[Box] = []
    for face in faces:
        label = _label(face.lines, capital, colour_of(face.number))
        place = _place(face, label.shape[1], label.shape[0], width, height, taken)
        taken.append(place)
        inside = place.clip(width, height)
        out[inside.y0 : inside.y1, inside.x0 : inside.x1] = label[: inside.height, : inside.width]
    return out


def sheet(cells: Sequence[tuple[Picture, Marked]]) -> Picture:
    """A contact sheet: each picture fitted into a square, its words under it. Of more than ``MOST_CELLS``, the first.

    Some stand in rows of five, many in a sheet that is about as wide as it is high.
    """
    made = [_cell(picture, marked) for picture, marked in cells[:MOST_CELLS]]
    tall = max((cell.shape[0] for cell in made), default=_CELL)
    square = math.ceil(math.sqrt(len(made) * (tall + _GAP) / (_CELL + _GAP)))
    across = max(1, min(len(made), max(_ACROSS, square)))
    down = -(-len(made) // across)
    out = np.full((_GAP + down * (tall + _GAP), _GAP + across * (_CELL + _GAP), 3), _PAPER, np.uint8)
    for place, cell in enumerate(made):
        x, y = _GAP + place % across * (_CELL + _GAP), _GAP + place // across * (tall + _GAP)
        out[y : y + cell.shape[0], x : x + _CELL] = cell
    return out


def side_by_side(pictures: Sequence[tuple[str, Picture]]) -> Picture:
    """Pictures of one size beside each other, each under a narrow strip with its name."""
    height, width = pictures[0][1].shape[:2]
    capital = max(9, min(28, round(height / 45), round(width / 30)))
    strip, gap = 3 * capital, max(2, round(width / 320))
    columns: list[Picture] = []
    for name, picture in pictures:
        head = np.full((strip, width, 3), _PAPER, np.uint8)
        _write(head, name, capital, 2 * capital, capital, _LIGHT)
        columns += [np.vstack([head, picture]), np.full((strip + height, gap, 3), _PAPER, np.uint8)]
    return np.hstack(columns[:-1])


def heat(bgr: Picture, mask: NDArray[np.float32]) -> Picture:
    """The picture in dark grey, with colour where it was changed: the warmer, the more. ``mask`` is ``(H, W)`` in 0..1."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    dim = cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=0.6), cv2.COLOR_GRAY2BGR)
    ys, xs = np.nonzero(mask.max(1))[0], np.nonzero(mask.max(0))[0]
    if not ys.size:
        return np.asarray(dim, np.uint8)
    part = (slice(int(ys[0]), int(ys[-1]) + 1), slice(int(xs[0]), int(xs[-1]) + 1))
    level = np.rint(mask[part] * 255).astype(np.uint8)
    warm = cv2.applyColorMap(level, cv2.COLORMAP_TURBO).astype(np.float32)
    share = (0.75 * np.minimum(1, mask[part] * 4))[..., None]
    dim[part] = np.rint(dim[part] + share * (warm - dim[part])).astype(np.uint8)
    return np.asarray(dim, np.uint8)


def _cell(picture: Picture, marked: Marked) -> Picture:
    height, width = picture.shape[:2]
    factor = _CELL / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    square = np.full((_CELL, _CELL, 3), _DARK, np.uint8)
    x, y = (_CELL - size[0]) // 2, (_CELL - size[1]) // 2
    square[y : y + size[1], x : x + size[0]] = fitted
    cv2.rectangle(square, (1, 1), (_CELL - 2, _CELL - 2), colour_of(marked.number), 3, cv2.LINE_AA)
    capital = 11
    words = np.full((capital * (2 * len(marked.lines) + 1), _CELL, 3), _PAPER, np.uint8)
    for row, line in enumerate(marked.lines):
        colour = colour_of(marked.number) if row == 0 else _LIGHT
        _write(words, line, 2, capital * (2 * row + 2), min(capital, _fitting(line, _CELL - 4)), colour)
    return np.vstack([square, words])


def _capital(height: int, width: int) -> int:
    """Height of capitals: a fiftieth of the picture, never less than can be read."""
    return max(8, round(min(height, width) / 50))


def _label(lines: Sequence[str], capital: int, colour: tuple[int, int, int]) -> Picture:
    """Words on a tag of the face's colour."""
    wide = max((_width(line, capital) for line in lines), default=0) + 2 * capital
    out = np.full((capital * (2 * len(lines) + 1), wide, 3), colour, np.uint8)
    for row, line in enumerate(lines):
        _write(out, line, capital, capital * (2 * row + 2), capital, _DARK)
    return out


def _place(face: Marked, wide: int, tall: int, width: int, height: int, taken: Sequence[Box]) -> Box:
    """Where the tag stands: under the box, above it, or at its inner edge; not over another where that can be."""
    x0, y0, x1, y1 = (round(value) for value in face.box_xyxy)
    places: list[tuple[int, int, int, Box]] = []
    for x, y in ((x0, y1), (x0, y0 - tall), (x1, y0), (x0 - wide, y0), (x0, y1 - tall), (x0, y0)):
        left, top = max(0, min(x, width - wide)), max(0, min(y, height - tall))
        box = Box(left, top, left + wide, top + tall)
        moved = abs(left - x) + abs(top - y)
        covered = sum(_shared(box, other) for other in taken)
        places.append((covered, moved, len(places), box))
    return min(places, key=lambda place: place[:3])[-1]


def _shared(one: Box, other: Box) -> int:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0, across) * max(0, down)


def _width(text: str, capital: int) -> int:
    return int(cv2.getTextSize(text, _FONT, capital / _CAPITAL, _thick(capital))[0][0])


def _fitting(text: str, wide: int) -> int:
    """The largest capitals with which the words are no wider."""
    return max(6, int(_CAPITAL * wide / max(1, _width(text, _CAPITAL))))


def _thick(capital: int) -> int:
    return max(1, round(capital / 9))


def _write(picture: Picture, text: str, x: int, y: int, capital: int, colour: tuple[int, int, int]) -> None:
    """This font has ASCII only; other letters become question marks."""
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, (x, y), _FONT, capital / _CAPITAL, colour, _thick(capital), cv2.LINE_AA)
