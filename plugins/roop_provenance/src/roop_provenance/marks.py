"""The plain marks of a file: what it says of itself, which anyone can write and anyone can take away."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from roop_host import one_line
from roop_provenance.boxes import look_into_boxes, look_into_matroska
from roop_provenance.found import LONGEST, Bytes, Found, TooMuch
from roop_provenance.pictures import look_into_gif, look_into_jpeg, look_into_png, look_into_riff, look_into_tiff
from roop_provenance.xmp import Work, read_packet

#: So many bytes say what a file is: comments and a document type may stand before the element of a drawing.
HEAD = 4096
#: How a file of another kind is searched: packets may stand anywhere in it (XMP specification, part 3).
_SEARCHED, _PACKET, _PACKET_END = 16 << 20, b"<x:xmpmeta", b"</x:xmpmeta>"
_MORE = "it has more parts than are looked at, so marks further back may have been missed"
#: One line is far shorter; cleaning a megabyte of text for it takes a second.
_LONGEST_VALUE = 4000
#: How the note begins that the host writes into every file that it makes; not where others deny it in a sentence.
_NOTE = re.compile(r"(?:^|[.;|] )synthetic media:", re.IGNORECASE)
#: What web interfaces of image generators leave in a PNG.
_OF_GENERATORS = ("parameters", "prompt", "workflow", "sd-metadata", "invokeai_metadata", "dream")
#: A credit names people; that is theirs, unless it says what this is about. "ai" is a word of Italian and of French.
_OF_AI = re.compile(r"(?<![\w'’])AI\b")
_OF_AI_IN_WORDS = re.compile(
    r"\bAI[- ](?:generated|assisted)|artificial(?:ly generated| intelligence)|\bgenerative\b|deepfake|"
    r"synthetic (?:media|image|picture|photo|video|content)",
    re.IGNORECASE,
)
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
    what it stands, ``beside`` that it is no part of the file. ``value`` is one line without control characters.
    """

    kind: str
    value: str
    where: str
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """All plain marks; ``c2pa_bytes`` of Content Credentials may stand in the file.

    ``has_c2pa`` says that there are some, whether they can be read or not; ``cut`` that the search ended early, so that
    there may be any amount of them.
    """

    marks: tuple[Mark, ...]
    c2pa_bytes: int = 0
    has_c2pa: bool = False
    notices: tuple[str, ...] = ()
    cut: bool = False


def format_of(head: bytes) -> Format | None:
    """What a file is, of its first ``HEAD`` bytes and never of its name; None for what is no known kind."""
    if head[4:8] == b"ftyp":
        return _boxed(head)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    for start, what in _STARTS:
        if head.startswith(start):
            return what
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text and b"<html" not in text:
        return Format("SVG drawing", "image/svg+xml")
    if _is_old_movie(head):
        return Format("MOV video", "video/quicktime", look_into_boxes)
    return Format("MP3 sound", "audio/mpeg") if _is_layer_three(head) else None


def _is_old_movie(head: bytes) -> bool:
    """QuickTime before it had ``ftyp``; small boxes are those of less than 16 MB, which text never begins with."""
    return head[4:8] in (b"moov", b"mdat") or (head[:1] == b"\0" and head[4:8] in (b"wide", b"free", b"skip", b"pnot"))


def _is_layer_three(head: bytes) -> bool:
    """A frame of MPEG sound, layer III, as ISO/IEC 11172-3 has it: no reserved version, bit rate or sampling rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    return head[1] & 0x18 != 0x08 and head[2] >> 4 != 15 and head[2] & 0x0C != 0x0C


def marks_of(data: Bytes, kind: Format | None) -> Marked:
    """The plain marks inside of a file."""
    found, cut = Found(), False
    try:
        if kind is None or kind.walk is None:
            _search(data, found)
        else:
            kind.walk(data, found)
    except TooMuch:
        cut = True
    return _told(found, cut=cut)


def marks_in_packet(packet: bytes, where: str) -> Marked:
    """The marks of an XMP file beside another one."""
    told = _told(Found(xmp=[(where, packet[:LONGEST])]), whose="")
    return replace(told, marks=tuple(replace(mark, beside=True) for mark in told.marks))


def _told(found: Found, *, cut: bool = False, whose: str = "its ") -> Marked:
    marks, notices, work = list[Mark](), list[str](), Work()
    if cut or found.full:
        notices.append(_MORE)
    for where, packet in found.xmp:
        said = read_packet(packet, work)
        if said.end == "cut":
            notices.append(_MORE)
        elif said.end == "broken":
            notices.append(f"{whose}{where} is broken, so that there may have been more in it")
        for kind, value in said.facts:
            marks += _of_value(kind, value, where)
    for where, name, value in found.texts:
        marks += _of_value(_kind_of(name), value, where)
    once, said_once = tuple(dict.fromkeys(marks)), tuple(dict.fromkeys(notices))
    return Marked(once, found.c2pa_bytes, found.has_c2pa, said_once, cut)


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
        return [Mark("note", line, where)] if _NOTE.search(line) else []
    if kind == "credit" and not _speaks_of_ai(line):
        return []
    return [Mark(kind, line, where)] if kind and line else []


def _speaks_of_ai(credit: str) -> bool:
    """In a text of capitals alone only whole phrases count."""
    plain = not credit.isupper() or credit.endswith("AI")
    return bool(_OF_AI_IN_WORDS.search(credit) or (plain and _OF_AI.search(credit)))


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
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), 64), 4))}
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
