"""Animations out: GIF, WebP and APNG, one picture in memory at a time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from roop_host.errors import UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.output import unwritable
from roop_host.media.pictures import apng_out, gif_out, webp_out
from roop_host.media.pictures.belongings import belongings_of
from roop_host.media.pictures.gif_out import write_gif
from roop_host.media.pictures.moving import Frames
from roop_host.media.pictures.told import not_held
from roop_host.media.pictures.webp_out import write_webp
from roop_host.types.job import MediaOptions

#: The most frames a second that each format has times for, and that players show.
_FASTEST = {".gif": (Fraction(50), "GIF"), ".webp": (Fraction(1000), "WebP")}
_WEBP_SIDE = 16383
_LOOPS = {".gif": ("GIF", gif_out.MOST_LOOPS), ".webp": ("WebP", webp_out.MOST_LOOPS)}


def check_animation_fits(info: MediaInfo, suffix: str) -> None:
    """Raise ``UsageError`` for what the format can't hold, before anything is done. A GIF may stay as hasty as it was."""
    fastest, name = _FASTEST.get(suffix.lower(), (None, ""))
    rate = info.average_rate
    as_it_was = info.codec == suffix.lower().lstrip(".") and info.reading.rate is None
    if fastest is not None and rate is not None and rate > fastest and not as_it_was:
        raise UsageError(
            f"{info.path} shows {float(rate):g} frames a second, and {name} holds {fastest}; add --fps {fastest} or name "
            "an output in .apng"
        )
    if suffix.lower() == ".webp" and max(info.width, info.height) > _WEBP_SIDE:
        raise UsageError(
            f"WebP holds {_WEBP_SIDE} pixels a side, not {info.width}x{info.height}; name an output in .apng or add --scale"
        )


def write_animation(
    frames: Frames, info: MediaInfo, output: Path, suffix: str, options: MediaOptions, marks: Marks
) -> tuple[str, ...]:
    """Write what ``frames`` gives, its times in ``info.time_base``, as ``suffix`` says; GIF calls it twice.

    Delays and the number of times it is shown are kept (a video is shown for ever), in GIF to 1/100 s. Gives what is to
    be told of what the format doesn't hold. Raises ``OutputError``, ``UsageError`` for more frames than a GIF has times
    for, and whatever ``frames`` raises.
    """
    loop = info.loop if info.kind in ("animation", "picture") else 0
    base = info.time_base
    kept = belongings_of(info)
    suffix = suffix.lower()
    name, most = _LOOPS.get(suffix, ("APNG", apng_out.MOST_LOOPS))
    notices = [f"{name} can be shown {most} times and not {loop}"] if loop is not None and loop > most else []
    if info.layout.depth > 8:
        notices.append(f"{name} holds 8 of the {info.layout.depth} bits that the target has")
    notices += not_held(info, kept, suffix, name, grey=False, deep=False)
    try:
        with output.open("w+b") as file:
            match suffix:
                case ".gif":
                    palette = write_gif(frames, file, base, loop, marks, hasty=info.codec == "gif")
                    if not palette.exact:
                        notices.append(f"GIF holds 256 colours, so {len(palette.colours)} stand for all")
                    if info.layout.alpha and info.codec != "gif":
                        notices.append("GIF makes half transparent pixels opaque or clear; WebP and APNG keep them")
                case ".webp":
                    write_webp(frames, file, base, loop, marks, kept, options.quality)
                case _:
                    apng_out.write_apng(frames, file, base, loop, marks, kept)
    except OSError as error:
        raise unwritable(output, error) from error
    return tuple(notices)
