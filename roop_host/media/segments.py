"""Finished segments on disk: whole or not there."""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from roop_host.errors import OutputError
from roop_host.media.output import save_atomically

_MAGIC = b"ROOPSEG1"


@dataclass(frozen=True, slots=True)
class SegmentPackets:
    """One segment's packets in coded order as (pts, keyframe, data), and its frames' pts and durations as shown.

    ``left_out`` holds (pts, duration) of the target's frames that are not shown: the one before each stands for its time.

    ``origin`` is the moment of the source, in seconds, that is 0 in the output: with it, a frame's time is the source's.
    ``steady`` is False where times had to be repaired up to here: only decoding from the beginning gives the same again.
    ``side_data`` holds what a packet carries beside its data, such as VP9's alpha: (place in ``packets``, kind, bytes).
    ``tally`` is what the runner wants to know again when it continues after this segment: plain JSON data.
    """

    extradata: bytes
    frame_pts: tuple[int, ...]
    durations: tuple[int, ...]
    packets: tuple[tuple[int, bool, bytes], ...]
    left_out: tuple[tuple[int, int], ...] = ()
    origin: Fraction = Fraction(0)
    steady: bool = True
    side_data: tuple[tuple[int, str, bytes], ...] = ()
    tally: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target_pts(self) -> tuple[int, ...]:
        """Of all frames of the target that the segment was made of, in order."""
        return tuple(sorted((*self.frame_pts, *(pts for pts, _ in self.left_out))))


def segment_name(index: int) -> str:
    """File name of a segment in the work folder."""
    return f"segment-{index:06d}"


def piece_name(index: int, sidecar: str) -> str:
    """File name of what a sidecar made of a segment: it begins as the segment's, so that it is kept with it."""
    return f"{segment_name(index)}-{sidecar}"


def write_segment(folder: Path, index: int, segment: SegmentPackets) -> None:
    """Store a segment: a JSON header, then the packets' bytes."""
    header = json.dumps(
        {
            "extradata": segment.extradata.hex(),
            "pts": segment.frame_pts,
            "durations": segment.durations,
            "left_out": segment.left_out,
            "origin": str(segment.origin),
            "steady": segment.steady,
            "side_data": [(place, kind, data.hex()) for place, kind, data in segment.side_data],
            "tally": dict(segment.tally),
            "packets": [(pts, key, len(data)) for pts, key, data in segment.packets],
        }
    ).encode()
    parts = [_MAGIC, struct.pack(">Q", len(header)), header, *(data for _, _, data in segment.packets)]
    save_atomically(folder / segment_name(index), parts)


def read_times(path: Path) -> SegmentPackets:
    """All of a stored segment but its packets. Raises ``OutputError``."""
    with _opened(path) as (header, _):
        return SegmentPackets(
            bytes.fromhex(header["extradata"]),
            tuple(header["pts"]),
            tuple(header["durations"]),
            (),
            tuple((pts, duration) for pts, duration in header["left_out"]),
            Fraction(header["origin"]),
            header["steady"],
            tuple((place, kind, bytes.fromhex(data)) for place, kind, data in header["side_data"]),
            header["tally"],
        )


def shown_segments(paths: Sequence[Path]) -> Iterator[tuple[Path, SegmentPackets]]:
    """Stored segments that show a frame, as ``read_times`` gives them, with times for one following the other.

    The last frame of each stands until the first of the next, over all that was left out between. What was left out at
    the very beginning is made up for by the first frame: it is shown from there on, though its packet says otherwise.
    Raises ``OutputError``.
    """
    held: tuple[Path, SegmentPackets] | None = None
    begin: int | None = None
    over: int | None = None
    for path in paths:
        segment = read_times(path)
        begin = segment.target_pts[0] if begin is None else begin
        if segment.frame_pts:
            first = begin if held is None else segment.frame_pts[0]
            if held is not None:
                yield held[0], _lasting(held[1], first)
            held, over = (path, replace(segment, frame_pts=(first, *segment.frame_pts[1:]))), None
        if segment.left_out and held is not None and segment.left_out[-1][0] > held[1].frame_pts[-1]:
            over = sum(segment.left_out[-1])
    if held is not None:
        yield held[0], held[1] if over is None else _lasting(held[1], over)


def shown_ends(paths: Sequence[Path]) -> tuple[SegmentPackets, SegmentPackets]:
    """The first and the last of ``shown_segments``. Raises ``OutputError``."""
    shown = shown_segments(paths)
    _, first = next(shown)
    rest = deque(shown, maxlen=1)
    return first, rest[0][1] if rest else first


def shown_length(paths: Sequence[Path], time_base: Fraction) -> Fraction:
    """For how many seconds they show. Raises ``OutputError``."""
    first, last = shown_ends(paths)
    return (last.frame_pts[-1] + last.durations[-1] - first.frame_pts[0]) * time_base


def _lasting(segment: SegmentPackets, over: int) -> SegmentPackets:
    return replace(segment, durations=(*segment.durations[:-1], over - segment.frame_pts[-1]))


def stored_packets(path: Path) -> Iterator[tuple[int, bool, bytes]]:
    """A stored segment's packets as in ``SegmentPackets``, one in memory at a time. Raises ``OutputError``."""
    with _opened(path) as (header, file):
        for pts, key, length in header["packets"]:
            data = file.read(length)
            if len(data) != length:
                raise ValueError("it is cut off")
            yield pts, key, data


@contextmanager
def _opened(path: Path) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
    """The header, and the file where its packets begin."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("not a segment")
            (size,) = struct.unpack(">Q", file.read(8))
            yield json.loads(file.read(size)), file
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise OutputError(
            f"the unfinished work in {path.parent} is damaged ({error}); delete that folder and run again"
        ) from error
