"""The sidecar ``frames-csv``: rows of numbers, each made of one frame alone."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from roop_host import Context, Face, FrameView, Sidecar

from roop_frames_csv.plugin import Options

#: What is known of a frame, in every row.
FRAME = ("frame", "time", "ticks", "per_second", "faces")
#: What is known of a face; empty where it is not known, and in the row of a frame without one.
FACE = (
    "id", "x0", "y0", "x1", "y1", "score", "chosen", "source", "similarity",
    "edited", "changed_by", "pitch", "yaw", "roll",
)  # fmt: skip
#: In place of these, where a row is a frame: how many of its faces.
COUNTS = ("chosen", "edited")
#: In the order of ``Face.landmarks_5``.
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
LANDMARKS = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
#: Finer than any clock of a container.
_DIGITS = 9


class FramesCsv(Sidecar):
    """Nothing is kept from one frame to the next, so a run that is continued writes the same bytes."""

    def setup(self, ctx: Context) -> None:
        """Keep the options."""
        self._options = ctx.options_as(Options)

    def head(self) -> bytes:
        """The names of the columns."""
        if self._options.rows == "frames":
            return _lines([(*FRAME, *COUNTS)])
        return _lines([(*FRAME, *FACE, *(LANDMARKS if self._options.landmarks else ()))])

    def piece(self, frame: FrameView) -> bytes:
        """The rows of a frame."""
        exact = (frame.pts * frame.time_base.numerator, frame.time_base.denominator)
        told = (str(frame.index), seconds(frame.time), *map(str, exact), str(len(frame.faces)))
        if self._options.rows == "frames":
            edited = sum(face.id in frame.edited for face in frame.faces)
            return _lines([(*told, str(sum(face.chosen for face in frame.faces)), str(edited))])
        rows = [(*told, *self._face(frame, face)) for face in frame.faces]
        columns = len(FACE) + (len(LANDMARKS) if self._options.landmarks else 0)
        return _lines(rows or [(*told, *[""] * columns)])

    def _face(self, frame: FrameView, face: Face) -> Iterator[str]:
        pitch, yaw, roll = face.pose_degrees or (None, None, None)
        yield str(face.id)
        yield from (number(side, 2) for side in face.box_xyxy)
        yield number(face.score, 4)
        yield str(int(face.chosen))
        yield "" if face.source is None else str(face.source)
        yield number(face.similarity, 4)
        yield str(int(face.id in frame.edited))
        yield " ".join(sorted(frame.changed_by(face.id)))
        yield number(pitch, 1)
        yield number(yaw if face.yaw_degrees is None else face.yaw_degrees, 1)
        yield number(roll, 1)
        if self._options.landmarks:
            yield from (number(float(place), 2) for point in face.landmarks_5 for place in point)


def seconds(time: Fraction) -> str:
    """``time`` as a decimal number, rounded once, and not by way of a float."""
    scaled = round(time * 10**_DIGITS)
    whole, part = divmod(abs(scaled), 10**_DIGITS)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{_DIGITS}}"


def number(value: float | None, digits: int) -> str:
    """``value`` with a point and so many digits behind it; empty for what is not known, or no number."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{round(float(value), digits) + 0.0:.{digits}f}"  # + 0.0: no -0.00


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    """As RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
