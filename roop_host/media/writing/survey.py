"""What encoders there are on this machine: each is really opened, for what a build lists says little of hardware."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roop_host.errors import UsageError
from roop_host.media.info import BT709, MediaInfo
from roop_host.media.pixel_formats import layout_of
from roop_host.media.writing.conversion import sampling
from roop_host.media.writing.encode import open_context, plan_of
from roop_host.media.writing.encoders import ENCODERS, Encoder, formats_of
from roop_host.media.writing.settings import settings_of
from roop_host.types.job import MediaOptions

# Hardware refuses small pictures; none of those in the table refuses this.
_WIDTH, _HEIGHT = 640, 384

State = Literal["ok", "does not open here", "not built in"]


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the table, and what became of it here. ``formats`` is empty where the build does not have the encoder."""

    row: Encoder
    state: State
    formats: tuple[str, ...]

    @property
    def carries(self) -> str:
        """The formats in words."""
        return in_words(self.formats)


def survey(names: Collection[str] = ENCODERS.keys()) -> Iterator[Found]:
    """The encoders of these ``names``, in the table's order."""
    for row in (row for name, row in ENCODERS.items() if name in names):
        formats = formats_of(row.name)
        yield Found(row, _state(row, formats), formats)


def _state(row: Encoder, formats: tuple[str, ...]) -> State:
    if not formats:
        return "not built in"
    pix_fmt = formats[0]
    layout = layout_of(pix_fmt, BT709, _HEIGHT)
    info = MediaInfo(Path(), "video", _WIDTH, _HEIGHT, "", "", pix_fmt=pix_fmt, layout=layout, colour=BT709)
    settings = settings_of(row, info, MediaOptions(), pix_fmt)
    try:
        open_context(plan_of(row.name, pix_fmt, info, options=settings, threads=1, reorder=row.reorder))
    except UsageError:
        return "does not open here"
    return "ok"


def in_words(formats: Iterable[str]) -> str:
    """ "4:2:0 8-10 bit, grey 8 bit; with alpha: 4:2:0 8 bit"."""
    plain: dict[str, set[int]] = {}
    clear: dict[str, set[int]] = {}
    for name in formats:
        layout = layout_of(name, BT709, _HEIGHT)
        kind = {"grey": "grey", "rgb": "RGB"}.get(layout.model) or sampling(layout)
        (clear if layout.alpha else plain).setdefault(kind, set()).add(layout.depth)
    told = [_kinds(plain), f"with alpha: {_kinds(clear)}" if clear else ""]
    return "; ".join(filter(None, told))


def _kinds(kinds: dict[str, set[int]]) -> str:
    return ", ".join(f"{kind} {_bits(depths)} bit" for kind, depths in sorted(kinds.items()))


def _bits(depths: set[int]) -> str:
    least, most = min(depths), max(depths)
    return str(least) if least == most else f"{least}-{most}"
