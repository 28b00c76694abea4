"""Sound encoded anew: sample by sample where it was in time, with silence where the source has a gap."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

# Where these come out as another of them, nothing is lost (but for floats, which become 24 bit).
_LOSSLESS = frozenset({"flac", "alac", "wavpack", "tta", "truehd", "mlp", "ape", "tak", "als", "shorten"})
_LOSSLESS_ENCODERS = ("alac", "flac")
# Bits a second for one channel: above what listeners tell from the source (AAC-LC 96, Opus 80).
_RATES = {"aac": 96_000, "libopus": 80_000, "opus": 80_000}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# Containers round: only what is longer than this is a gap or an overlap and not a rounded time.
_SLACK_S = Fraction(1, 50)


def is_lossless(codec: str) -> bool:
    """Whether a codec keeps every sample; PCM counts, and so do its laws of 8 bit, which no lossy codec should see again."""
    return codec in _LOSSLESS or codec.startswith("pcm_")


def sound_encoder(name: str, source: Any) -> Any:
    """An encoder of ``name``, open, for what decoder ``source`` gives, or None where there is none.

    Its rate is the source's or the next that it takes, its layout the source's or else the usual one of as many channels.
    """
    try:
        codec = av.Codec(name, "w")
    except ValueError:
        return None
    count = source.layout.nb_channels
    for layout in dict.fromkeys((source.layout.name, _LAYOUTS.get(count, "stereo"), "stereo")):
        context: Any = av.CodecContext.create(codec, "w")
        try:
            settle(context, name, source, layout)
            context.open()
        except (av.FFmpegError, ValueError):
            continue
        return context
    return None


def settle(context: Any, name: str, source: Any, layout: str) -> None:
    """Set what an encoder of ``name`` must know before it is opened. Raises ``ValueError`` for a layout without a name."""
    rates = sorted(context.codec.audio_rates or [])
    wanted = source.sample_rate
    context.sample_rate = wanted if not rates else next((rate for rate in rates if rate >= wanted), rates[-1])
    context.time_base = Fraction(1, context.sample_rate)
    context.layout = layout
    context.format = _format(name, source, [form.name for form in context.codec.audio_formats or ()])
    if name in _RATES:
        context.bit_rate = _RATES[name] * context.layout.nb_channels
    context.options = {"strict": "experimental"} if name == "opus" else {}


def _format(name: str, source: Any, offered: list[str]) -> str:
    if name not in _LOSSLESS_ENCODERS:
        order: tuple[str, ...] = ("fltp", "flt", "s32p", "s32", "s16p", "s16")
    elif source.format.bytes > 2:
        order = ("s32p", "s32", "s16p", "s16")
    else:
        order = ("s16p", "s16", "s32p", "s32")
    return next(form for form in order if form in offered)


class SoundEncoder:
    """Encodes decoded frames, each put where its time says, from ``begin`` to ``end`` (output seconds; None is open).

    ``encode`` and ``finish`` give packets in the encoder's time base; encoders that run in begin below 0.
    """

    def __init__(self, context: Any, *, begin: Fraction | None, end: Fraction | None) -> None:
        self._context, self._begin, self._end = context, begin, end
        self._next: int | None = None  # the sample that is to come, in the source's rate
        self._from: Fraction | None = None
        self._rate = 0
        self._form = self._layout = ""

    def silent_from(self, seconds: Fraction) -> None:
        """Begin with silence at that moment, whenever the first frame is heard."""
        self._from = seconds

    def encode(self, frame: Any, seconds: Fraction | None) -> Iterator[Any]:
        """Take a frame that is heard from ``seconds`` on, or right after the last where that is None."""
        if not self._rate:
            self._rate, self._form, self._layout = frame.sample_rate, frame.format.name, _layout_of(frame)
        at = round(seconds * self._rate) if seconds is not None else self._next or 0
        for like in self._alike(frame):
            samples = like.to_ndarray()
            axis = 1 if like.format.is_planar else 0
            if not axis:
                samples = samples.reshape(-1, like.layout.nb_channels)
            yield from self._put(at, samples, axis)
            at += samples.shape[axis]

    def _alike(self, frame: Any) -> list[Any]:
        """The frame as the first one was: broadcasts change from stereo to more and back."""
        channels = av.AudioLayout(self._layout).nb_channels
        if (frame.sample_rate, frame.format.name, frame.layout.nb_channels) == (self._rate, self._form, channels):
            return [frame]
        resampler = av.AudioResampler(self._form, self._layout, self._rate)
        return [*resampler.resample(frame), *resampler.resample(None)]

    def _put(self, at: int, samples: NDArray[Any], axis: int) -> Iterator[Any]:
        at, samples = self._cut(at, samples, axis)
        if not samples.shape[axis]:
            return
        if self._next is None:
            self._next = at if self._from is None else min(at, round(max(self._from, self._begin or 0) * self._rate))
        if at - self._next > _SLACK_S * self._rate:
            yield from self._silence(at - self._next, samples, axis)
        elif self._next - at > _SLACK_S * self._rate:
            samples = samples[:, self._next - at :] if axis else samples[self._next - at :]
        yield from self._give(samples, axis)

    def _cut(self, at: int, samples: NDArray[Any], axis: int) -> tuple[int, NDArray[Any]]:
        length = samples.shape[axis]
        first = max(0, round(self._begin * self._rate) - at) if self._begin is not None else 0
        last = min(length, round(self._end * self._rate) - at) if self._end is not None else length
        kept = slice(min(first, length), max(min(first, length), last))
        return at + first, samples[:, kept] if axis else samples[kept]

    def _silence(self, count: int, like: NDArray[Any], axis: int) -> Iterator[Any]:
        zero = 128 if self._form.startswith("u8") else 0
        while count > 0:
            part = min(count, self._rate)
            shape = (like.shape[0], part) if axis else (part, like.shape[1])
            yield from self._give(np.full(shape, zero, like.dtype), axis)
            count -= part

    def _give(self, samples: NDArray[Any], axis: int) -> Iterator[Any]:
        length = samples.shape[axis]
        if self._next is None or not length:
            return
        flat = samples if axis else samples.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(flat), format=self._form, layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._next, Fraction(1, self._rate)
        self._next += length
        yield from self._context.encode(frame)

    def finish(self) -> Iterator[Any]:
        """The rest."""
        if self._next is not None:
            yield from self._context.encode(None)


def _layout_of(frame: Any) -> str:
    name: str = frame.layout.name
    try:
        av.AudioLayout(name)
    except ValueError:
        return _LAYOUTS.get(frame.layout.nb_channels, "stereo")
    return name if not name.endswith("channels") else _LAYOUTS.get(frame.layout.nb_channels, "stereo")
