"""Which encoder, with which settings, and one encoder per segment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from roop_host.errors import OutputError, UsageError
from roop_host.media.info import Colour, MediaInfo
from roop_host.media.reader import AvPixels
from roop_host.media.segments import SegmentPackets
from roop_host.types.frame import Frame
from roop_host.types.job import MediaOptions
from roop_host.types.options import closest


@dataclass(frozen=True, slots=True)
class _Encoder:
    """``crf`` at quality 0 and 100; ``reorder`` is D of the dts rule: packet k is sent when frame k - D is shown."""

    crf: tuple[float, float] | None
    reorder: int
    preset: str | None
    suffixes: frozenset[str]
    most_threads: int | None = None


_MP4, _MOV, _MKV = frozenset({".mp4", ".m4v"}), frozenset({".mov"}), frozenset({".mkv"})
# D as measured over 60 clips for libx264 and libx265 with their default B-frames; the others send in display order.
_ENCODERS = {
    "libx264": _Encoder((40, 12.5), 2, "medium", _MP4 | _MOV | _MKV),
    "libx265": _Encoder((42, 15), 2, "medium", _MP4 | _MOV | _MKV, most_threads=16),  # it refuses more
    "libvpx-vp9": _Encoder((55, 15), 0, None, _MP4 | _MKV),
    "libsvtav1": _Encoder((58, 18), 0, None, _MP4 | _MKV),
    "ffv1": _Encoder(None, 0, None, _MKV),
}
#: Of libx264 and libx265, the fastest first.
_PRESETS = tuple("ultrafast superfast veryfast faster fast medium slow slower veryslow placebo".split())  # noqa: SIM905
#: What libx264 needs to give the same bytes twice: its macroblock tree reads past a half-width that is no multiple of 64.
_MBTREE_WIDTH = 128


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """Everything that decides an encoder's bytes, as plain values."""

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

    def to_json(self) -> dict[str, Any]:
        """Plain values; fractions as text."""
        return {key: str(value) if isinstance(value, Fraction) else value for key, value in asdict(self).items()}


def choose_encoder(info: MediaInfo, options: MediaOptions, output: Path, *, threads: int) -> EncoderPlan:
    """The encoder that was asked for, or the first that carries the picture as it is. Raises ``UsageError``."""
    suffix = output.suffix.lower()
    able = [name for name in _ENCODERS if suffix in _ENCODERS[name].suffixes and not _objection(name, info)]
    name = options.encoder
    if name == "auto":
        if not able:
            raise UsageError(
                f"no encoder for {suffix} carries {info.pix_fmt} at {info.width}x{info.height}; name an output in .mkv"
            )
    elif name not in _ENCODERS:
        raise UsageError(f"no encoder is called {name!r}; there are {', '.join(_ENCODERS)}")
    elif name not in able:
        why = _objection(name, info) or f"{suffix} does not hold it"
        raise UsageError(f"the encoder {name} can't be used: {why}; these can: {', '.join(able) or 'none in ' + suffix}")
    if not 0 <= options.quality <= 100:
        raise UsageError(f"--quality is 0 to 100, not {options.quality}")
    refusals = []
    for candidate in able if name == "auto" else [name]:
        try:
            plan = _plan(candidate, info, options, threads)
            _open(plan)  # what an encoder lists and what it opens with differ
        except UsageError as error:
            refusals.append(error)
        else:
            return plan
    raise refusals[0]


def _plan(name: str, info: MediaInfo, options: MediaOptions, threads: int) -> EncoderPlan:
    most = _ENCODERS[name].most_threads or threads
    return EncoderPlan(
        name=name,
        pix_fmt=info.pix_fmt,
        options=_options(name, info, options),
        threads=max(1, min(threads, most)),
        reorder=_ENCODERS[name].reorder,
        width=info.width,
        height=info.height,
        time_base=info.time_base,
        rate=info.average_rate or Fraction(30),
        sample_aspect_ratio=info.sample_aspect_ratio,
        colour=info.colour,
    )


def _options(name: str, info: MediaInfo, options: MediaOptions) -> tuple[tuple[str, str], ...]:
    encoder = _ENCODERS[name]
    chosen: dict[str, str] = {}
    if encoder.crf is not None:
        worst, best = encoder.crf
        chosen["crf"] = f"{worst + (best - worst) * options.quality / 100:g}"
    if encoder.preset is not None:
        chosen["preset"] = encoder.preset if options.preset == "auto" else options.preset
        if chosen["preset"] not in _PRESETS:  # x264 would print its own line about it
            near = closest(options.preset, _PRESETS)
            raise UsageError(f"{name} has no preset {options.preset!r}{near} (there are: {', '.join(_PRESETS)})")
    elif options.preset != "auto":
        raise UsageError(f"the encoder {name} has no --preset; leave it out")
    if name == "libx264" and info.width % _MBTREE_WIDTH:
        chosen["x264-params"] = "mbtree=0"
    if name == "libx265":
        chosen["x265-params"] = "log-level=error"
    if name == "libvpx-vp9":
        chosen |= {"b": "0", "row-mt": "1", "cpu-used": "2"}
    return tuple(sorted(chosen.items()))


def _objection(name: str, info: MediaInfo) -> str | None:
    try:
        codec = av.Codec(name, "w")
    except ValueError:
        return "this build of FFmpeg does not have it"
    formats = [pixel.name for pixel in codec.video_formats or ()]
    if info.pix_fmt not in formats:
        return f"it does not carry {info.pix_fmt}"
    layout = info.layout
    if name == "libvpx-vp9" and layout.alpha:  # its alpha is a second stream beside the packets, which segments don't keep
        return f"it does not carry the alpha of {info.pix_fmt}"
    if name in ("libx264", "libx265") and (info.width % (1 << layout.shift_x) or info.height % (1 << layout.shift_y)):
        return f"it does not carry the odd size {info.width}x{info.height} in {info.pix_fmt}"
    return None


class SegmentEncoder:
    """Encodes one segment. Equal frames and plan give equal bytes."""

    def __init__(self, plan: EncoderPlan) -> None:
        self._plan = plan
        self._pts: list[int] = []
        self._durations: list[int] = []
        self._packets: list[tuple[int, bool, bytes]] = []
        self._context = _open(plan)

    def encode(self, frame: Frame) -> None:
        """Take a frame; it may not be changed afterwards."""
        pixels = frame.pixels
        if not isinstance(pixels, AvPixels):
            raise TypeError("only decoded frames are encoded")
        if self._pts and frame.pts <= self._pts[-1]:
            raise OutputError(f"frame {frame.index} is shown no later than the one before; remux the target first")
        picture = pixels.av_frame
        picture.pts, picture.time_base = frame.pts, frame.time_base
        self._pts.append(frame.pts)
        self._durations.append(frame.duration)
        self._keep(self._context.encode(picture))

    def finish(self) -> SegmentPackets:
        """Everything encoded, in coded order."""
        self._keep(self._context.encode(None))
        return SegmentPackets(
            extradata=bytes(self._context.extradata or b""),
            frame_pts=tuple(self._pts),
            durations=tuple(self._durations),
            packets=tuple(self._packets),
        )

    def _keep(self, packets: list[Any]) -> None:
        self._packets += [(int(packet.pts), bool(packet.is_keyframe), bytes(packet)) for packet in packets]


def _open(plan: EncoderPlan) -> Any:
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
