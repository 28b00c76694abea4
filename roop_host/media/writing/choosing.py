"""Which encoder, and in which pixel format: what was asked for, or what loses nothing of the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roop_host.errors import UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.pixel_formats import layout_of, nearest, size_step
from roop_host.media.writing.conversion import losses
from roop_host.media.writing.encode import EncoderPlan, open_context, plan_of
from roop_host.media.writing.encoders import CONTAINERS, ENCODERS, Encoder, formats_of
from roop_host.media.writing.settings import settings_of
from roop_host.types.job import MediaOptions
from roop_host.types.options import closest

_AUTO = "auto"
#: FFmpeg's names of decoders whose pictures were kept exactly: so they are again, where the container can.
_LOSSLESS = frozenset({"ffv1", "ffvhuff", "huffyuv", "utvideo", "png", "apng", "qtrle", "rawvideo", "magicyuv", "v210"})
_DEEP = 10
#: What players show that show the codec at all; anything else is said.
_SHOWN = {
    "H.264": ("yuv420p", "nv12"),
    "HEVC": ("yuv420p", "nv12", "yuv420p10le", "p010le"),
    "VP9": ("yuv420p", "yuva420p"),
    "AV1": ("yuv420p", "nv12", "yuv420p10le", "p010le"),
}
#: FFmpeg's names of decoders by codec: a target that is so already needs no word about players.
_DECODERS = {"H.264": "h264", "HEVC": "hevc", "VP9": "vp9", "AV1": "av1"}
#: Formats that keep all are tried in turn where an encoder lists one and then refuses it; more than these are not of use.
_MOST_TRIED = 4


@dataclass(frozen=True, slots=True)
class _Choice:
    """An encoder with the formats to try, the best first."""

    row: Encoder
    formats: tuple[str, ...]


def choose_encoder(info: MediaInfo, options: MediaOptions, output: Path, *, threads: int) -> EncoderPlan:
    """The encoder that was asked for, or the first that carries the picture as it is, really opened. Raises ``UsageError``.

    "auto" takes no hardware, for that does not give the same bytes again, and converts no chroma where another needs not.
    """
    suffix = output.suffix.lower()
    _check(options)
    if options.encoder == _AUTO:
        choices = _by_auto(info, options, suffix)
    else:
        choices = [_as_asked(ENCODERS[options.encoder], info, options, suffix)]
    refusals = []
    for choice in choices:
        for pix_fmt in choice.formats:
            plan = _plan(choice.row, pix_fmt, info, options, threads)
            try:
                open_context(plan)
            except UsageError as error:
                refusals.append(error)
            else:
                return plan
    row = choices[0].row
    if row.hardware:
        raise UsageError(
            f"the encoder {row.name} does not open on this machine: the hardware or driver of {row.hardware} is not there, "
            f"or can't do {choices[0].formats[0]}; {_advice(info, suffix, row)}"
        ) from refusals[0]
    raise refusals[0]


def _check(options: MediaOptions) -> None:
    """Raise ``UsageError`` for a quality or a name that nothing has."""
    if not 0 <= options.quality <= 100:
        raise UsageError(f"--quality is 0 to 100, not {options.quality}")
    name, wanted = options.encoder, options.pixel_format
    if name not in (_AUTO, *ENCODERS):
        raise UsageError(f"no encoder is called {name!r}{closest(name, ENCODERS)} (roop encoders lists them)")
    known = {one for row in ENCODERS for one in formats_of(row)}
    if wanted != _AUTO and wanted not in known:
        raise UsageError(
            f"--pixel-format {wanted!r} is one that no encoder has{closest(wanted, sorted(known))} "
            "(roop encoders lists them; the range of the target is kept in each)"
        )


def _by_auto(info: MediaInfo, options: MediaOptions, suffix: str) -> list[_Choice]:
    choices = _able(info, options, suffix)
    if not choices:
        what = f"no encoder for {suffix} keeps all of {_described(info)}"
        if options.pixel_format != _AUTO:
            what = f"no encoder for {suffix} has {options.pixel_format} for {_described(info)}"
        raise UsageError(f"{what}; {_advice(info, suffix)}")
    return choices


def _able(info: MediaInfo, options: MediaOptions, suffix: str) -> list[_Choice]:
    """The software encoders of a container that can, those for the target's kind first."""
    choices = [_Choice(row, _formats(row, info, options, suffix)) for row in _in_order(info, suffix)]
    able = [choice for choice in choices if choice.formats]
    if options.pixel_format == _AUTO:  # upsampled chroma is kept, but no longer the same samples
        able.sort(key=lambda choice: size_step(choice.formats[0]) != size_step(info.pix_fmt))
    return able


def _as_asked(row: Encoder, info: MediaInfo, options: MediaOptions, suffix: str) -> _Choice:
    formats = _formats(row, info, options, suffix)
    if suffix in row.containers and formats:
        return _Choice(row, formats)
    listed = formats_of(row.name)
    if not listed:
        why = "this build of FFmpeg does not have it"
    elif suffix not in row.containers:
        why = f"{suffix} does not hold {row.codec} (these do: {', '.join(sorted(row.containers))})"
    elif info.field_order is not None and not row.interlaced:
        why = "it can't keep interlaced frames; add --deinterlace"
    elif options.pixel_format != _AUTO and options.pixel_format not in listed:
        why = f"it has no {options.pixel_format}{closest(options.pixel_format, listed)} (it has {', '.join(listed)})"
    else:
        wanted = info.pix_fmt if options.pixel_format == _AUTO else options.pixel_format
        odd = "" if _fits(wanted, info) or not row.whole_chroma else f" at the odd size {info.width}x{info.height}"
        why = f"it does not carry {wanted}{odd}"
    raise UsageError(f"the encoder {row.name} can't be used: {why}; {_advice(info, suffix, row)}")


def _in_order(info: MediaInfo, suffix: str) -> list[Encoder]:
    """The software encoders of a container, those for the target's kind first."""
    first = []
    if info.codec.startswith("prores") or (suffix == ".mov" and info.layout.alpha):
        first.append("prores_ks")
    if info.codec in _LOSSLESS:
        first.append("ffv1")
    if info.colour.hdr or info.layout.depth > _DEEP:
        first.append("libx265")
    rows = [row for row in ENCODERS.values() if not row.hardware and suffix in row.containers]
    return sorted(rows, key=lambda row: first.index(row.name) if row.name in first else len(first))


def _formats(row: Encoder, info: MediaInfo, options: MediaOptions, suffix: str) -> tuple[str, ...]:
    """What the encoder could be opened with for these frames; empty where it can't take them."""
    if info.field_order is not None and not row.interlaced:
        return ()
    able = _fitting(row, info, suffix)
    if options.pixel_format != _AUTO:
        return (options.pixel_format,) if options.pixel_format in able else ()
    found: list[str] = []
    while len(found) < _MOST_TRIED and (best := nearest(able, _of(row, info))) is not None:
        found.append(best)
        able.remove(best)
    return tuple(found)


def _fitting(row: Encoder, info: MediaInfo, suffix: str) -> list[str]:
    """The formats that the encoder takes at this size and the container holds."""
    listed = [one for one in formats_of(row.name) if not row.whole_chroma or _fits(one, info)]
    return [one for one in listed if suffix in row.alpha_in or not layout_of(one, info.colour, info.height).alpha]


def _fits(pix_fmt: str, info: MediaInfo) -> bool:
    step_x, step_y = size_step(pix_fmt)
    return not (info.width % step_x or info.height % step_y)


def _of(row: Encoder, info: MediaInfo) -> str:
    """The format to keep all of. A decoder gives ProRes 4444 as 12 bit, of which the encoder makes ProRes again from 10."""
    if row.codec == "ProRes" and info.codec.startswith("prores"):
        return info.pix_fmt.replace("12le", "10le")
    return info.pix_fmt


def _plan(row: Encoder, pix_fmt: str, info: MediaInfo, options: MediaOptions, threads: int) -> EncoderPlan:
    return plan_of(
        row.name,
        pix_fmt,
        info,
        options=settings_of(row, info, options, pix_fmt),
        threads=min(threads, row.most_threads or threads),
        reorder=row.reorder,
        full_range=row.full_range,
        notices=tuple(_notices(row, pix_fmt, info, options)),
    )


def _notices(row: Encoder, pix_fmt: str, info: MediaInfo, options: MediaOptions) -> Iterator[str]:
    lost = losses(pix_fmt, info.layout)
    if info.layout.full_range and info.layout.model == "yuv" and not row.full_range:
        lost.append("limited range instead of full")
    if lost:
        why = f"--pixel-format {pix_fmt}" if options.pixel_format != _AUTO else f"the encoder {row.name}"
        yield f"{why} gives {', '.join(lost)}"
    if info.colour.hdr and layout_of(pix_fmt, info.colour, info.height).depth < _DEEP <= info.layout.depth:
        yield f"HDR in 8 bit shows steps in soft gradients; leave out --pixel-format {pix_fmt} to keep its depth"
    if (info.hdr.mastering or info.hdr.light) and not row.hdr:
        yield f"{row.name} does not keep the brightness figures of the HDR target (mastering display, MaxCLL)"
    if row.lossless and options.quality != MediaOptions().quality:
        yield f"{row.name} keeps every frame exactly, so --quality {options.quality} changes nothing"
    if row.hardware:
        yield f"{row.name} is hardware: the same job need not give the same bytes again"
    shown, same = _SHOWN.get(row.codec), info.codec == _DECODERS.get(row.codec)
    if options.pixel_format == _AUTO and shown is not None and pix_fmt not in shown and not same:
        yield f"{pix_fmt} keeps all of the target; players that can't show it take --pixel-format {shown[0]}"


def _described(info: MediaInfo) -> str:
    fields = " interlaced" if info.field_order is not None else ""
    return f"{info.pix_fmt} at {info.width}x{info.height}{fields}"


def _advice(info: MediaInfo, suffix: str, refused: Encoder | None = None) -> str:
    """What can carry the target: another encoder, another container, another pixel format, or full frames."""
    told = []
    able = {one: found for one in CONTAINERS if one != ".m4v" and (found := _able(info, MediaOptions(), one))}
    if suffix == ".m4v" and ".mp4" in able:  # one container by two names
        able[suffix] = able[".mp4"]
    if suffix in able:
        told.append(f"--encoder {able[suffix][0].row.name} can")
    elif able:
        told.append(f"name an output in {', '.join(able)}")
    rows = [refused] if refused is not None and suffix in refused.containers else _in_order(info, suffix)
    if (less := _most_kept(info, rows, suffix)) is not None and losses(less, info.layout):
        told.append(f"add --pixel-format {less} ({', '.join(losses(less, info.layout))})")
    if info.field_order is not None and suffix not in able:
        told.append("add --deinterlace")
    return ", or ".join(told) or f"name an output in {', '.join(one for one in CONTAINERS if one != suffix)}"


def _most_kept(info: MediaInfo, rows: list[Encoder], suffix: str) -> str | None:
    """The format of these encoders that loses the fewest things, and is otherwise most like the target's."""
    fields = info.field_order is not None
    able = dict.fromkeys(one for row in rows if row.interlaced or not fields for one in _fitting(row, info, suffix))

    def distance(pix_fmt: str) -> tuple[int, ...]:
        new, old = layout_of(pix_fmt, info.colour, info.height), info.layout
        shifts = abs(new.shift_x - old.shift_x) + abs(new.shift_y - old.shift_y)
        lost = losses(pix_fmt, old)
        return len(lost), old.alpha and not new.alpha, new.model != old.model, abs(new.depth - old.depth), shifts

    return min(able, key=distance, default=None)
