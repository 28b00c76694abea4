"""What a finished file shows and plays, as a digest: who works on it afterwards may add to it, and change none of that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from roop_host.media.info import MediaInfo
from roop_host.media.pictures.animation_files import pictures_of
from roop_host.media.pictures.files import known_picture
from roop_host.media.pictures.reading import probe_picture, read_pages, read_picture
from roop_host.media.pictures.rest import rest_of
from roop_host.media.reading.probe import open_clip, probe
from roop_host.types.frame import Frame

# What of ``MediaInfo.left_out`` can be seen; the rest is text, and credentials are what finishers are there for.
_SEEN = ("preview", "picture", "profile", "gamma", "depth")
_CODEC_TELLS = ("name", "width", "height", "pix_fmt", "sample_rate", "layout", "color_range", "colorspace", "color_trc")


def media_digest(path: Path) -> bytes:
    """Equal for two files only where they show and play the same: SHA-256. One packet or picture is in memory at a time.

    Of a clip it holds every packet of every track with its times, and what tells decoders and players how to show them;
    of pictures the decoded samples, how long each is shown, profile and previews. Raises ``InputError`` for what can't be
    read, ``av.FFmpegError`` for a clip that breaks off.
    """
    digest = hashlib.sha256()
    info = probe_picture(path)
    for part in _of_clip(path) if info is None else _of_pictures(path, info):
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.digest()


def _of_clip(path: Path) -> Iterator[bytes]:
    info = probe(path)
    yield repr((info.rotation, info.matrix, info.sample_aspect_ratio, info.colour, info.hdr, info.field_order)).encode()
    yield repr([what for what in info.left_out if any(word in what for word in _SEEN)]).encode()
    with open_clip(path) as container:
        tracks = {stream.index: _Track(stream) for stream in container.streams}
        for packet in container.demux():
            tracks[packet.stream.index].take(packet)
    for track in tracks.values():  # one after the other: how they are interleaved is the file's own affair
        yield track.digest.digest()


class _Track:
    """All packets of one track so far."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        told = [str(getattr(context, name, None)) for name in _CODEC_TELLS]
        seen = (stream.index, stream.type, str(stream.time_base), int(stream.disposition), told)
        self.digest = hashlib.sha256(repr(seen).encode() + (getattr(context, "extradata", None) or b""))

    def take(self, packet: Any) -> None:
        if packet.size:
            self.digest.update(repr((packet.pts, packet.dts, packet.duration, packet.size)).encode())
            self.digest.update(packet)


def _of_pictures(path: Path, info: MediaInfo) -> Iterator[bytes]:
    seen = [what for one in (info, *info.items) for what in one.left_out if any(word in what for word in _SEEN)]
    yield repr((info.kind, info.codec, info.loop, info.pages, seen)).encode()
    with known_picture(path) as image:
        yield repr(sorted((key, image.info.get(key)) for key in ("gamma", "icc_profile", "transparency"))).encode()
    yield from rest_of(path, info.codec)
    if info.kind == "animation":
        with known_picture(path) as image:
            for delay_s, rgba in pictures_of(path, image):
                yield repr((delay_s, rgba.shape)).encode() + rgba.tobytes()
        return
    for frame in read_pages(info) if info.kind == "pages" else [read_picture(info)]:
        yield from _samples(frame)


def _samples(frame: Frame) -> Iterator[bytes]:
    yield repr((frame.pixels.layout, frame.width, frame.height)).encode()
    for plane in frame.pixels.planes:
        yield np.ascontiguousarray(plane).tobytes()
