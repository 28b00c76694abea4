"""Fonts that a clip brings for its subtitles: by their bytes, under a name that leads nowhere."""

from __future__ import annotations

import re
from typing import Any

#: What players look for in Matroska, by the file's first four bytes (OpenType, WOFF 1 and 2), with the suffixes that fit.
_FONTS = {
    b"\x00\x01\x00\x00": ("application/x-truetype-font", (".ttf",)),
    b"true": ("application/x-truetype-font", (".ttf",)),
    b"OTTO": ("application/vnd.ms-opentype", (".otf",)),
    b"ttcf": ("application/x-truetype-font", (".ttc", ".otc")),
    b"wOFF": ("font/woff", (".woff",)),
    b"wOF2": ("font/woff2", (".woff2",)),
}
# Twice the largest collection of Chinese, Japanese and Korean that is in use.
_MOST_BYTES = 256 << 20
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


def font_of(stream: Any) -> tuple[str, str] | None:
    """The name and media type to give an attachment, whatever the source calls it; None for what is no font."""
    data = stream.data or b""
    known = _FONTS.get(bytes(data[:4]))
    if known is None or len(data) > _MOST_BYTES:
        return None
    kind, suffixes = known
    base = re.split(r"[/\\]", stream.metadata.get("filename", ""))[-1]
    name = _UNFIT.sub("_", base).lstrip(".") or f"font{suffixes[0]}"
    if not name.lower().endswith((*suffixes, ".ttf", ".otf")):
        name += suffixes[0]
    return name, kind
