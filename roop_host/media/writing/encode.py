"""One encoder per segment: the same plan and frames give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from roop_host.errors import OutputError, UsageError
from roop_host.media.av_pixels import AvPixels
from roop_host.media.info import Colour, FieldOrder, MediaInfo
from roop_host.media.segments import SegmentPackets, shown_segments, stored_packets
from roop_host.media.writing.conversion import Converter, colour_in
from roop_host.types.frame import Frame

#: The kind of a packet's side data that is part of the picture: VP9's alpha. The others are the encoder's statistics.
ALPHA_SIDE_DATA = "matroska_block_additional"
_DEFAULT_RATE = Fraction(30)


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """Everything that decides an encoder's bytes, as plain values; ``notices`` say what is lost or unusual, for people.

    Frames that aren't in ``pix_fmt`` are converted. ``field_order`` is None for progressive pictures.
    """

    name: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...]
    threads: int
    reorder: int
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    sample_aspect_ratio: Fraction | None
    colour: Colour
    field_order: FieldOrder | None = None
    notices: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """Ticks from one frame to the next at this rate; at least one."""
        return max(1, round(1 / self.rate / self.time_base))

    def to_json(self) -> dict[str, Any]:
        """Plain values; fractions as text."""
        return {key: str(value) if isinstance(value, Fraction) else value for key, value in asdict(self).items()}


def plan_of(
    name: str,
    pix_fmt: str,
    info: MediaInfo,
    *,
    options: tuple[tuple[str, str], ...],
    threads: int,
    reorder: int = 0,
    full_range: bool = True,
    notices: tuple[str, ...] = (),
) -> EncoderPlan:
    """The plan for frames of ``info``; ``full_range`` tells whether the encoder's stream can say so."""
    return EncoderPlan(
        name=name,
        pix_fmt=pix_fmt,
        options=options,
        threads=max(1, threads),
        reorder=reorder,
        width=info.width,
        height=info.height,
        time_base=info.time_base,
        rate=info.average_rate or _DEFAULT_RATE,
        sample_aspect_ratio=info.sample_aspect_ratio,
        colour=colour_in(pix_fmt, info.colour, info.layout, full_range=full_range),
        field_order=info.field_order,
        notices=notices,
    )


class SegmentEncoder:
    """Encodes one segment. Equal frames and plan give equal bytes."""

    def __init__(self, plan: EncoderPlan) -> None:
        self._plan = plan
        self._pts: list[int] = []
        self._durations: list[int] = []
        self._left_out: list[tuple[int, int]] = []
        self._packets: list[tuple[int, bool, bytes]] = []
        self._side_data: list[tuple[int, str, bytes]] = []
        self._converted = Converter(plan.pix_fmt, plan.colour, plan.field_order)
        self._context = open_context(plan)

    def encode(self, frame: Frame) -> None:
        """Take a frame; it may not be changed afterwards. Raises ``OutputError`` where the encoder fails on it."""
        pixels = frame.pixels
        if not isinstance(pixels, AvPixels):
            raise TypeError("only decoded frames are encoded")
        if self._pts and frame.pts <= self._pts[-1]:
            raise OutputError(f"frame {frame.index} is shown no later than the one before; remux the target first")
        try:
            picture = pixels.av_frame
            size, wanted = (picture.width, picture.height), (self._plan.width, self._plan.height)
            if size != wanted:  # an encoder would read past its end
                raise ValueError(f"it is {size[0]}x{size[1]} and not {wanted[0]}x{wanted[1]}")
            picture.pts, picture.time_base = frame.pts, frame.time_base
            picture = self._converted(picture, pixels.layout)
            picture.pts, picture.time_base = frame.pts, frame.time_base
            self._pts.append(frame.pts)
            self._durations.append(frame.duration)
            self._keep(self._context.encode(picture))
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise self._failed(f"frame {frame.index}", error) from error

    def leave_out(self, pts: int, duration: int) -> None:
        """Note a frame of the target that is not shown."""
        self._left_out.append((pts, duration or self._plan.step))

    def finish(self) -> SegmentPackets:
        """Everything encoded, in coded order. Raises ``OutputError`` where the encoder fails."""
        try:
            if self._pts:
                self._keep(self._context.encode(None))
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise self._failed(f"the last of {len(self._pts)} frames of a segment", error) from error
        return SegmentPackets(
            extradata=bytes(self._context.extradata or b""),
            frame_pts=tuple(self._pts),
            durations=tuple(self._durations),
            packets=tuple(self._packets),
            left_out=tuple(self._left_out),
            side_data=tuple(self._side_data),
        )

    def _keep(self, packets: list[Any]) -> None:
        for packet in packets:
            place = len(self._packets)
            self._packets.append((int(packet.pts), bool(packet.is_keyframe), bytes(packet)))
            beside = (data for data in packet.iter_sidedata() if data.data_type == ALPHA_SIDE_DATA)
            self._side_data += [(place, data.data_type, bytes(data)) for data in beside]

    def _failed(self, where: str, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or error
        return OutputError(f"the encoder {self._plan.name} failed at {where} ({reason}); take another --encoder")


def intermediate(info: MediaInfo, *, threads: int) -> EncoderPlan:
    """What keeps frames exactly, as 8 bit R, G, B or with alpha, until an animation is made of them: FFV1.

    Only ``decode_segments`` reads it; it is never in an output.
    """
    return plan_of("ffv1", "bgra" if info.layout.alpha else "bgr0", info, options=(("level", "3"),), threads=threads)


def decode_segments(plan: EncoderPlan, paths: Sequence[Path]) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """(pts, duration, picture) of stored segments of an ``intermediate`` plan, as shown, one in memory at a time.

    The picture is uint8 ``(H, W, 3)`` R, G, B, or ``(H, W, 4)`` with alpha, and the caller's own. Raises ``OutputError``.
    """
    channels = [2, 1, 0, 3] if plan.pix_fmt == "bgra" else [2, 1, 0]
    for path, times in shown_segments(paths):
        decoder: Any = av.CodecContext.create(plan.name, "r")
        decoder.width, decoder.height, decoder.pix_fmt = plan.width, plan.height, plan.pix_fmt
        decoder.extradata = times.extradata
        decoder.thread_type, decoder.thread_count = "SLICE", plan.threads
        try:
            for place, (_, _, data) in enumerate(stored_packets(path)):
                (picture,) = decoder.decode(av.Packet(data))
                plane = picture.planes[0]
                samples = np.frombuffer(plane, np.uint8).reshape(plane.height, -1, 4)[:, : plane.width]
                yield times.frame_pts[place], times.durations[place], np.ascontiguousarray(samples[..., channels])
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(
                f"the unfinished work in {path.parent} is damaged ({error}); delete that folder and run again"
            ) from error


def open_context(plan: EncoderPlan) -> Any:
    """An encoder that is open: what one lists and what it opens with differ. Raises ``UsageError``."""
    try:
        context = make_context(plan)
        context.open()
    except (av.FFmpegError, ValueError) as error:
        preset = dict(plan.options).get("preset")
        settings = plan.pix_fmt if preset is None else f"{plan.pix_fmt} with the preset {preset}"
        raise UsageError(f"the encoder {plan.name} refuses {settings}; check --encoder and --preset") from error
    return context


def make_context(plan: EncoderPlan) -> Any:
    """A fresh encoder of ``plan``, not yet open."""
    if plan.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: it writes a dozen lines whenever it is opened
    context = av.CodecContext.create(plan.name, "w")
    apply_plan(context, plan)
    context.options = dict(plan.options)
    context.thread_count = plan.threads
    return context


def apply_plan(context: Any, plan: EncoderPlan) -> None:
    """What encoder and muxer stream must agree on."""
    context.width, context.height, context.pix_fmt = plan.width, plan.height, plan.pix_fmt
    context.time_base, context.framerate = plan.time_base, plan.rate
    if plan.sample_aspect_ratio is not None:
        context.sample_aspect_ratio = plan.sample_aspect_ratio
    colour = plan.colour
    context.color_range, context.color_primaries = colour.range, colour.primaries
    context.color_trc, context.colorspace = colour.transfer, colour.space
    context.flags |= int(av.codec.context.Flags.global_header)
