"""A file, as programs that are none of ours see it: ffprobe, ffmpeg, exiftool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

PROGRAMS = ("ffprobe", "ffmpeg", "exiftool")
_MILLISECOND = Fraction(11, 10000)
#: Matroska counts in milliseconds; an MP4 whose beginning is not 0, as those out of MPEG-TS, begins at a whole one.
ROUNDING = {".mkv": _MILLISECOND, ".webm": _MILLISECOND, ".ts": _MILLISECOND}


class Seen:
    """A file, looked at by each program no more than once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def probed(self) -> dict[str, Any]:
        """All that ffprobe says."""
        shown = [
            "-show_streams",
            "-show_packets",
            "-show_frames",
            "-show_chapters",
            "-show_format",
            "-show_data_hash",
            "md5",
        ]
        found: dict[str, Any] = json.loads(
            call("ffprobe", "-v", "error", "-of", "json", *shown, "-show_data_hash", "md5", str(self.path))
        )
        # With both packets and frames asked for, ffprobe 5.1 gives them in one list.
        both = found.pop("packets_and_frames", [])
        for kind in ("packet", "frame"):
            found.setdefault(f"{kind}s", [one for one in both if one["type"] == kind])
        return found

    @cached_property
    def exif(self) -> dict[str, Any]:
        """All that exiftool says."""
        said: dict[str, Any] = json.loads(call("exiftool", "-j", "-a", "-n", str(self.path)))[0]
        return said

    def streams(self, kind: str) -> list[dict[str, Any]]:
        """Streams of a kind, without covers."""
        found = (stream for stream in self.probed["streams"] if stream.get("codec_type") == kind)
        return [stream for stream in found if not stream["disposition"]["attached_pic"]]

    @property
    def video(self) -> dict[str, Any]:
        """The first video."""
        return self.streams("video")[0]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Decoded frames of the video."""
        return [frame for frame in self.probed["frames"] if frame["stream_index"] == self.video["index"]]

    def packets(self, stream: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Packets of a stream, in the order of the file."""
        return [packet for packet in self.probed["packets"] if packet["stream_index"] == stream["index"]]

    def tolerance(self, other: Seen) -> Fraction:
        """How far times of the two may lie apart."""
        return max(ROUNDING.get(one.path.suffix, Fraction(0)) for one in (self, other))


def call(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert not done.returncode, f"{' '.join(command[:2])}: {done.stderr.decode(errors='replace')[:500]}"
    return done.stdout


def decoded(seen: Seen, *words: str, before: Sequence[str] = ()) -> bytes:
    """What ffmpeg gives for the file, raw."""
    return call("ffmpeg", "-v", "error", *before, "-i", str(seen.path), *words, "-")
