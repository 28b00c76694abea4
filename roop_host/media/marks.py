"""Marks that say a file is synthetic, in metadata that standard tools read."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from roop_host.types.specs import SOURCE_TYPES

#: IPTC NewsCodes: how a picture came to be.
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: How the note begins of every file that the host has written.
MADE = "Synthetic media: made with roop"
#: The id of a top-level box that holds XMP (Adobe, XMP specification part 3).
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
#: The terms by which a file says that it is synthetic, and what the host knows them as, the strongest last.
_SYNTHETIC = {"algorithmicMedia": "compositeSynthetic", **{term: term for term in SOURCE_TYPES[3:]}}
#: A term as XMP and the tags of clips spell it, with its address or without; Matroska has no byte between it and the next.
_SAID = re.compile(rb"igital[sS]ource[tT]ype\W{1,3}(%s)" % "|".join({*SOURCE_TYPES, *_SYNTHETIC}).encode())
#: Of each end of a file: writers put XMP and tags there, and a clip may have any size.
_SEARCHED, _OVERLAP = 2 << 20, 1 << 10


def stands_in(path: Path, text: str, times: int = 1) -> bool:
    """Whether the file holds that text so often: where the host writes it, it is plain in every format."""
    wanted, at = text.encode(), -1
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for _ in range(times):
            at = content.find(wanted, at + 1)
            if at < 0:
                return False
    return True


def strongest(terms: Iterable[str]) -> str:
    """Of terms that the host knows; empty where there are none."""
    return max(terms, key=SOURCE_TYPES.index, default="")


def said_synthetic(path: Path, otherwise: str) -> str:
    """The strongest term by which a file that anyone has written says plainly that it is synthetic; empty where it doesn't.

    ``otherwise`` is the term where the host's note stands without any. What it says of itself as real counts for nothing.
    """
    terms, noted = set[str](), False
    for part in _ends(path):
        terms |= {found.decode() for found in _SAID.findall(part)}
        noted = noted or MADE.encode() in part
    if noted and not terms:
        return otherwise
    return strongest(_SYNTHETIC[term] for term in terms if term in _SYNTHETIC)


def _ends(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(2 * _SEARCHED)
        file.seek(max(2 * _SEARCHED - _OVERLAP, path.stat().st_size - _SEARCHED))
        yield file.read(_SEARCHED)


@dataclass(frozen=True, slots=True)
class Marks:
    """``source_type`` is the last part of an IPTC term, ``note`` one line of tool and steps."""

    source_type: str
    note: str

    @property
    def term(self) -> str:
        """The full URI of the term."""
        return TERMS + self.source_type

    def xmp(self) -> bytes:
        """An XMP packet with the term and the note."""
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" '
            f"Iptc4xmpExt:DigitalSourceType={quoteattr(self.term)}>"
            f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(self.note)}</rdf:li></rdf:Alt>'
            "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
            '<?xpacket end="w"?>'
        ).encode()

    def stand_in(self, path: Path, times: int = 1) -> bool:
        """Whether the term can be read that often in a file that the host has written."""
        return stands_in(path, self.term, times)

    def append_xmp_box(self, path: Path) -> None:
        """Append the packet to an MP4 or MOV as a top-level box; players skip it, exiftool reads it."""
        packet = self.xmp()
        with path.open("ab") as file:
            file.write(struct.pack(">I4s16s", 24 + len(packet), b"uuid", _XMP_UUID) + packet)
