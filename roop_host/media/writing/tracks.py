"""What becomes of the tracks beside the video: copied where the container holds them, else encoded anew or left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import av
from av.stream import Discard

from roop_host.media.info import MediaInfo, Track
from roop_host.media.kinds import suffix_of
from roop_host.media.reading.probe import open_clip
from roop_host.media.writing.fonts import font_of
from roop_host.media.writing.hidden import holds_more_than_styles, holds_pictures, without_comments
from roop_host.media.writing.sound import is_lossless, sound_encoder
from roop_host.media.writing.subtitles import TEXTS
from roop_host.media.writing.tags import lost_tags
from roop_host.types.job import MediaOptions

#: For sound that a container does not hold as it is: of a lossless source, of another. The first that opens is taken.
_SOUND = {
    "mp4": (("alac",), ("aac",)),
    "mov": (("alac",), ("aac",)),
    "matroska": (("flac",), ("aac",)),
    "webm": (("libopus", "opus"), ("libopus", "opus")),
}
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
# Longer run-ins come from edit lists: sound that was cut away on purpose.
_MOST_PADDING_S = Fraction(1, 10)
# Sound begins within the first packets of any file that plays; a track that doesn't is tried by its header alone.
_MOST_PEEKED = 2000


@dataclass(frozen=True, slots=True)
class TrackWay:
    """One track that comes along. ``encoder`` is empty where its packets are copied.

    ``padding`` is how many samples of copied AAC only run the decoder in, where Matroska must be told.
    """

    track: Track
    how: Literal["copy", "encode", "attach"]
    encoder: str = ""
    padding: int = 0


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What comes along, in the order of the output, and what the user must know about it, one sentence each."""

    ways: tuple[TrackWay, ...] = ()
    notices: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> tuple[TrackWay, ...]:
        """Those of ``Track.kind``."""
        return tuple(way for way in self.ways if way.track.kind == kind)


def choose_tracks(info: MediaInfo, options: MediaOptions, output: Path) -> TrackPlan:
    """Decide for every track of ``info``, and find what tags are lost: containers are asked by writing to them in memory."""
    suffix = suffix_of(output)
    if not info.is_file or info.kind != "video" or suffix is None or not suffix.muxer:
        return TrackPlan()
    tracks = [track for track in info.tracks if not (options.skip_audio and track.kind == "audio")]
    ways: list[TrackWay] = []
    notices: list[str] = []
    with open_clip(info.path) as source:
        sounds = [source.streams[track.index] for track in tracks if track.kind == "audio"]
        first = _first_packets(source, sounds)
        for track in tracks:
            stream: Any = source.streams[track.index]
            way, said = _decide(track, stream, first.get(track.index), suffix.muxer, output.suffix.lower())
            if way is not None:
                ways.append(way)
            if said:
                notices.append(said)
    if tags := lost_tags(info, suffix):
        notices.append(f"not in the output: tags {', '.join(tags)}; an output in .mkv keeps them")
    return TrackPlan(tuple(ways), tuple(notices))


def _decide(track: Track, stream: Any, first: Any, muxer: str, suffix: str) -> tuple[TrackWay | None, str]:
    """The way of a track, and what to say about it."""
    match track.kind:
        case "audio":
            return _sound_way(track, stream, first, muxer, suffix)
        case "subtitle":
            return _subtitle_way(track, stream, muxer, suffix)
        case "attachment":
            if muxer == "matroska" and font_of(stream) is not None:
                if holds_pictures(bytes(stream.data)):
                    return None, _lost(track, "letters of this font may be pictures, and those nobody looks at")
                return TrackWay(track, "attach"), ""
            return None, _lost(track, "only fonts come along, and only into .mkv")
        case "data":
            return None, _data_notice(track, stream)
        case _:
            return None, _lost(track, "it may show the face as it was")


def _sound_way(track: Track, stream: Any, first: Any, muxer: str, suffix: str) -> tuple[TrackWay | None, str]:
    if stream.codec_context is None:
        return None, _lost(track, "this build of FFmpeg does not know what it is")
    if _says_no_more(stream) and _holds(stream, first, muxer):
        return TrackWay(track, "copy", padding=_padding(stream, first, muxer)), ""
    lossless, lossy = _SOUND[muxer]
    for name in lossless if is_lossless(track.codec) else lossy:
        if sound_encoder(name, stream.codec_context) is not None:
            return TrackWay(track, "encode", name), f"{track.label} is encoded as {name}: {suffix} does not hold it as it is"
    return None, _lost(track, f"{suffix} does not hold it, and nothing here encodes it; an output in .mkv keeps it")


def _says_no_more(stream: Any) -> bool:
    """Whether its header can be copied without what it says beside the sound."""
    context = stream.codec_context
    return context.name != "vorbis" or without_comments(bytes(context.extradata or b"")) is not None


def _subtitle_way(track: Track, stream: Any, muxer: str, suffix: str) -> tuple[TrackWay | None, str]:
    if stream.codec_context is None:
        return None, _lost(track, "this build of FFmpeg does not know what it is")
    if not stream.codec_context.codec.text_sub:
        return None, _lost(track, "its subtitles are pictures, and those nobody looks at; convert them to text first")
    if holds_more_than_styles(bytes(stream.codec_context.extradata or b"")):
        return None, _lost(track, "its header brings pictures, fonts or lines of its own, and those nobody looks at")
    if _holds(stream, None, muxer):
        return TrackWay(track, "copy"), ""
    if track.codec not in TEXTS:
        return None, _lost(track, f"{suffix} does not hold subtitles of this kind; an output in .mkv may")
    name = _TEXT[muxer]
    return TrackWay(track, "encode", name), f"{track.label} becomes {name}: {suffix} does not hold it as it is"


def _data_notice(track: Track, stream: Any) -> str:
    # FFmpeg reads an MP4's chapters from a track of this kind, and never gives its packets out; chapters come along.
    if stream.discard == Discard.all or stream.metadata.get("timecode"):
        return ""
    about = ", ".join(filter(None, (stream.name, stream.metadata.get("handler_name", "").strip())))
    named = f"{track.label} ({about})" if about and not track.codec else track.label
    return f"{named} is left out on purpose: such tracks often tell where a clip was taken"


def _lost(track: Track, why: str) -> str:
    return f"{track.label} is left out: {why}"


def _first_packets(source: Any, streams: list[Any]) -> dict[int, Any]:
    """The first packet of each stream, by its index, where it comes soon."""
    found: dict[int, Any] = {}
    if not streams:
        return found
    try:
        for count, packet in enumerate(source.demux(tuple(streams))):
            if packet.size:
                found.setdefault(packet.stream.index, packet)
            if len(found) == len(streams) or count > _MOST_PEEKED:
                break
    except av.FFmpegError:  # a broken file: the reader of the video says so
        pass
    return found


def _holds(stream: Any, packet: Any, muxer: str) -> bool:
    """Whether a file with this track can be written and read as what it is."""
    memory = BytesIO()
    try:
        with av.open(memory, "w", format=muxer) as sink:
            twin = sink.add_stream_from_template(stream)
            sink.start_encoding()
            if packet is not None:
                _mux_copy(sink, twin, packet)
        if packet is None:
            return True
        memory.seek(0)
        with av.open(memory, format=muxer) as written:
            return _names(written.streams) == [stream.codec_context.name]
    except (av.FFmpegError, ValueError):
        return False


def _mux_copy(sink: Any, stream: Any, packet: Any) -> None:
    copy = av.Packet(bytes(packet))
    copy.time_base, copy.duration = packet.time_base, packet.duration
    copy.pts = copy.dts = 0
    copy.stream, copy.is_keyframe = stream, True
    sink.mux(copy)


def _names(streams: Iterable[Any]) -> list[str]:
    return [stream.codec_context.name if stream.codec_context is not None else "" for stream in streams]


def _padding(stream: Any, first: Any, muxer: str) -> int:
    """Samples before 0 that a copied AAC track begins with, where the source's own header doesn't tell the muxer."""
    context = stream.codec_context
    if muxer != "matroska" or context.name != "aac" or first is None or first.pts is None or not first.is_discard:
        return 0
    before = -first.pts * first.time_base
    return round(before * context.sample_rate) if 0 < before <= _MOST_PADDING_S else 0
