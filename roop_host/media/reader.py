"""Frames out of files, with the decoder's own planes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from roop_host.errors import InputError, Interrupted
from roop_host.media.info import MediaInfo
from roop_host.media.pixel_formats import layout_of, planar_format
from roop_host.media.probe import FORMAT_WHITELIST, file_name
from roop_host.types.frame import Frame
from roop_host.types.planes import PixelLayout, Pixels

# How far before the wanted frame a decoder is set down, in seconds; at last it begins at the beginning.
_STEPS_BACK_S = (0.0, 1.0, 4.0)
# Headers round, and a last frame may be shown for less than they say.
_SLACK_S = 0.5


class AvPixels(Pixels):
    """The planes of a decoded frame, seen in place; ``av_frame`` is what an encoder takes."""

    def __init__(self, layout: PixelLayout, av_frame: av.VideoFrame) -> None:
        super().__init__(layout, _views(layout, av_frame))
        self.av_frame = av_frame
        self._writable = False

    def make_writable(self) -> None:
        # The decoder may still refer to the buffer; views taken before dangle once it was copied.
        if not self._writable:
            self.av_frame.make_writable()
            self.planes = _views(self.layout, self.av_frame)
            self._writable = True

    def copy(self) -> AvPixels:
        frame = av.VideoFrame(self.av_frame.width, self.av_frame.height, self.av_frame.format.name)
        twin = AvPixels(self.layout, frame)
        for new, old in zip(twin.planes, self.planes, strict=True):
            new[...] = old
        for name in ("pts", "time_base", "color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(frame, name, getattr(self.av_frame, name))
        twin._writable = True
        return twin


def _views(layout: PixelLayout, frame: av.VideoFrame) -> tuple[NDArray[Any], ...]:
    item = np.dtype(layout.dtype).itemsize
    planes = []
    for plane in frame.planes:
        flat = np.frombuffer(plane, layout.dtype)  # type: ignore[call-overload]  # planes are buffers
        planes.append(flat.reshape(plane.height, plane.line_size // item)[:, : plane.width])
    if layout.model == "rgb":  # FFmpeg keeps G, B, R
        planes[0], planes[1] = planes[1], planes[0]
    return tuple(planes)


class VideoReader:
    """Decodes the video of a file, frame by frame."""

    def __init__(self, info: MediaInfo, *, threads: int) -> None:
        self._info, self._threads = info, threads
        self._container: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def frames(
        self, start: int = 0, *, start_pts: int | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]:
        """Frames from index ``start``, shown at ``start_pts``, on; the same as decoding from the beginning gives.

        Raises ``InputError`` where the file breaks off, changes its size, or holds no frame.
        """
        index = start
        for picture in self._from(start_pts) if start and start_pts is not None else self._decode(None):
            if cancel is not None and cancel.is_set():
                raise Interrupted("stopped on request; nothing was left behind under the output's name")
            yield self._frame(picture, index)
            index += 1
        if index == start == 0:
            raise InputError(f"{self._info.path} has no frame that can be decoded; it may be broken or cut off")

    def _from(self, start_pts: int) -> Iterator[av.VideoFrame]:
        for back in (*_STEPS_BACK_S, None):
            pictures = self._decode(None if back is None else start_pts - round(back / self._info.time_base))
            first = next(pictures, None)
            if first is not None and (back is None or (first.pts is not None and first.pts <= start_pts)):
                break
        if first is not None and first.pts is not None and first.pts >= start_pts:
            yield first
        for picture in pictures:
            if picture.pts is not None and picture.pts >= start_pts:
                yield picture

    def _decode(self, seek_pts: int | None) -> Iterator[av.VideoFrame]:
        self._close()
        last: Fraction | None = None
        try:
            self._container = container = av.open(file_name(self._info.path), options=FORMAT_WHITELIST)
            stream = _video(container)
            stream.codec_context.thread_count = self._threads
            stream.thread_type = "AUTO"
            if seek_pts is not None:
                container.seek(seek_pts, stream=stream, backward=True)
            for picture in container.decode(stream):
                if picture.is_corrupt:
                    raise InputError(self._broken(last))
                if picture.pts is not None:
                    last = (picture.pts + (picture.duration or 0)) * self._info.time_base
                yield picture
        except av.FFmpegError as error:
            raise InputError(self._broken(last)) from error
        self._check_whole(last)

    def _check_whole(self, last: Fraction | None) -> None:
        """A file cut off between two packets decodes without an error; its header knows how long it should be."""
        info = self._info
        if last is None or info.duration_s is None:
            return
        if info.start_s + info.duration_s - float(last) > _SLACK_S + 2 / float(info.average_rate or 1):
            raise InputError(self._broken(last))

    def _broken(self, last: Fraction | None) -> str:
        at = "at its beginning" if last is None else f"after {float(last):.2f} s"
        return f"{self._info.path} is broken or cut off {at}; repair it or take another copy"

    def _frame(self, picture: av.VideoFrame, index: int) -> Frame:
        info = self._info
        if (picture.width, picture.height) != (info.width, info.height):
            raise InputError(
                f"{info.path} changes its size from {info.width}x{info.height} to {picture.width}x{picture.height} "
                f"at frame {index}; convert it to one size first"
            )
        if picture.pts is None:
            raise InputError(f"{info.path} does not say when frame {index} is shown; remux it first, for example to MKV")
        wanted = planar_format(picture.format.name)
        pts = picture.pts
        if picture.format.name != wanted:
            # Both ranges told, or what is full would be made limited.
            kept = info.colour.range or None
            picture = picture.reformat(format=wanted, src_color_range=kept, dst_color_range=kept)
        picture.pict_type = 0  # else the encoder repeats the source's decisions
        layout = info.layout if wanted == info.pix_fmt else layout_of(wanted, info.colour, info.height)
        return Frame(
            AvPixels(layout, picture),
            index=index,
            pts=pts,
            time_base=info.time_base,
            duration=picture.duration or 0,
            rotation=info.rotation,
        )

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None


def _video(container: Any) -> Any:
    return next(s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
