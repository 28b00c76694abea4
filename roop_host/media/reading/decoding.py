"""Packets into pictures, up to where a file breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

import av

from roop_host.media.limits import MAX_PIXELS


class BrokenOff(Exception):
    """The stream can't be decoded any farther."""


def decoder_of(stream: Any, name: str | None, threads: int) -> Any:
    """The stream's decoder, or one of another ``name``, not yet open."""
    context = stream.codec_context
    if name is not None:
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
    context.thread_count, context.thread_type = threads, "AUTO"
    context.options = {"max_pixels": str(MAX_PIXELS)}  # whatever a clip says halfway
    return context


@dataclass(slots=True)
class Damage:
    """Where a transport stream was damaged and went on: how often, and how many packets were left out for it.

    ``missed`` are the times of packets that were left out since the last picture, and whether each looks whole itself.
    """

    places: int = 0
    packets: int = 0
    missed: list[tuple[int, bool]] = field(default_factory=list)


def pictures(container: Any, stream: Any, context: Any, damage: Damage | None = None) -> Iterator[av.VideoFrame]:
    """Decoded pictures in shown order, those that the decoder had to guess among them (``is_corrupt``).

    Raises ``BrokenOff`` behind the last that could be decoded. A transport stream may begin anywhere: there, what can't be
    decoded before the first picture is left out. So it is behind a damaged packet, up to the next keyframe, and ``damage``
    counts it: such streams are recorded off the air, or cut and joined as bytes.
    """
    anywhere = container.format.name == "mpegts"
    damage = Damage() if damage is None else damage
    begun = seen = lost = suspect = False
    missed = 0
    for packet in _packets(container, stream):
        # The demuxer's mark decides: which pictures a decoder with several threads marks for it is a matter of chance.
        if packet is None or (packet.is_corrupt and not anywhere):
            yield from _rest(context)
            raise BrokenOff
        if packet.is_corrupt and not lost:
            found = _good(_rest(context), guessed=begun)
            seen = seen or begun or bool(found)
            yield from found
            context.flush_buffers()
            begun, lost, missed = False, True, 0
        if packet.is_corrupt or suspect:
            # FFmpeg's parser holds a packet back, so that the mark may stand on the one before what is damaged.
            suspect = packet.is_corrupt
        elif lost and packet.is_keyframe:
            lost = False
            damage.places, damage.packets = damage.places + seen, damage.packets + (missed if seen else 0)
        if lost:
            if not packet.size:
                raise BrokenOff
            missed += 1
            if packet.pts is not None:
                damage.missed.append((packet.pts, not packet.is_corrupt))
            continue
        try:
            found = context.decode(packet if packet.size else None)
        except (av.FFmpegError, ValueError) as error:
            if anywhere and not begun:
                continue
            # Threads may have taken packets behind the broken one: what they hold is not to be trusted.
            raise BrokenOff from error
        found = _good(found, guessed=begun or not anywhere)
        begun = begun or bool(found)
        yield from found


def _good(found: list[av.VideoFrame], *, guessed: bool) -> list[av.VideoFrame]:
    """The pictures from the first one on that was not guessed, or all."""
    return found if guessed else list(dropwhile(lambda picture: picture.is_corrupt, found))


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
