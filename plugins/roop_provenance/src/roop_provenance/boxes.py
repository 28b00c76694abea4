"""Where marks stand in boxes: MP4, MOV, AVIF, HEIC and JPEG XL (ISO/IEC 14496-12), and in Matroska and WebM (RFC 9559)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from roop_provenance.found import LONGEST, Bytes, Found
from roop_provenance.pictures import look_into_tiff

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_TYPE = b"application/rdf+xml"
#: Of an index of pictures, of their pieces and of keys: a real one has some tens.
_MOST_ITEMS = 10_000
_DEEPEST = 8
#: Matroska's elements that hold others, and those that are texts.
_SEGMENT, _INFO, _TAGS, _TAG, _SIMPLE = 0x18538067, 0x1549A966, 0x1254C367, 0x7373, 0x67C8
_CLUSTER, _TAG_NAME, _TAG_STRING = 0x1F43B675, 0x45A3, 0x4487
_TITLE, _WRITING_APP = 0x7BA9, 0x5741
_OPENED = (_SEGMENT, _INFO, _TAGS, _TAG)


class Box(NamedTuple):
    """A box: its type, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


def look_into_boxes(data: Bytes, found: Found) -> None:
    """Top-level boxes and what ``moov`` and ``meta`` hold."""
    for box in _boxes(data, 0, data.size):
        if box.kind == b"uuid":
            name = data.at(box.start, 16)
            if name == _XMP_UUID:
                found.add_xmp("XMP", data.at(box.start + 16, box.end - box.start - 16))
            elif name == _C2PA_UUID:
                found.add_c2pa(box.end - box.start)
            else:
                found.look_for_c2pa(data, box.start, box.end - box.start)
        elif box.kind == b"xml ":  # JPEG XL
            found.add_xmp("XMP", data.at(box.start, box.end - box.start))
        elif box.kind == b"jumb":
            found.c2pa_bytes += box.end - box.start
            found.look_for_c2pa(data, box.start, box.end - box.start)
        elif box.kind == b"meta":
            _pictures(data, box, found)
        elif box.kind == b"moov":
            _movie(data, box, found)
        elif box.kind != b"mdat":
            found.look_for_c2pa(data, box.start, box.end - box.start)


def _boxes(data: Bytes, place: int, end: int) -> Iterator[Box]:
    while place + 8 <= end:
        head = data.at(place, 16)
        size, start = int.from_bytes(head[:4], "big"), place + 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), place + 16
        behind = end if size == 0 else min(place + size, end)
        if behind < start:
            return
        yield Box(head[4:8], start, behind)
        place = behind


def _movie(data: Bytes, movie: Box, found: Found) -> None:
    for box in _boxes(data, movie.start, movie.end):
        if box.kind == b"meta":
            _items(data, box, found)
        elif box.kind == b"udta":
            for inner in _boxes(data, box.start, box.end):
                if inner.kind == b"meta":
                    _items(data, inner, found)
                elif inner.kind == b"XMP_":
                    found.add_xmp("XMP", data.at(inner.start, inner.end - inner.start))
                elif inner.kind[:1] == b"\xa9":  # QuickTime: a length, a language, a text
                    length = data.number(inner.start, 2)
                    found.add_text("movie tag", _named(inner.kind), data.at(inner.start + 4, length))


def _inside(data: Bytes, meta: Box) -> int:
    """Where the boxes of a ``meta`` begin: QuickTime's has no version before them."""
    return meta.start if data.at(meta.start + 4, 4) == b"hdlr" else meta.start + 4


def _items(data: Bytes, meta: Box, found: Found) -> None:
    """Tags of a movie: by number, with their names in ``keys``, or by four letters."""
    keys: list[str] = []
    for box in _boxes(data, _inside(data, meta), meta.end):
        if box.kind == b"keys":
            inner = _boxes(data, box.start + 8, box.end)
            keys = [data.at(key.start, min(key.end - key.start, 256)).decode("utf-8", "replace") for key, _ in _few(inner)]
        elif box.kind == b"ilst":
            for tag, _ in _few(_boxes(data, box.start, box.end)):
                number = int.from_bytes(tag.kind, "big")
                name = keys[number - 1] if 0 < number <= len(keys) else _named(tag.kind)
                for value in _boxes(data, tag.start, tag.end):
                    if value.kind == b"data" and data.number(value.start, 4) == 1:  # UTF-8
                        found.add_text("movie tag", name, data.at(value.start + 8, value.end - value.start - 8))


def _few(boxes: Iterator[Box]) -> Iterator[tuple[Box, int]]:
    yield from zip(boxes, range(_MOST_ITEMS), strict=False)


def _named(kind: bytes) -> str:
    return {b"\xa9cmt": "comment", b"\xa9nam": "title", b"\xa9too": "software", b"\xa9swr": "software"}.get(
        kind, kind.decode("latin-1")
    )


def _pictures(data: Bytes, meta: Box, found: Found) -> None:
    """XMP and EXIF of AVIF and HEIC: items of their types, whose bytes lie in pieces anywhere in the file."""
    inside = {box.kind: box for box, _ in _few(_boxes(data, _inside(data, meta), meta.end))}
    if b"iinf" not in inside or b"iloc" not in inside:
        return
    wanted = dict(_item_types(data, inside[b"iinf"]))
    own = inside[b"idat"].start if b"idat" in inside else data.size
    for number, content in _pieces(data, inside[b"iloc"], set(wanted), own, found):
        if wanted[number] == b"Exif":
            skipped = 4 + int.from_bytes(content[:4], "big")
            look_into_tiff(data.part(content[skipped:]), found, "EXIF")
        else:
            found.add_xmp("XMP", content)


def _item_types(data: Bytes, box: Box) -> Iterator[tuple[int, bytes]]:
    """Number and type of the items that hold XMP or EXIF."""
    wide = 2 if data.number(box.start, 1) == 0 else 4
    for item, _ in _few(_boxes(data, box.start + 4 + wide, box.end)):
        body = data.at(item.start, min(item.end - item.start, 512))
        wide_id = 4 if body[:1] == b"\3" else 2
        number, kind = int.from_bytes(body[4 : 4 + wide_id], "big"), body[6 + wide_id : 10 + wide_id]
        if kind == b"Exif" or (kind == b"mime" and _XMP_TYPE in body):
            yield number, kind


def _pieces(data: Bytes, box: Box, wanted: set[int], own: int, found: Found) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of those items that are wanted; ``own`` is where the bytes begin that lie in ``meta`` itself."""
    version, sizes = data.number(box.start, 1), data.number(box.start + 4, 2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    count, place = data.number(box.start + 6, wide), box.start + 6 + wide
    for _ in range(min(count, _MOST_ITEMS)):
        number, place = data.number(place, wide), place + wide
        ground = own if version and data.number(place, 2) & 15 == 1 else 0
        place += 2 if version else 0
        ground, place = ground + data.number(place + 2, base_size), place + 2 + base_size
        pieces, place = data.number(place, 2), place + 2
        content = b""
        for _ in range(min(pieces, _MOST_ITEMS)):
            offset = data.number(place + index_size, offset_size)
            length = data.number(place + index_size + offset_size, length_size)
            place += index_size + offset_size + length_size
            if number in wanted and len(content) < LONGEST:
                piece = data.once(ground + offset, length)
                found.full = found.full or piece is None
                content += piece or b""
        if content:
            yield number, content


def look_into_matroska(data: Bytes, found: Found) -> None:
    """Tags and title. Clusters are passed by their length; one without a length (live) is gone through."""
    _elements(data, 0, data.size, found, 0)


def _elements(data: Bytes, place: int, end: int, found: Found, depth: int) -> None:
    while place + 2 <= end and depth < _DEEPEST:
        number, start, size = _element(data, place)
        if not number:
            return
        behind = end if size is None else min(start + size, end)
        if number in _OPENED:
            _elements(data, start, behind, found, depth + 1)
        elif number == _SIMPLE:
            _tag(data, start, behind, found, depth + 1)
        elif number in (_TITLE, _WRITING_APP):
            name = "title" if number == _TITLE else "software"
            found.add_text("Matroska info", name, data.at(start, behind - start))
        place = start if number == _CLUSTER and size is None else behind


def _tag(data: Bytes, place: int, end: int, found: Found, depth: int) -> None:
    name, value = "", None
    while place + 2 <= end:
        number, start, size = _element(data, place)
        if not number:
            break
        behind = end if size is None else min(start + size, end)
        if number == _TAG_NAME:
            name = data.at(start, min(behind - start, 256)).decode("utf-8", "replace")
        elif number == _TAG_STRING:
            value = data.at(start, behind - start)
        elif number == _SIMPLE and depth < _DEEPEST:
            _tag(data, start, behind, found, depth + 1)
        place = behind
    if value is not None:
        found.add_text("Matroska tag", name, value)


def _element(data: Bytes, place: int) -> tuple[int, int, int | None]:
    """Number, place of the content and its length, None where it is not told; number 0 is no element (RFC 8794)."""
    head = data.at(place, 12)
    id_length = 9 - head[0].bit_length() if head else 9
    if id_length > 4 or len(head) <= id_length:
        return 0, place, 0
    size_length = 9 - head[id_length].bit_length()
    if size_length > 8 or len(head) < id_length + size_length:
        return 0, place, 0
    raw = int.from_bytes(head[id_length : id_length + size_length], "big") & ((1 << 7 * size_length) - 1)
    unknown = raw == (1 << 7 * size_length) - 1
    return int.from_bytes(head[:id_length], "big"), place + id_length + size_length, None if unknown else raw
