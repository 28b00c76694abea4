"""Frames that come as arrays and not out of a decoder of FFmpeg: turned into planes that every encoder path takes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from roop_host.media.av_pixels import EXACT, AvPixels
from roop_host.media.info import BT709, SRGB, MediaInfo
from roop_host.media.limits import check_size
from roop_host.media.pixel_formats import layout_of
from roop_host.types.frame import Frame
from roop_host.types.objects import StreamInfo
from roop_host.types.planes import PixelLayout
from roop_host.types.transfer import Transfer

_PIX_FMT = "yuv420p"


def raw_info(address: str, stream: StreamInfo) -> MediaInfo:
    """The stream as a target without sound. Raises ``InputError`` for one that is too large."""
    check_size(f"the target {address}", stream.width, stream.height)
    return MediaInfo(
        path=Path(address),
        kind="video",
        width=stream.width,
        height=stream.height,
        codec="raw",
        container="",
        pix_fmt=_PIX_FMT,
        layout=layout_of(_PIX_FMT, BT709, stream.height),
        time_base=stream.time_base,
        average_rate=stream.rate,
        frames=stream.frames,
        colour=BT709,
        is_file=False,
    )


def raw_frame(bgr: NDArray[np.uint8], info: MediaInfo, *, index: int, pts: int) -> Frame:
    """A frame over a converted copy of ``bgr``, uint8 ``(info.height, info.width, 3)``."""
    given = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
    colour: dict[str, Any] = {"dst_color_primaries": BT709.primaries, "dst_color_trc": BT709.transfer}
    colour["interpolation"] = EXACT
    picture = given.reformat(format=info.pix_fmt, dst_colorspace=BT709.space, dst_color_range=BT709.range, **colour)
    picture.pts, picture.time_base = pts, info.time_base
    # Nobody tells how long the last one is shown; an animation, which has no rate, must say it.
    lasts = round(1 / (info.average_rate * info.time_base)) if info.average_rate else 0
    return Frame(AvPixels(info.layout, picture), index=index, pts=pts, time_base=info.time_base, duration=lasts)


def planar_frame(
    rgb: NDArray[Any],
    alpha: NDArray[Any] | None,
    transfer: Transfer,
    *,
    index: int,
    pts: int,
    time_base: Fraction,
    duration: int,
) -> Frame:
    """A frame over a copy of R, G, B ``(H, W, 3)`` and alpha ``(H, W)`` of uint8 or uint16, as planes that encoders take.

    Encoders are told by their plan what the colours are.
    """
    deep = "16le" if rgb.dtype == np.uint16 else ""
    picture = av.VideoFrame(rgb.shape[1], rgb.shape[0], f"gbr{'' if alpha is None else 'a'}p{deep}")
    layout = PixelLayout("rgb", 16 if deep else 8, alpha=alpha is not None, full_range=True, transfer=transfer)
    pixels = AvPixels(layout, picture)
    channels = [rgb[..., 2], rgb[..., 1], rgb[..., 0], *([] if alpha is None else [alpha])]
    for plane, channel in zip(pixels.planes, channels, strict=True):
        plane[...] = channel
    picture.color_range, picture.color_primaries, picture.color_trc = SRGB.range, SRGB.primaries, SRGB.transfer
    picture.colorspace = SRGB.space
    picture.pts, picture.time_base = pts, time_base
    return Frame(pixels, index=index, pts=pts, time_base=time_base, duration=duration)
