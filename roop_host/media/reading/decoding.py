"""Packets into pictures, up to where a file breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av

#: A decoder is given no memory for a larger picture, whatever a clip says halfway.
_MAX_PIXELS = 120_000_000


class BrokenOff(Exception):
    """The stream can't be decoded any farther."""


def decoder_of(stream: Any, name: str | None, threads: int) -> Any:
    """The stream's decoder, or one of another ``name``, not yet open."""
    context = stream.codec_context
    if name is not None:
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
    context.thread_count, context.thread_type = threads, "AUTO"
    context.options = {"max_pixels": str(_MAX_PIXELS)}
    return context


def pictures(container: Any, stream: Any, context: Any) -> Iterator[av.VideoFrame]:
    """Decoded pictures in shown order, those that the decoder had to guess among them (``is_corrupt``).

    Raises ``BrokenOff`` behind the last that could be decoded. A transport stream may begin anywhere: there, what can't be
    decoded before the first picture is left out.
    """
    begun = False
    anywhere = container.format.name == "mpegts"
    for packet in _packets(container, stream):
        if packet is None or (packet.is_corrupt and (begun or not anywhere)):
            yield from _rest(context)
            raise BrokenOff
        try:
            found = context.decode(packet if packet.size else None)
        except (av.FFmpegError, ValueError) as error:
            if anywhere and not begun:
                continue
            # Threads may have taken packets behind the broken one: what they hold is not to be trusted.
            raise BrokenOff from error
        for picture in found:
            if begun or not (anywhere and picture.is_corrupt):
                begun = True
                yield picture


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Each packet, the empty one that ends the stream, or None where the file can't be read on."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        yield None


def _rest(context: Any) -> list[av.VideoFrame]:
    """What the decoder still holds of before the break."""
    try:
        held: list[av.VideoFrame] = context.decode(None)
    except (av.FFmpegError, ValueError):
        return []
    return held
