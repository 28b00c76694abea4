"""Where marks stand in pictures: JPEG, PNG, GIF, TIFF and the RIFF family (WebP, AVI, WAV). Structure only, no pixels."""

from __future__ import annotations

from roop_provenance.found import LONGEST, Bytes, Found, Order, TooMuch

_XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
#: The rest of a packet of more than 64 kB: behind the name a hash of the whole, its length and a place in it, in 40 bytes.
_MORE_XMP_IN_JPEG = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF_IN_JPEG = b"Exif\0\0"
_PNG_XMP = "XML:com.adobe.xmp"
_PNG_PIXELS = (b"IDAT", b"fdAT")
#: The bytes behind a GIF's raw packet that lead a reader of lengths to its end (XMP specification, part 3).
_GIF_TRAILER = b"\x01\xff\xfe"
#: TIFF 6.0, EXIF 2.32, XMP part 3, C2PA 2.x: tag to name.
_TIFF_TEXTS = {270: "ImageDescription", 305: "Software", 315: "Artist", 37510: "UserComment"}
_TIFF_XMP, _TIFF_EXIF, _TIFF_C2PA = 700, 34665, 0xCD41
_TIFF_UNDEFINED = 7
_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8}
_MOST_IFDS, _MOST_TAGS = 10_000, 1024
#: RIFF: the INFO list's names (Microsoft, 1991).
_RIFF_TEXTS = {b"ICMT": "comment", b"INAM": "title", b"ISFT": "software"}


def look_into_jpeg(data: Bytes, found: Found) -> None:
    """APP1 has XMP and EXIF, APP11 JUMBF, COM a comment; all before the first scan (ITU-T T.81)."""
    place, more = 2, dict[bytes, list[tuple[int, bytes]]]()
    while place + 4 <= data.size:
        head = data.at(place, 4)
        if head[0] != 0xFF:
            found.look_for_c2pa(data, place, data.size)
            break
        if head[1] == 0xFF:  # a fill byte
            place += 1
            continue
        length = int.from_bytes(head[2:4], "big")
        if head[1] in (0xD9, 0xDA):
            break
        found.look_for_c2pa(data, place, length + 2)
        if length < 2:
            break
        if head[1] in (0xE1, 0xFE):
            body = data.at(place + 4, length - 2)
            if body.startswith(_MORE_XMP_IN_JPEG):
                said = body[len(_MORE_XMP_IN_JPEG) :]
                more.setdefault(said[:32], []).append((int.from_bytes(said[36:40], "big"), said[40:]))
            else:
                _jpeg_segment(head[1], data, body, found)
        elif head[1] == 0xEB and data.at(place + 4, 2) == b"JP":
            found.c2pa_bytes += length
        place += 2 + length
    for pieces in more.values():
        packet = b"".join(piece for _, piece in sorted(pieces))
        found.full = found.full or len(packet) > LONGEST
        found.add_xmp("XMP", packet[:LONGEST])


def _jpeg_segment(marker: int, data: Bytes, body: bytes, found: Found) -> None:
    if marker == 0xFE:
        found.add_text("comment", "comment", body)
    elif body.startswith(_XMP_IN_JPEG):
        found.add_xmp("XMP", body[len(_XMP_IN_JPEG) :])
    elif body.startswith(_EXIF_IN_JPEG):
        look_into_tiff(data.part(body[len(_EXIF_IN_JPEG) :]), found, "EXIF")


def look_into_png(data: Bytes, found: Found) -> None:
    """Also APNG. Texts may be packed, at any ratio."""
    place = 8
    while place + 12 <= data.size:
        head = data.at(place, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind in (b"iTXt", b"tEXt", b"zTXt"):
            _png_text(kind, data, data.at(place + 8, length), found)
        elif kind == b"eXIf":
            look_into_tiff(data.part(data.at(place + 8, length)), found, "EXIF")
        elif kind == b"caBX":
            found.add_c2pa(length)
        elif kind == b"IEND":
            return
        elif kind not in _PNG_PIXELS:
            found.look_for_c2pa(data, place, 8 + length)
        place += 12 + length


def _png_text(kind: bytes, data: Bytes, body: bytes, found: Found) -> None:
    key, _, rest = body.partition(b"\0")
    name = key.decode("latin-1")
    if kind == b"tEXt":
        found.add_text("PNG text", name, rest.decode("latin-1"))
        return
    if kind == b"zTXt":
        found.add_text("PNG text", name, data.unzipped(rest[1:]).decode("latin-1"))
        return
    packed, rest = rest[:1] == b"\x01", rest[2:]
    value = rest.split(b"\0", 2)[-1]
    value = data.unzipped(value) if packed else value
    if name == _PNG_XMP:
        found.add_xmp("XMP", value)
    else:
        found.add_text("PNG text", name, value)


def look_into_gif(data: Bytes, found: Found) -> None:
    """Extensions between the frames (GIF89a): comments, XMP, C2PA."""
    flags = data.number(10, 1)
    place = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while place < data.size:
        kind = data.at(place, 2)
        if kind[:1] == b"\x2c":
            flags = data.number(place + 9, 1)
            place += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
            place = data.behind_blocks(place)
        elif kind == b"\x21\xff":
            place = _gif_application(data, place + 2, found)
        elif kind[:1] == b"\x21":
            behind = data.behind_blocks(place + 2)
            found.look_for_c2pa(data, place, behind - place)
            if kind == b"\x21\xfe":
                found.add_text("comment", "comment", _joined(data.at(place + 2, behind - place - 2)))
            place = behind
        else:
            found.look_for_c2pa(data, place, data.size)
            return


def _gif_application(data: Bytes, place: int, found: Found) -> int:
    name = data.at(place + 1, 11)
    start = place + 1 + data.number(place, 1)
    behind = data.behind_blocks(start)
    if name == b"XMP DataXMP":
        found.add_xmp("XMP", data.at(start, behind - start).partition(_GIF_TRAILER)[0])
    elif name[:8] == b"C2PA_GIF":
        found.add_c2pa(behind - place)
    else:
        found.look_for_c2pa(data, place, behind - place)
    return behind


def _joined(raw: bytes) -> bytes:
    """Sub-blocks without their lengths."""
    parts, at = [], 0
    while at < len(raw) and raw[at]:
        parts.append(raw[at + 1 : at + 1 + raw[at]])
        at += 1 + raw[at]
    return b"".join(parts)


def look_into_tiff(data: Bytes, found: Found, where: str = "TIFF tag") -> None:
    """Every directory of a TIFF, BigTIFF, DNG or EXIF block; directories that lead in a circle are left."""
    order: Order = "little" if data.at(0, 2) == b"II" else "big"
    big = data.number(2, 2, order) == 43
    wide, entry, count_size = (8, 20, 8) if big else (4, 12, 2)
    waiting, seen = [data.number(8 if big else 4, wide, order)], set[int]()
    while waiting and len(seen) < _MOST_IFDS:
        place = waiting.pop()
        if not place or place in seen or place >= data.size:
            continue
        seen.add(place)
        count = data.number(place, count_size, order)
        if count > _MOST_TAGS:  # those that are not looked at could name credentials of any length
            raise TooMuch
        data.spend(count)
        table = data.at(place + count_size, count * entry)
        for at in range(0, len(table) - entry + 1, entry):
            _tiff_tag(data, table[at : at + entry], order, wide, found, where, waiting)
        waiting.append(data.number(place + count_size + count * entry, wide, order))
    if any(place not in seen for place in waiting if 0 < place < data.size):
        raise TooMuch


def _tiff_tag(data: Bytes, tag: bytes, order: Order, wide: int, found: Found, where: str, waiting: list[int]) -> None:
    number, kind = (int.from_bytes(tag[at : at + 2], order) for at in (0, 2))
    length = int.from_bytes(tag[4 : 4 + wide], order) * _TIFF_WIDTHS.get(kind, 1)
    pointed = int.from_bytes(tag[4 + wide :], order)
    if number not in _TIFF_TEXTS and number not in (_TIFF_XMP, _TIFF_EXIF, _TIFF_C2PA):
        if kind == _TIFF_UNDEFINED:
            found.look_for_c2pa(data, pointed, length)
        return
    if number == _TIFF_EXIF:
        waiting.append(pointed)
    elif number == _TIFF_C2PA:
        found.add_c2pa(length)
    else:
        value = tag[4 + wide : 4 + wide + length] if length <= wide else data.once(pointed, length)
        if value is None:
            found.full = True
        elif number == _TIFF_XMP:
            found.add_xmp("XMP", value)
        else:
            found.add_text(where, _TIFF_TEXTS[number], value[8:] if number == 37510 else value)


def look_into_riff(data: Bytes, found: Found) -> None:
    """WebP, AVI and WAV: chunks, and the texts of the list INFO."""
    place, has_info = 12, False
    while place + 8 <= data.size:
        head = data.at(place, 8)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        body = place + 8
        if kind == b"LIST" and data.at(body, 4) == b"INFO":
            place, has_info = body + 4, True
            continue
        if kind in (b"XMP ", b"_PMX"):
            found.add_xmp("XMP", data.at(body, length))
        elif kind == b"EXIF":
            look_into_tiff(data.part(data.at(body, length).removeprefix(_EXIF_IN_JPEG)), found, "EXIF")
        elif kind == b"C2PA":
            found.add_c2pa(length)
        elif kind in _RIFF_TEXTS and has_info:
            found.add_text("RIFF info", _RIFF_TEXTS[kind], data.at(body, length))
        else:
            found.look_for_c2pa(data, place, 8 + length)
        place = body + length + (length & 1)
