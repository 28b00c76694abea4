"""Frames at an encoder's door: as its pixel format, or field by field, where they aren't so already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import av
from av.filter import Graph
from av.video.reformatter import VideoReformatter

from roop_host.media.av_pixels import EXACT
from roop_host.media.info import BT709, Colour, FieldOrder
from roop_host.media.pixel_formats import layout_of
from roop_host.types.planes import PixelLayout

_LIMITED, _FULL = 1, 2
# What swscale calls matrices: H.273's numbers.
_SPACES = {"bt601": 5, "bt709": 1, "bt2020": 9}
_RGB_SPACE, _BT2020_SPACE = 0, 9


def colour_in(pix_fmt: str, source: Colour, layout: PixelLayout, *, full_range: bool) -> Colour:
    """The tags of frames of ``source`` and ``layout`` once they are in ``pix_fmt``, where ``full_range`` can be said."""
    if layout_of(pix_fmt, source, 0).model == "rgb":
        return replace(source, range=_FULL, space=_RGB_SPACE)
    if layout.model == "rgb":
        return replace(source, range=_LIMITED, space=_BT2020_SPACE) if source.hdr else BT709
    if layout.full_range:  # also where only the format's name said so
        return replace(source, range=_FULL if full_range else _LIMITED)
    return source


def losses(wanted: str, source: PixelLayout) -> list[str]:
    """What ``wanted`` does not keep of frames with this layout, for people: "8 bit instead of 10"."""
    new = layout_of(wanted, Colour(), 0)
    lost = [f"{new.depth} bit instead of {source.depth}"] if new.depth < source.depth else []
    if source.alpha and not new.alpha:
        lost.append("no alpha")
    if new.model == "grey" and source.model != "grey":
        lost.append("no colour")
    elif source.model != "grey" and (new.shift_x > source.shift_x or new.shift_y > source.shift_y):
        lost.append(f"chroma {sampling(new)} instead of {sampling(source)}")
    if new.model == "rgb" and source.model == "yuv":
        lost.append("no colours that R, G, B can't hold")
    return lost


def sampling(layout: PixelLayout) -> str:
    """ "4:2:0" and so on; R, G, B and grey count as 4:4:4."""
    return {(1, 1): "4:2:0", (1, 0): "4:2:2", (2, 0): "4:1:1", (2, 2): "4:1:0", (0, 1): "4:4:0"}.get(
        (layout.shift_x, layout.shift_y), "4:4:4"
    )


class Converter:
    """Turns frames into ``pix_fmt``, tagged ``colour``. ``field_order`` marks the fields of each: encoders go by that."""

    def __init__(self, pix_fmt: str, colour: Colour, field_order: FieldOrder | None) -> None:
        self._pix_fmt, self._colour = pix_fmt, colour
        self._reformatter = VideoReformatter()
        self._field_order = field_order
        self._marker: Any = None

    def __call__(self, picture: av.VideoFrame, layout: PixelLayout) -> av.VideoFrame:
        """The frame itself where it is right already. Times are the caller's to set."""
        wanted = layout_of(self._pix_fmt, self._colour, picture.height)
        range_differs = wanted.model != "rgb" and layout.model != "rgb" and wanted.full_range != layout.full_range
        if picture.format.name != self._pix_fmt or range_differs:
            picture = self._reformatted(picture, layout, wanted)
        # Encoders of ProRes, for one, write what the frame says and not what they were told.
        picture.color_range, picture.colorspace = self._colour.range, self._colour.space
        picture.color_primaries, picture.color_trc = self._colour.primaries, self._colour.transfer
        return picture if self._field_order is None else self._marked(picture)

    def _reformatted(self, picture: av.VideoFrame, layout: PixelLayout, wanted: PixelLayout) -> av.VideoFrame:
        # Between two kinds of YUV the matrix stays, whatever the tags say.
        source = layout.matrix if layout.model != "rgb" else wanted.matrix
        target = wanted.matrix if layout.model == "rgb" else source
        return self._reformatter.reformat(
            picture,
            format=self._pix_fmt,
            src_colorspace=_SPACES[source],
            dst_colorspace=_SPACES[target],
            src_color_range=_FULL if layout.full_range else _LIMITED,
            dst_color_range=_FULL if wanted.full_range else _LIMITED,
            interpolation=EXACT,
            threads=1,
        )

    def _marked(self, picture: av.VideoFrame) -> av.VideoFrame:
        """PyAV has no setter for the flags of a frame that tell its fields; a filter that touches no pixel has."""
        if self._marker is None:
            self._marker = graph = Graph()
            source = graph.add_buffer(
                width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
            )
            mark, sink = graph.add("setfield", f"mode={self._field_order}"), graph.add("buffersink")
            source.link_to(mark)
            mark.link_to(sink)
            graph.configure()
        self._marker.push(picture)
        marked: av.VideoFrame = self._marker.pull()
        marked.pict_type = 0
        return marked
