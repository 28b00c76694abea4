"""Pictures that stand in tracks of text and sound, where nobody looks at them."""

from __future__ import annotations

import re

#: Advanced SubStation: letters become strokes after {\p1}, and a clip of strokes cuts a picture out of any text.
_DRAWING = re.compile(rb"\\\s*(?:p\s*\(?\s*\+?0*[1-9]|i?clip\s*\([^)}]*[a-z])", re.IGNORECASE)
#: What a header of styles has none of: files packed into it, lines that are shown, and pictures that styles name (WebVTT).
_MORE_THAN_STYLES = re.compile(rb"^\s*(?:\[\s*(?:fonts|graphics)\s*\]|(?:dialogue|picture|movie)\s*:)|url\s*\(", re.I | re.M)
#: Tables of a font that hold pictures in place of outlines (OpenType 1.9.1), or layers of colour.
_PICTURED = frozenset((b"SVG ", b"CBDT", b"CBLC", b"EBDT", b"EBLC", b"sbix", b"COLR", b"bdat", b"bloc"))
_COLLECTION, _WOFF, _WOFF2 = b"ttcf", b"wOFF", b"wOF2"
_MOST_TABLES = 4096
_COMMENT = b"\x03vorbis"
# No vendor, no comment, and the bit that ends the header (Vorbis I, 5.2.1).
_NO_COMMENT = _COMMENT + bytes(8) + b"\x01"


def draws(text: bytes) -> bool:
    """Whether a packet of text has strokes for players to draw."""
    return _DRAWING.search(text) is not None


def holds_more_than_styles(header: bytes) -> bool:
    """Whether the header of a track of text brings files, pictures or lines to show."""
    return _MORE_THAN_STYLES.search(header.replace(b"\r", b"\n")) is not None


def holds_pictures(font: bytes) -> bool:
    """Whether letters of a font are pictures; also of one whose tables can't be listed."""
    try:
        return not _PICTURED.isdisjoint(_tables(font))
    except ValueError:
        return True


def _tables(font: bytes) -> frozenset[bytes]:
    """The names of all tables of all fonts in a file. Raises ``ValueError``."""
    kind = font[:4]
    if kind == _WOFF2:
        raise ValueError("its list of tables is packed")
    if kind == _COLLECTION:
        count = _number(font, 8, 4)
        places = [_number(font, 12 + 4 * number, 4) for number in range(min(count, _MOST_TABLES))]
        return frozenset().union(*(_listed(font, place, 4, 12, 16) for place in places))
    return _listed(font, 0, 12, 44, 20) if kind == _WOFF else _listed(font, 0, 4, 12, 16)


def _listed(font: bytes, place: int, counted_at: int, first: int, step: int) -> frozenset[bytes]:
    count = _number(font, place + counted_at, 2)
    places = [place + first + step * number for number in range(count)]
    if places and places[-1] + step > len(font):
        raise ValueError("its list of tables is cut off")
    return frozenset(font[at : at + 4] for at in places)


def _number(data: bytes, place: int, size: int) -> int:
    if place + size > len(data):
        raise ValueError("it is cut off")
    return int.from_bytes(data[place : place + size])


def without_comments(vorbis: bytes) -> bytes | None:
    """The three headers of Vorbis, as containers keep them, with an empty second one: covers may stand there.

    None for what is no such thing.
    """
    if vorbis[:1] != b"\x02":
        return None
    at, sizes = 1, [0, 0]
    for number in range(2):
        while at < len(vorbis) and vorbis[at] == 255:
            sizes[number] += 255
            at += 1
        sizes[number] += vorbis[at] if at < len(vorbis) else 0
        at += 1
    middle, last = at + sizes[0], at + sizes[0] + sizes[1]
    if vorbis[middle : middle + len(_COMMENT)] != _COMMENT or last >= len(vorbis):
        return None
    laced = bytes([255] * (sizes[0] // 255) + [sizes[0] % 255])
    return b"\x02" + laced + bytes([len(_NO_COMMENT)]) + vorbis[at:middle] + _NO_COMMENT + vorbis[last:]
