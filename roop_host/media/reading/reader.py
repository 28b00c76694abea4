"""Frames out of videos, with the decoder's own planes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from types import TracebackType
from typing import Any, Self

import av

from roop_host.errors import InputError, Interrupted
from roop_host.media.av_pixels import AvPixels
from roop_host.media.info import Known, MediaInfo
from roop_host.media.reading.clips import rate_of, video_of
from roop_host.media.reading.course import Clock, Course, GapTooLong, LostPlace, Placed, Shot
from roop_host.media.reading.decoding import BrokenOff, Damage, decoder_of, pictures
from roop_host.media.reading.filters import Deinterlacer, Scaler, planar
from roop_host.media.reading.probe import open_clip
from roop_host.media.reading.sniff import is_cut_short
from roop_host.types.frame import Frame

# How far before the wanted frame a decoder is set down, in seconds; at last it begins at the beginning.
_STEPS_BACK_S = (Fraction(0), Fraction(1), Fraction(4))
# Headers round, and a last frame may be shown for less than they say.
_SLACK_S = 0.5
_UNKNOWN_RATE = Fraction(30)


class VideoReader:
    """Decodes the video of a file frame by frame, as ``info.reading`` wants it: ``info`` is what ``as_read`` gave.

    ``origin`` is as in ``SegmentPackets``, right once the first frame came; so is ``steady``, as far as frames came.
    ``end_s`` is where the last used frame ends in the source, in seconds, and ``notices`` what people should know; both are
    complete when ``frames`` has ended.
    """

    def __init__(self, info: MediaInfo, *, threads: int) -> None:
        self._info, self._threads = info, threads
        self._container: Any = None
        self._cancel: threading.Event | None = None
        self._start_over()

    def _start_over(self) -> None:
        self.steady = True
        self.notices: list[str] = []
        self._course: Course[av.VideoFrame] | None = None
        self._clock: Clock | None = None
        self._damage = Damage()
        self._located = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    @property
    def origin(self) -> Fraction:
        return Fraction(0) if self._course is None else self._course.origin

    @property
    def end_s(self) -> Fraction:
        return Fraction(0) if self._course is None else self._course.end_s

    def frames(
        self, start: int = 0, *, known: Known | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]:
        """Frames from index ``start`` or ``known`` on, whichever is later; the same as decoding from the beginning gives.

        Frames shown twice share their pixels until one is changed. Raises ``InputError`` where the file breaks off, unless
        that is salvaged, changes its size, or holds no frame; ``Interrupted``.
        """
        self._start_over()
        self._cancel = cancel
        if known is not None:
            start = max(start, known.index)
        index, course = self._begin(known)
        scaler = Scaler(self._info.width, self._info.height) if self._info.decoded else None
        empty = index == 0
        for placed in course:
            empty = False
            past = index + len(placed.pts)
            if past > start:
                yield from self._made(placed, index, start, scaler)
            index = past
        if empty:
            raise InputError(self._nothing())
        self._tell_repairs()

    def _begin(self, known: Known | None) -> tuple[int, Iterator[Placed[av.VideoFrame]]]:
        """The index of the first frame that comes, and all from there on."""
        found: Iterator[Placed[av.VideoFrame]] | None = None
        plan: Course[av.VideoFrame] = Course(self._info, Fraction(1))
        if known is not None and known.index and plan.can_go_on(known):
            found = self._sought(known.origin + known.pts * self._info.time_base, known)
            if found is not None:
                return known.index, found
        if plan.can_seek_start:
            found = self._sought(plan.start_s(), None)
        if found is None:
            shots = self._shots(None)
            first = next(shots, None)
            self._located = True
            found = self._new_course().from_beginning(chain([] if first is None else [first], shots))
        return 0, found

    def _sought(self, time: Fraction, known: Known | None) -> Iterator[Placed[av.VideoFrame]] | None:
        """What comes from ``time`` on, decoded from no farther back than needed; None if only from the beginning."""
        for back in _STEPS_BACK_S:
            if time - back <= self._info.begin_s:
                return None
            shots = self._shots(time - back, time)
            try:
                first = next(shots, None)
                course = self._new_course()
                rest = chain([] if first is None else [first], shots)
                placed = course.from_start(rest) if known is None else course.from_known(rest, known)
                head = next(placed, None)
            except LostPlace:
                continue
            if head is not None and self.steady:
                self._located = True
                return chain([head], placed)
            self.steady = True
        return None

    def _new_course(self) -> Course[av.VideoFrame]:
        """Of the container that is open."""
        stream = _video(self._container)
        self._course = Course(self._info, stream.time_base, step=_step(stream))
        return self._course

    def _shots(self, seek: Fraction | None, wanted: Fraction | None = None) -> Iterator[Shot[av.VideoFrame]]:
        """Pictures with times that grow, full ones if asked; after a seek those before ``wanted`` may be left out."""
        shots = self._decoded(seek, wanted)
        if self._info.reading.deinterlace:
            return Deinterlacer(every=self._info.reading.deinterlace == "all").shots(shots)
        return shots

    def _decoded(self, seek: Fraction | None, wanted: Fraction | None) -> Iterator[Shot[av.VideoFrame]]:
        self._close()
        end: Fraction | None = None
        sought = seek is not None
        try:
            self._container = container = open_clip(self._info.path)
            stream = _video(container)
            context = decoder_of(stream, self._info.decoder, self._threads)
            times = _Times(container, stream)
            self._damage = Damage()
            self._clock = times.clock
            if seek is not None:
                container.seek(round(seek / stream.time_base), stream=stream, backward=True)
            alone = sought
            for number, picture in enumerate(pictures(container, stream, context, self._damage)):
                self._check_cancel()
                if picture.is_corrupt:
                    if wanted is None or picture.pts is None or picture.pts * stream.time_base >= wanted:
                        raise BrokenOff
                    alone = True
                    continue
                for missed, sure in self._damage.missed:
                    times.clock.miss(missed, sure=sure)
                self._damage.missed.clear()
                pts = times.of(picture)
                self.steady = self.steady and not times.odd
                even = self._even(picture, self._place(pts * stream.time_base, None if sought else number))
                even.pts, even.time_base = pts, stream.time_base
                end = (pts + (picture.duration or 0)) * stream.time_base
                yield Shot(pts, picture.duration or 0, even, None if sought else number, alone and self._has_neighbours)
                alone = False
            self._check_whole(end)
        except (BrokenOff, GapTooLong, av.FFmpegError) as error:
            self._break(end, sought, self._broken(end), error)
        except _Changed as error:
            self._break(end, sought, str(error), error)

    @property
    def _has_neighbours(self) -> bool:
        """Whether a picture hangs on those beside it."""
        return bool(self._info.reading.deinterlace)

    def _break(self, end: Fraction | None, sought: bool, why: str, error: Exception) -> None:
        """Here the stream ends, if that may be; else it can't go on."""
        if sought and not self._located:
            raise LostPlace from error
        if not self._info.reading.salvage or end is None:
            raise InputError(why) from error
        self.notices.append(f"{self._info.path} is used up to {self._said(end)}, where it breaks off")

    def _check_cancel(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise Interrupted

    def _check_whole(self, end: Fraction | None) -> None:
        """A file cut off between two packets decodes without an error; its header knows how long it should be."""
        info = self._info
        if is_cut_short(info.path, info.container):
            raise BrokenOff
        if end is None or info.duration_s is None:
            return
        rate = rate_of(_video(self._container)) or _UNKNOWN_RATE
        if info.start_s + info.duration_s - float(end) > _SLACK_S + 2 / float(rate):
            raise BrokenOff

    def _broken(self, end: Fraction | None) -> str:
        if end is None:
            return f"{self._info.path} is broken or cut off at its beginning; repair it or take another copy"
        return (
            f"{self._info.path} is broken or cut off after {self._said(end)}; "
            "repair it, take another copy, or finish what can be read with --salvage"
        )

    def _nothing(self) -> str:
        reading = self._info.reading
        if reading.start is not None or reading.end is not None:
            return f"{self._info.path} has no frame between --trim-start and --trim-end; choose others"
        return f"{self._info.path} has no frame that can be decoded; it may be broken or cut off"

    def _tell_repairs(self) -> None:
        if self._clock is not None and self._clock.repaired:
            self.notices.append(
                f"{self._info.path} says of {self._clock.repaired} frames nothing or something impossible about when they "
                "are shown; they were put between the others"
            )
        if self._damage.places:
            places = "one place" if self._damage.places == 1 else f"{self._damage.places} places"
            self.notices.append(
                f"{self._info.path} was damaged or joined in {places}: at least {self._damage.packets} frames there can't "
                "be decoded and were left out"
            )

    def _place(self, time: Fraction, number: int | None) -> str:
        return self._said(time) if number is None else f"frame {number} ({self._said(time)})"

    def _said(self, time: Fraction) -> str:
        """A moment of the source as people count it: from the clip's beginning on, as --trim-start does."""
        return f"{float(time - self._info.begin_s):.2f} s"

    def _even(self, picture: av.VideoFrame, place: str) -> av.VideoFrame:
        """The picture in the target's planar format. Raises ``_Changed`` where it is of another kind."""
        info = self._info
        size = info.decoded or (info.width, info.height)
        if (picture.width, picture.height) != size:
            raise _Changed(
                f"{info.path} changes its size from {size[0]}x{size[1]} to {picture.width}x{picture.height} at "
                f"{place}; convert it to one size first"
            )
        even = planar(picture, info.pix_fmt, info.colour)
        if even is None:
            raise _Changed(f"{info.path} changes from {info.pix_fmt} to {picture.format.name} at {place}; convert it first")
        return even

    def _made(self, placed: Placed[av.VideoFrame], index: int, start: int, scaler: Scaler | None) -> Iterator[Frame]:
        info = self._info
        picture = placed.what if scaler is None else scaler.scaled(placed.what)
        picture.pict_type = 0  # else the encoder repeats the source's decisions
        original = Frame(AvPixels(info.layout, picture), time_base=info.time_base, rotation=info.rotation)
        last = len(placed.pts) - 1
        for place, pts in enumerate(placed.pts):
            if index + place < start:
                continue
            self._check_cancel()
            frame = original if place == last else original.fork()
            frame.index, frame.pts, frame.duration = index + place, pts, placed.duration
            yield frame

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None


class _Changed(Exception):
    """The pictures become others than the first."""


class _Times:
    """Times of pictures as they come out of a decoder.

    AVI keeps the order of packets and no times of pictures; where pictures are reordered, FFmpeg's guesses jump back and
    forth. The picture that comes out k-th is then shown k-th, and only decoding from the beginning tells which that is.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        start = stream.start_time or 0
        self.clock = Clock(stream.time_base, _step(stream), start)
        self._in_order = container.format.name == "avi"
        self._start = start
        self._reordered = self._in_order and bool(stream.codec_context.has_b_frames)
        self._offset: int | None = None if self._reordered else 0

    @property
    def odd(self) -> bool:
        return self._reordered or self.clock.repaired > 0

    def of(self, picture: av.VideoFrame) -> int:
        """In ticks. Raises ``GapTooLong``."""
        if not self._in_order:
            return self.clock.at(picture.pts)
        if picture.dts is None:  # what the decoder held back until the end
            return self.clock.after()
        if self._offset is None:
            self._offset = self._start - picture.dts
        return self.clock.at(picture.dts + self._offset)


def _video(container: Any) -> Any:
    stream = video_of(container)
    if stream is None:  # another file has taken its place
        raise BrokenOff
    return stream


def _step(stream: Any) -> int:
    ticks: int = round(1 / ((rate_of(stream) or _UNKNOWN_RATE) * stream.time_base))
    return max(1, ticks)
