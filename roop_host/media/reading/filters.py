"""Full frames out of interlaced ones, and other sizes: what is done to a picture before anything looks at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import av

from roop_host.media.av_pixels import graph_for
from roop_host.media.info import Colour
from roop_host.media.pixel_formats import FULL_RANGE, keeps_all
from roop_host.media.reading.course import Shot

#: Planar formats for which FFmpeg's bwdif converts to another first (found by trying all of them).
_BWDIF_LACKS = frozenset(
    {"gray10le", "gray12le", "gray14le", "yuv440p10le", "yuv440p12le"}
    | {"yuva444p12le", "gbrap10le", "gbrap12le", "gbrap14le"}
)
# Lanczos with all its care: what the face networks see and what goes out is this picture.
_SCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"


def deinterlaces(pix_fmt: str) -> bool:
    """Whether frames of a planar format can be made full without loss of what it carries."""
    return pix_fmt not in _BWDIF_LACKS


def planar(picture: av.VideoFrame, wanted: str, colour: Colour) -> av.VideoFrame | None:
    """The picture in the planar format ``wanted``, code values unchanged; None where that would lose something.

    It is the same object where it has that format already.
    """
    name = picture.format.name
    if name == wanted:
        return picture
    if not keeps_all(wanted, name):
        return None
    # Both ranges are told, or swscale would make limited of what is full.
    kept = FULL_RANGE if name.startswith("yuvj") else colour.range or None
    return picture.reformat(format=wanted, src_color_range=kept, dst_color_range=kept)


class Deinterlacer:
    """FFmpeg's bwdif, a full frame for each frame: it looks at the one before and the one after.

    With ``every`` also frames that don't say they are interlaced, their upper field taken as the first.
    """

    def __init__(self, *, every: bool) -> None:
        self._arguments = f"mode=send_frame:deint={'all' if every else 'interlaced'}"

    def shots(self, shots: Iterable[Shot[av.VideoFrame]]) -> Iterator[Shot[av.VideoFrame]]:
        """The same shots with full pictures. The first of ``shots`` had none before it: if others were, it is ``alone``."""
        graph: Any = None
        waiting: deque[Shot[av.VideoFrame]] = deque()
        for shot in shots:
            if graph is None:
                graph = graph_for(shot.what, ("bwdif", self._arguments))
            waiting.append(shot)
            graph.push(shot.what)
            yield from _pull(graph, waiting)
        if graph is not None:
            graph.push(None)
            yield from _pull(graph, waiting)
        if waiting:
            raise RuntimeError(f"the deinterlacer kept {len(waiting)} frames")


class Scaler:
    """To ``width`` x ``height`` as coded, in the same pixel format; fields of interlaced frames each by themselves."""

    def __init__(self, width: int, height: int) -> None:
        self._size = f"{width}:{height}:flags={_SCALE_FLAGS}:interl=-1"
        self._graph: Any = None

    def scaled(self, picture: av.VideoFrame) -> av.VideoFrame:
        """A picture of the new size with the old one's times and tags."""
        if self._graph is None:
            self._graph = graph_for(picture, ("scale", self._size))
        self._graph.push(picture)
        small: av.VideoFrame = self._graph.pull()
        small.pts, small.time_base = picture.pts, picture.time_base
        for tag in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(small, tag, getattr(picture, tag))
        return small


def _pull(graph: Any, waiting: deque[Shot[av.VideoFrame]]) -> Iterator[Shot[av.VideoFrame]]:
    while True:
        try:
            picture = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        shot = waiting.popleft()
        shot.what = picture
        yield shot
