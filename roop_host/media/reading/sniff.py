"""What a file is that can't be read here, told by its first bytes and never by its name."""

from __future__ import annotations

import struct
from pathlib import Path

_HEAD = 4096
_TS_SYNC = b"\x47"
_TS_SEARCHED = 5 * 204
#: First bytes, what they are of, and what helps. The signatures are those of the formats' own specifications.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"ffconcat", "a list of other files (ffconcat)", "join the clips into one first"),
    (b"#EXTM3U", "a playlist (HLS) and no video itself", "download the clip first"),
    (b"<?xpacket", "an XMP text", "name the picture or video it belongs to"),
    (b"%!PS", "a PostScript or EPS drawing", "export it as PNG first"),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing", "export it as PNG first"),
    (b"%PDF", "a PDF document", "export the page as PNG first"),
    (b"8BPS", "a Photoshop document", "export it as PNG or TIFF first"),
    (b"gimp xcf", "a GIMP document", "export it as PNG or TIFF first"),
    (b"PK\x03\x04", "a ZIP archive or an office document", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"ID3", "an MP3 sound file", "name a picture or a video"),
    (b"fLaC", "a FLAC sound file", "name a picture or a video"),
    (b"OggS", "an Ogg file", "convert it to MP4 or MKV first"),
    (b"FLV", "a Flash video", "convert it to MP4 or MKV first"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media (ASF) file", "convert it to MP4 or MKV first"),
    (b".RMF", "a RealMedia file", "convert it to MP4 or MKV first"),
    (b"\x00\x00\x01\xba", "an MPEG program stream", "convert it to MP4, MKV or MPEG-TS first"),
    (b"\x00\x00\x01\xb3", "a bare MPEG video stream", "put it into MKV or MPEG-TS first"),
    (b"\x00\x00\x00\x01", "a bare video stream without a container", "put it into MP4 or MKV first"),
    (b"DKIF", "an IVF stream", "put it into MKV or WebM first"),
    (b"YUV4MPEG2", "an uncompressed Y4M stream", "convert it to MKV with FFV1 first"),
    (b"\xff\x0a", "a JPEG XL picture", "convert it to PNG first"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", "convert it to PNG first"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", "convert it to 16 bit PNG or TIFF first"),
    (b"#?RADIANCE", "a Radiance HDR picture", "convert it to 16 bit PNG or TIFF first"),
    (b"\x7fELF", "a program", "name a picture or a video"),
    (b"MZ", "a program", "name a picture or a video"),
)
_RIFF = {
    b"WAVE": ("a WAV sound file", "name a picture or a video"),
    b"WEBP": ("a WebP picture that is broken", "take another copy"),
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc"), "a HEIC picture"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
    b"crx ": "a raw photograph (CR3)",
}
_CONVERT = "convert it to PNG or JPEG first"


def what_it_is(path: Path) -> tuple[str, str] | None:
    """What a file that can't be read is, as "a PDF document", and what to do about it; None where nothing is known.

    Raises ``OSError``.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[4:8] == b"ftyp":
        brand = _BRANDS.get(head[8:12])
        return (brand, _CONVERT) if brand else _unfinished(path)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    for start, what, advice in _SIGNATURES:
        if head.startswith(start):
            return what, advice
    return _text(head)


def _text(head: bytes) -> tuple[str, str] | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in head.lower():
        return "an SVG drawing", "export it as PNG first"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, perhaps in place of what should have been downloaded", "download the file itself"
    if start and _is_text(head):
        return "a text", "name a picture or a video"
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a letter is cut in two
            return False
        text = head[: error.start].decode()
    return all(letter.isprintable() or letter in "\t\n\r\f" for letter in text)


def _unfinished(path: Path) -> tuple[str, str] | None:
    """An MP4 or MOV without the index of its content: the camera or download broke off."""
    end = path.stat().st_size
    with path.open("rb") as file:
        at, boxes = 0, 0
        while at + 8 <= end and boxes < 1000:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"moov":
                return None if at + size <= end else ("an MP4 or MOV whose index is cut off", "take another copy")
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            if size < 8:
                break
            at, boxes = at + size, boxes + 1
    return "an MP4 or MOV without its index (moov): recording or copying it broke off", "recover it or take another copy"


def is_cut_short(path: Path, container: str) -> bool:
    """Whether an AVI is shorter than its first list says, or an MPEG-TS ends within a packet. Others say it elsewhere."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if container == "avi":
            head = file.read(12)
            return head[:4] == b"RIFF" and size < 8 + int.from_bytes(head[4:8], "little")
        if container != "mpegts":
            return False
        head = file.read(_TS_SEARCHED)
    # Packets of 188 bytes; 4 of a time stand before each on disks (M2TS), 16 of parity behind in broadcast (ISO 13818-1).
    for length, lead in ((188, 0), (192, 4), (204, 0)):
        if all(head[at : at + 1] == _TS_SYNC for at in range(lead, min(len(head), 5 * length), length)):
            return bool(size % length)
    return False
