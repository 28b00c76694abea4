"""Planes that are FFmpeg's own: what decoders give and encoders take."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from roop_host.types.planes import PixelLayout, Pixels

#: How swscale is to convert. Without these flags it is up to three levels off, and for 10 bit it reads what lies beside the
#: picture where the width is no multiple of 16: equal frames then give unequal bytes.
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
_RANGES = {1: "tv", 2: "pc"}


class AvPixels(Pixels):
    """The planes of a decoded frame, seen in place."""

    def __init__(self, layout: PixelLayout, av_frame: av.VideoFrame) -> None:
        super().__init__(layout, _views(layout, av_frame))
        self._av_frame = av_frame
        self._writable = False

    @property
    def av_frame(self) -> av.VideoFrame:
        """The frame whose planes these are, and no other can be: screeners see the planes, and it is what is encoded."""
        return self._av_frame

    def make_writable(self) -> None:
        # The decoder may still refer to the buffer; views taken before dangle once it was copied.
        if not self._writable:
            self._av_frame.make_writable()
            self.planes = _views(self.layout, self._av_frame)
            self._writable = True

    def copy(self) -> AvPixels:
        # A frame made anew would lose what encoders go by, such as which field comes first.
        twin = AvPixels(self.layout, _second_reference(self._av_frame))
        twin.make_writable()
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


def _second_reference(picture: av.VideoFrame) -> av.VideoFrame:
    """A frame of its own over the same buffers, with all that belongs to it: flags of fields, side data, tags."""
    graph = graph_for(picture)
    graph.push(picture)
    twin: av.VideoFrame = graph.pull()
    twin.pts, twin.time_base = picture.pts, picture.time_base
    return twin


def graph_for(picture: av.VideoFrame, *filters: tuple[str, str]) -> Any:
    """A filter graph that takes pictures such as this one, closed by a sink."""
    graph = av.filter.Graph()
    graph.threads = 1
    told: dict[str, str] = {"range": _RANGES[picture.color_range]} if picture.color_range in _RANGES else {}
    source = graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base=str(picture.time_base or 1),
        pixel_aspect="1/1",
        colorspace=str(int(picture.colorspace)),
        **told,
    )
    nodes = [source, *(graph.add(name, arguments) for name, arguments in filters), graph.add("buffersink")]
    graph.link_nodes(*nodes)
    graph.configure()
    return graph
