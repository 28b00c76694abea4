"""What a file is, found out before anything is decoded."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av

from roop_host.errors import InputError
from roop_host.media.info import MediaInfo
from roop_host.media.limits import MAX_PIXELS, check_size
from roop_host.media.pictures.reading import probe_picture
from roop_host.media.reading.clips import clip_info, coded_size, video_of
from roop_host.media.reading.sniff import what_it_is

# Demuxers by whole name. Without a whitelist a text file named .mp4 makes FFmpeg open its neighbours.
_CONTAINERS = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts")
FORMAT_WHITELIST = {"format_whitelist": ",".join(_CONTAINERS)}
#: Frames a second that a target may have or be given.
MOST_RATE = 1000
#: No clip lasts so many seconds.
_LONGEST_S = 30 * 86400


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
        with open_clip(path) as container:
            video = video_of(container)
            if video is None:
                kinds = {stream.type for stream in container.streams}
                held = "only sound" if "audio" in kinds else "no video"
                raise InputError(f"{path} has {held} in it; name a picture or a video")
            width, height = coded_size(path, video)
            check_size(str(path), width, height)
            info = clip_info(path, container, video)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(_unreadable(path, error)) from error
    check_size(str(path), info.width, info.height)
    _check_time(info)
    return info


def _check_time(info: MediaInfo) -> None:
    if info.average_rate is not None and info.average_rate > MOST_RATE:
        raise InputError(
            f"{info.path} claims {float(info.average_rate):g} frames a second; remux it with its true rate first"
        )
    if info.duration_s is not None and info.duration_s > _LONGEST_S:
        days = info.duration_s / 86400
        raise InputError(f"{info.path} claims to last {days:.0f} days; it may be broken, remux it or take another copy")


def _unreadable(path: Path, error: Exception) -> str:
    try:
        known = what_it_is(path)
    except (OSError, struct.error):  # it has changed since it was opened
        known = None
    if known is not None:
        what, advice = known
        return f"{path} is {what}, which can't be read as a picture or video; {advice}"
    return f"{path} is no picture or video that can be read ({_reason(error)}); it may be broken or of another kind"


def open_clip(path: Path) -> Any:
    """FFmpeg's view of a file, of the kinds that may be opened. Raises ``av.FFmpegError``, ``ValueError``."""
    # Without the limit, opening alone would decode a picture of any size to learn its pixel format.
    options = {**FORMAT_WHITELIST, "max_pixels": str(MAX_PIXELS)}
    return av.open(file_name(path), options=options, metadata_errors="replace")


def file_name(path: Path) -> str:
    """The name to give to FFmpeg, which takes the start of a relative ``12:30.mp4`` for a protocol."""
    return str(path.absolute())


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
