"""Marks where picture libraries have no way to write them."""

from __future__ import annotations

from PIL.PngImagePlugin import PngInfo

from roop_host.media.marks import Marks

#: The keyword of XMP in a PNG, the tag of it in a TIFF, the application that says it in a GIF (XMP specification, part 3).
PNG_XMP_KEY = "XML:com.adobe.xmp"
TIFF_XMP_TAG = 700
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_GIF_COMMENT = b"\x21\xfe"
_LONGEST_BLOCK = 255


def png_info(marks: Marks) -> PngInfo:
    """What Pillow writes into a PNG; its ``xmp=`` argument is silently ignored there."""
    info = PngInfo()
    info.add_itxt(PNG_XMP_KEY, marks.xmp().decode())
    info.add_text("Comment", marks.note)
    return info


def gif_blocks(marks: Marks) -> bytes:
    """A comment, and the XMP packet as an application extension.

    The packet stands there raw, and not in blocks with their lengths; the 258 bytes behind it lead a reader who takes its
    bytes for lengths to the end, wherever he comes from.
    """
    note = marks.note.encode("ascii", "replace")
    blocks = [note[at : at + _LONGEST_BLOCK] for at in range(0, len(note), _LONGEST_BLOCK)]
    comment = _GIF_COMMENT + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return comment + _GIF_XMP + marks.xmp() + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
