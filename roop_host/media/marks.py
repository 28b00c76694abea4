"""Marks that say a file is synthetic, in metadata that standard tools read."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

#: IPTC NewsCodes: how a picture came to be.
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: How the note begins of every file that the host has written.
MADE = "Synthetic media: made with roop"
#: The id of a top-level box that holds XMP (Adobe, XMP specification part 3).
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


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
