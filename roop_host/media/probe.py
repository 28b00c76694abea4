"""What a file is, found out before anything is decoded."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from roop_host.errors import InputError
from roop_host.media.info import Colour, MediaInfo, Track
from roop_host.media.limits import check_size
from roop_host.media.pictures_in import probe_picture
from roop_host.media.pixel_formats import layout_of, planar_format

# Demuxers by whole name. Without a whitelist a text file named .mp4 makes FFmpeg open its neighbours.
_CONTAINERS = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts")
FORMAT_WHITELIST = {"format_whitelist": ",".join(_CONTAINERS)}


def probe(path: Path) -> MediaInfo:
    """Look at the bytes, never at the name. Raises ``InputError``."""
    try:
        if not path.exists():
            raise InputError(f"{path} does not exist; check the path")
        if not path.is_file():
            raise InputError(f"{path} is not a file; name one picture or video")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path} is empty; it may not have been copied or downloaded completely")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    return probe_picture(path) or _probe_video(path)


def _probe_video(path: Path) -> MediaInfo:
    try:
        with av.open(file_name(path), options=FORMAT_WHITELIST) as container:
            videos = [stream for stream in container.streams.video if not _is_cover(stream)]
            if not videos:
                raise InputError(f"{path} has no video in it; name a picture or a video")
            return _of_stream(path, container, videos[0])
    except (av.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is no picture or video that can be read ({_reason(error)}); it may be broken or of another kind"
        ) from error


def file_name(path: Path) -> str:
    """The name to give to FFmpeg, which takes the start of a relative ``12:30.mp4`` for a protocol."""
    return str(path.absolute())


def _of_stream(path: Path, container: Any, stream: Any) -> MediaInfo:
    context = stream.codec_context
    width, height = context.width, context.height
    if not width or not height or context.pix_fmt is None:
        raise InputError(f"{path} does not say how large its video is; it may be broken or cut off")
    check_size(str(path), width, height)
    frame = next(container.decode(stream), None)
    if frame is None:
        raise InputError(f"{path} has no frame that can be decoded; it may be broken or cut off")
    duration = _track_seconds(stream)
    estimate = duration or (container.duration / av.time_base if container.duration else None)
    rate = stream.average_rate or stream.base_rate
    colour = Colour(int(frame.color_range), int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace))
    pix_fmt = planar_format(frame.format.name)
    sar = stream.sample_aspect_ratio or context.sample_aspect_ratio  # the container overrules the coded picture
    return MediaInfo(
        path=path,
        kind="video",
        width=frame.width,
        height=frame.height,
        codec=context.name,
        container=container.format.name,
        rotation=_rotation(path, frame),
        pix_fmt=pix_fmt,
        layout=layout_of(pix_fmt, colour, frame.height),
        time_base=stream.time_base,
        average_rate=Fraction(rate) if rate else None,
        frames=stream.frames or (round(estimate * rate) if estimate and rate else None),
        start_s=float((stream.start_time or 0) * stream.time_base),
        duration_s=duration,
        sample_aspect_ratio=Fraction(sar) if sar and sar != 1 else None,
        colour=colour,
        tracks=tuple(_track(other) for other in container.streams if other.index != stream.index),
        metadata=_descriptive(container.metadata),
        left_out=_left_out(container, stream),
    )


def _rotation(path: Path, frame: av.VideoFrame) -> int:
    """Degrees counter-clockwise from the coded to the upright picture: 0, 90, 180 or 270. Raises ``InputError``."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is not None:
        a, b, _, c, d = struct.unpack("=5i", memoryview(data)[:20])  # type: ignore[arg-type]  # side data are buffers
        if a * d - b * c < 0:
            raise InputError(f"{path} is shown mirrored, which can't be kept; convert it to an upright clip first")
        if round(frame.rotation) % 90:
            raise InputError(f"{path} is turned by {frame.rotation:g} degrees; convert it to an upright clip first")
    return round(frame.rotation) % 360


def _track(stream: Any) -> Track:
    kind: Any = "cover" if stream.type == "video" and _is_cover(stream) else stream.type
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    return Track(stream.index, kind, codec, stream.metadata.get("language", ""), stream.metadata.get("title", ""))


def _left_out(container: Any, video: Any) -> tuple[str, ...]:
    """What of the file does not come along, for people."""
    lost = [
        f"{stream.type} track {stream.index}" for stream in container.streams if stream.type in ("subtitle", "attachment")
    ]
    # FFmpeg writes an MP4's chapters as a data track without a codec; those do come along.
    lost += [f"data track {s.index}" for s in container.streams.data if s.codec_context is not None]
    for stream in container.streams.video:
        if stream.index != video.index:
            lost.append(f"cover picture {stream.index}" if _is_cover(stream) else f"video track {stream.index}")
    places = [key for key in container.metadata if _tells_place(key)]
    return (*lost, *(f"place ({key})" for key in places))


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
    """Title and the like. Places are left out, and what the muxer writes itself."""
    own = {"encoder", "major_brand", "minor_version", "compatible_brands", "comment", "duration"}
    kept = [(key, value) for key, value in metadata.items() if key.lower() not in own]
    return tuple((key, value) for key, value in kept if not _tells_place(key))


def _tells_place(key: str) -> bool:
    return any(word in key.lower() for word in ("location", "gps", "xyz"))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
