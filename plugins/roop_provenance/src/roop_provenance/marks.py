"""The plain marks of a file: what it says of itself, which anyone can write and anyone can take away."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from roop_host import one_line
from roop_provenance.boxes import look_into_boxes, look_into_matroska
from roop_provenance.found import LONGEST, Bytes, Found, within_bounds
from roop_provenance.pictures import look_into_gif, look_into_jpeg, look_into_png, look_into_riff, look_into_tiff
from roop_provenance.xmp import read_packet

#: How a file of another kind is searched: packets may stand anywhere in it (XMP specification, part 3).
_SEARCHED, _PACKET, _PACKET_END = 16 << 20, b"<x:xmpmeta", b"</x:xmpmeta>"
#: One line is far shorter; cleaning a megabyte of text for it takes a second.
_LONGEST_VALUE = 4000
#: What the host writes as note of every file that it makes.
_NOTE = "synthetic media"
#: What web interfaces of image generators leave in a PNG.
_OF_GENERATORS = ("parameters", "prompt", "workflow", "sd-metadata", "invokeai_metadata", "dream")
#: A credit names people; that is theirs, unless it says what this is about.
_OF_AI = re.compile(r"\bAI\b|artificial|generated|synthetic", re.IGNORECASE)
_TERM = re.compile(r"(?:Iptc4xmpExt:)?digital[_ ]?source[_ ]?type", re.IGNORECASE)
_KINDS = {"description": "note", "comment": "note", "imagedescription": "note", "usercomment": "note", "title": "note"}
_TOOLS = ("software", "creatortool", "encoder", "com.apple.quicktime.software")


class Format(NamedTuple):
    """What a file is by its first bytes. ``walk`` finds marks in it, None where it is searched for packets only."""

    name: str
    media_type: str
    walk: Callable[[Bytes, Found], None] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing a file says of itself.

    ``kind`` is "source type", "note", "aigc", "tool", "credit", "generator" or "credentials elsewhere"; ``where`` says in
    what it stands. ``value`` is one line without control characters.
    """

    kind: str
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Marked:
    """All plain marks; ``c2pa_bytes`` of Content Credentials stand in the file, whether they can be read or not."""

    marks: tuple[Mark, ...]
    c2pa_bytes: int
    notices: tuple[str, ...]


def format_of(head: bytes) -> Format | None:
    """What a file is, of its first 64 bytes and never of its name; None for what is no known kind."""
    if head[4:8] == b"ftyp":
        return _boxed(head)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    for start, what in _STARTS:
        if head.startswith(start):
            return what
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return Format("SVG drawing", "image/svg+xml") if text.startswith((b"<svg", b"<?xml")) and b"<svg" in text else None


def marks_of(data: Bytes, kind: Format | None) -> Marked:
    """The plain marks inside of a file."""
    found, notices = Found(), list[str]()
    with within_bounds(notices):
        if kind is None or kind.walk is None:
            _search(data, found)
        else:
            kind.walk(data, found)
    return _told(found, notices)


def marks_in_packet(packet: bytes, where: str) -> Marked:
    """The marks of an XMP file beside another one."""
    return _told(Found(xmp=[(where, packet[:LONGEST])]), [])


def _told(found: Found, notices: list[str]) -> Marked:
    marks: list[Mark] = []
    for where, packet in found.xmp:
        said = read_packet(packet)
        if said.broken:
            notices.append(f"its {where} is broken, so that there may have been more in it")
        for kind, value in said.facts:
            marks += _of_value(kind, value, where)
    for where, name, value in found.texts:
        marks += _of_value(_kind_of(name), value, where)
    return Marked(tuple(dict.fromkeys(marks)), found.c2pa_bytes, tuple(dict.fromkeys(notices)))


def _kind_of(name: str) -> str:
    plain = name.lower()
    if _TERM.fullmatch(plain):
        return "source type"
    if plain == "aigc":
        return "aigc"
    if plain in _TOOLS:
        return "tool"
    return "generator" if plain in _OF_GENERATORS else _KINDS.get(plain, "")


def _of_value(kind: str, value: str, where: str) -> list[Mark]:
    """Of notes only those that tell of synthetic media: what else people write is nobody's business here."""
    line = one_line(value[:_LONGEST_VALUE])
    if kind in ("note", "description"):
        if '"aigc"' in line.lower() or "tc260" in line.lower():
            return [Mark("aigc", line, where)]
        return [Mark("note", line, where)] if _NOTE in line.lower() else []
    if kind == "credit" and not _OF_AI.search(line):
        return []
    return [Mark(kind, line, where)] if kind and line else []


def _search(data: Bytes, found: Found) -> None:
    """Packets that stand plainly in a file whose structure is not known here."""
    step, behind = LONGEST // 2, 0
    for place in range(0, min(data.size, _SEARCHED), step):
        window = data.at(place, LONGEST)
        start = window.find(_PACKET)
        end = window.find(_PACKET_END, start)
        if start >= 0 and end >= 0 and place + start >= behind:
            behind = place + end + len(_PACKET_END)
            found.add_xmp("XMP", window[start : end + len(_PACKET_END)])


def _boxed(head: bytes) -> Format:
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, len(head), 4))}
    if head[8:12] == b"qt  ":
        return Format("MOV video", "video/quicktime", look_into_boxes)
    if brands & {b"avif", b"avis"}:
        return Format("AVIF picture", "image/avif", look_into_boxes)
    if head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"heim", b"heis"):
        return Format("HEIC picture", "image/heic", look_into_boxes)
    if head[8:12] in (b"M4A ", b"M4B "):
        return Format("M4A sound", "audio/mp4", look_into_boxes)
    return Format("MP4 video", "video/mp4", look_into_boxes)


_RIFF = {
    b"WEBP": Format("WebP picture", "image/webp", look_into_riff),
    b"AVI ": Format("AVI video", "video/avi", look_into_riff),
    b"WAVE": Format("WAV sound", "audio/wav", look_into_riff),
}
_TIFF = Format("TIFF picture", "image/tiff", look_into_tiff)
_STARTS: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", Format("JPEG picture", "image/jpeg", look_into_jpeg)),
    (b"\x89PNG\r\n\x1a\n", Format("PNG picture", "image/png", look_into_png)),
    (b"GIF87a", Format("GIF picture", "image/gif", look_into_gif)),
    (b"GIF89a", Format("GIF picture", "image/gif", look_into_gif)),
    *((start, _TIFF) for start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (b"\x1aE\xdf\xa3", Format("Matroska or WebM video", "video/x-matroska", look_into_matroska)),
    (b"\x00\x00\x00\x0cJXL ", Format("JPEG XL picture", "image/jxl", look_into_boxes)),
    (b"\xff\x0a", Format("JPEG XL picture", "image/jxl")),
    (b"BM", Format("BMP picture", "image/bmp")),
    (b"%PDF-", Format("PDF document", "application/pdf")),
    (b"fLaC", Format("FLAC sound", "audio/flac")),
    (b"ID3", Format("MP3 sound", "audio/mpeg")),
)
