"""The container's tags: which of a target's come along, found out by writing them."""

from __future__ import annotations

from io import BytesIO

import av

from roop_host.media.info import MediaInfo
from roop_host.media.kinds import Suffix

# An encoder that every build has, for the one track that a container must have to be written.
_ANY_SOUND = ("aac", 48000)
# AVI's word for what wrote the file: true of the target only.
_TOOL = "software"


def tags_of(info: MediaInfo) -> dict[str, str]:
    """Those that are written, whatever the container keeps of them; timecode is the track's."""
    return {key: value for key, value in info.metadata if key.lower() != "timecode"}


def lost_tags(info: MediaInfo, suffix: Suffix) -> tuple[str, ...]:
    """The names of those that a file of this kind does not keep. Matroska keeps all."""
    wanted = tags_of(info)
    if suffix.matroska or not wanted:
        return ()
    memory = BytesIO()
    try:
        with av.open(memory, "w", format=suffix.muxer) as sink:
            name, rate = _ANY_SOUND
            sink.add_stream(name, rate=rate).codec_context.open()
            sink.metadata.update(wanted)
            sink.start_encoding()
        with av.open(memory, format=suffix.muxer, metadata_errors="replace") as written:
            kept = {value for key, value in written.metadata.items() if key != "encoder"}
            names = {key.lower() for key in written.metadata}
    except (av.FFmpegError, ValueError):
        return tuple(wanted)
    names |= {_TOOL}
    return tuple(key for key, value in wanted.items() if value not in kept and key.lower() not in names)


def comment_of(note: str, before: str) -> str:
    """The host's note, and behind it what the target's comment said."""
    if not before.strip() or before == note:
        return note
    return before if before.startswith(f"{note}; was: ") else f"{note}; was: {before}"
