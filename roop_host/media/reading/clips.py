"""What is known of a video before it is worked on: its container's word, and its first picture's."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from roop_host.errors import InputError
from roop_host.media.av_pixels import graph_for
from roop_host.media.colours import seen_as
from roop_host.media.info import Colour, FieldOrder, Hdr, MediaInfo, Track
from roop_host.media.pixel_formats import FULL_RANGE, layout_of, other_kind, planar_format, understood
from roop_host.media.reading.decoding import BrokenOff, decoder_of, pictures

# FFmpeg's AVFieldOrder as it is used, whatever its words say: TT and TB are of frames whose upper field is shown first.
_FIELD_ORDERS: dict[int, FieldOrder] = {2: "tff", 3: "bff", 4: "tff", 5: "bff"}
#: Of the decoders FFmpeg would choose, those that leave alpha out, and what gives it.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9", "libvpx": "libvpx", "libvpx-vp9": "libvpx-vp9"}
_KINDS = ("audio", "subtitle", "data", "attachment", "video")
_LIKELY_RATE = 1000
#: What a picture may say of itself that only some encoders write again, by FFmpeg's ``AVFrameSideDataType``.
_SIDE_DATA = {
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "STEREO3D": "stereo 3D metadata",
    "SPHERICAL": "spherical metadata",
}


def video_of(container: Any) -> Any | None:
    """The video track that is worked on: the default one, else the first. Cover pictures are none."""
    videos = [stream for stream in container.streams.video if not _is_cover(stream)]
    default = [s for s in videos if s.disposition & av.stream.Disposition.default]
    return next(iter(default or videos), None)


def coded_size(path: Path, stream: Any) -> tuple[int, int]:
    """Width and height by the header. Raises ``InputError`` where it has none."""
    context = stream.codec_context
    if context is None:
        raise InputError(f"{path} has a video of a kind that nobody here can decode; convert it to H.264 first")
    if not context.width or not context.height or context.pix_fmt is None:
        raise InputError(f"{path} has a video whose size can't be told or is far too large; it may be broken or cut off")
    return context.width, context.height


def clip_info(path: Path, container: Any, stream: Any) -> MediaInfo:
    """All of ``MediaInfo``, the first picture being decoded for it. Raises ``InputError``, ``av.FFmpegError``."""
    context = stream.codec_context
    codec, container_order = context.name, context.field_order
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio  # the container overrules the coded picture
    rate = rate_of(stream)
    decoder = _ALPHA_DECODERS.get(codec) if _alpha_apart(stream) else None
    first = _first(path, container, stream, decoder)
    duration = _track_seconds(stream)
    estimate = duration or (container.duration / av.time_base if container.duration else None)
    full = first.format.name.startswith("yuvj")
    said = Colour(
        FULL_RANGE if full else int(first.color_range),
        int(first.color_primaries),
        int(first.color_trc),
        int(first.colorspace),
    )
    pix_fmt = planar_format(first.format.name)
    kind = other_kind(pix_fmt, said)
    if kind:
        raise InputError(
            f"{path} says that its pictures are {kind}, which can't be read here; convert it to YUV with the matrix of "
            "BT.709 first"
        )
    said = understood(pix_fmt, said, first.height)
    layout = layout_of(pix_fmt, said, first.height)
    colour, odd = seen_as(said)
    matrix = _matrix(first)
    return MediaInfo(
        path=path,
        kind="video",
        width=first.width,
        height=first.height,
        codec=codec,
        container=container.format.name,
        rotation=_rotation(path, first, matrix),
        pix_fmt=pix_fmt,
        layout=layout,
        time_base=stream.time_base,
        average_rate=rate,
        frames=stream.frames or (round(estimate * rate) if estimate and rate else None),
        begin_s=_begin(container),
        start_s=float((stream.start_time or 0) * stream.time_base),
        duration_s=duration,
        sample_aspect_ratio=Fraction(aspect) if aspect and aspect != 1 else None,
        colour=colour,
        hdr=_hdr(first),
        field_order=_field_order(container_order, first),
        matrix=matrix,
        decoder=decoder,
        tracks=tuple(_track(other) for other in container.streams if other.index != stream.index),
        metadata=_descriptive(container.metadata),
        left_out=(*odd, *_left_out(container)),
        side_data=side_data_of(first),
    )


def _first(path: Path, container: Any, stream: Any, decoder: str | None) -> av.VideoFrame:
    context = decoder_of(stream, decoder, 1)
    try:
        first = next(pictures(container, stream, context), None)
    except BrokenOff:
        first = None
    if first is None:
        raise InputError(f"{path} has no frame that can be decoded; it may be broken or cut off")
    return first


def rate_of(stream: Any) -> Fraction | None:
    """Frames a second on average; of a clip so short that the average is nonsense, what its codec says."""
    rates = [Fraction(rate) for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate]
    likely = [rate for rate in rates if rate <= _LIKELY_RATE]
    return next(iter(likely or rates), None)


def _begin(container: Any) -> Fraction:
    starts = [
        s.start_time * s.time_base for s in container.streams if s.start_time is not None and s.type in ("audio", "video")
    ]
    return min(starts, default=Fraction(0))


def _alpha_apart(stream: Any) -> bool:
    """Matroska keeps alpha of VP8 and VP9 beside the picture, and says so in the track."""
    return any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())


def _field_order(told: int, first: av.VideoFrame) -> FieldOrder | None:
    """What the container says, else what the decoder says of its pictures, else the usual."""
    if told in _FIELD_ORDERS:
        return _FIELD_ORDERS[told]
    return (_first_field(first) or "tff") if first.interlaced_frame else None


def _first_field(picture: av.VideoFrame) -> FieldOrder | None:
    """The field that is shown first; None where both are alike. PyAV has no word for that flag, so a filter is asked."""
    graph = graph_for(picture, ("separatefields", ""))
    graph.push(picture)
    field, lines = _bytes_of_lines(graph.pull()), _bytes_of_lines(picture)
    upper, lower = lines[0::2], lines[1::2]
    if np.array_equal(upper[: len(lower)], lower):
        return None
    return "tff" if np.array_equal(field, upper) else "bff"


def _bytes_of_lines(picture: av.VideoFrame) -> NDArray[np.uint8]:
    plane = picture.planes[0]
    lines: NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # planes are buffers
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]


def _matrix(first: av.VideoFrame) -> tuple[int, ...]:
    data = first.side_data.get("DISPLAYMATRIX")
    return () if data is None else struct.unpack("=9i", memoryview(data)[:36])  # type: ignore[arg-type]  # side data are buffers


def _rotation(path: Path, first: av.VideoFrame, matrix: tuple[int, ...]) -> int:
    """Degrees counter-clockwise from the coded to the upright picture: 0, 90, 180 or 270. Raises ``InputError``."""
    if matrix:
        a, b, _, c, d = matrix[:5]
        if a * d - b * c < 0:
            raise InputError(f"{path} is shown mirrored, which can't be kept; convert it to an upright clip first")
        if round(first.rotation) % 90:
            raise InputError(f"{path} is turned by {first.rotation:g} degrees; convert it to an upright clip first")
    return round(first.rotation) % 360


def _hdr(first: av.VideoFrame) -> Hdr:
    """From FFmpeg's ``AVMasteringDisplayMetadata`` and ``AVContentLightMetadata``."""
    mastering: tuple[int, ...] = ()
    light: tuple[int, ...] = ()
    data = first.side_data.get("MASTERING_DISPLAY_METADATA")
    if data is not None:
        numbers = struct.unpack("=22i", memoryview(data)[:88])  # type: ignore[arg-type]
        fractions = [Fraction(n, d) if d else Fraction(0) for n, d in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
        rx, ry, gx, gy, bx, by, white_x, white_y = (round(value * 50000) for value in fractions[:8])
        least, most = (round(value * 10000) for value in fractions[8:])
        if numbers[20] and numbers[21]:
            mastering = (gx, gy, bx, by, rx, ry, white_x, white_y, most, least)
    data = first.side_data.get("CONTENT_LIGHT_LEVEL")
    if data is not None:
        light = struct.unpack("=2I", memoryview(data)[:8])  # type: ignore[arg-type]
    return Hdr(mastering, light if any(light) else ())


def _track(stream: Any) -> Track:
    kind: Any = stream.type if stream.type in _KINDS else "data"
    if kind == "video" and _is_cover(stream):
        kind = "cover"
    codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""
    language = stream.metadata.get("language", "")
    return Track(stream.index, kind, codec, "" if language == "und" else language, stream.metadata.get("title", ""))


def _left_out(container: Any) -> tuple[str, ...]:
    """What never comes along, for people; of the tracks the container of the output decides."""
    places = [f"place ({key})" for key in container.metadata if _tells_place(key)]
    return (*places, *(f"picture ({key})" for key in container.metadata if _shows(key)))


def side_data_of(first: av.VideoFrame) -> tuple[str, ...]:
    """``MediaInfo.side_data`` by the first picture."""
    return tuple(dict.fromkeys(what for name, what in _SIDE_DATA.items() if first.side_data.get(name) is not None))


def _track_seconds(stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    try:  # Matroska keeps it as a tag, "00:01:02.5"
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (KeyError, ValueError):
        return None


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _descriptive(metadata: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Title and the like. Places and pictures are left out, and what the muxer writes itself."""
    own = {"encoder", "major_brand", "minor_version", "compatible_brands", "comment", "duration"}
    kept = [(key, value) for key, value in metadata.items() if key.lower() not in own]
    return tuple((key, value) for key, value in kept if not _tells_place(key) and not _shows(key))


def _shows(key: str) -> bool:
    """Whether players take such a tag for a cover: a whole picture in letters."""
    return any(word in key.lower() for word in ("picture", "coverart", "cover_art", "thumbnail", "apic"))


def _tells_place(key: str) -> bool:
    return any(word in key.lower() for word in ("location", "gps", "xyz"))
