"""TIFF out: page by page, 8 or 16 bit, with what belongs to each page."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tifffile import TiffFile, TiffPage, TiffWriter

from roop_host.media.marks import Marks
from roop_host.media.pictures.belongings import Belongings
from roop_host.media.pictures.exif import WIDE_TEXTS
from roop_host.media.pictures.marks import TIFF_XMP_TAG

#: TIFF's types BYTE, ASCII, SHORT and LONG.
_BYTE, _ASCII, _SHORT, _LONG = 1, 2, 3, 4
_EXIF_TAG = 34665
#: Belongs to nobody, and keeps the place of EXIF's among the sorted tags: tifffile refuses to write that itself.
_PLACE_TAG = 34666
#: Offsets have 32 bit; what is compressed may come out somewhat larger.
_MOST_BYTES = 3 << 30


class TiffPages:
    """A TIFF that is open for writing. ``expected`` is the bytes of all samples, to know whether offsets must be long."""

    def __init__(self, output: Path, marks: Marks, *, expected: int) -> None:
        self._output, self._marks = output, marks
        self._big = expected > _MOST_BYTES
        self._writer = TiffWriter(output, bigtiff=self._big, byteorder="<")
        self._exif: dict[int, dict[int, Any]] = {}
        self._count = 0

    def add(self, picture: NDArray[Any], kept: Belongings) -> None:
        """``(H, W, C)`` of uint8 or uint16, C as of ``samples``. Deflated, unless the source was not compressed."""
        channels = picture.shape[2]
        exif = {int(tag): kept.exif[tag] for tag in kept.exif}
        inner = dict(kept.exif.get_ifd(IFD.Exif)) if not self._big else {}
        extra: list[Any] = [(TIFF_XMP_TAG, _BYTE, None, self._marks.xmp(), True)]
        for tag in (Base.Make, Base.Model, Base.Artist, Base.HostComputer, Base.Copyright):
            if isinstance(exif.get(tag), str):
                extra.append((int(tag), _ASCII, 0, exif[tag].encode(), True))
        extra += [(int(tag), _BYTE, None, bytes(exif[tag]), True) for tag in WIDE_TEXTS if tag in exif]
        if isinstance(exif.get(Base.Rating), int):
            extra.append((int(Base.Rating), _SHORT, 1, exif[Base.Rating], True))
        if inner:
            self._exif[self._count] = inner
            extra.append((_PLACE_TAG, _LONG, 1, 0, True))
        self._writer.write(
            np.ascontiguousarray(picture[..., 0] if channels == 1 else picture),
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig=None if channels == 1 else "contig",
            extrasamples=["unassalpha"] if channels in (2, 4) else None,
            compression="zlib" if kept.packed else None,
            predictor=True if kept.packed else None,
            resolution=kept.dpi or (72.0, 72.0),
            resolutionunit="INCH" if kept.dpi else "NONE",
            iccprofile=kept.profile_for(grey=channels < 3) or None,
            description=_text(exif.get(Base.ImageDescription)) or self._marks.note.encode(),
            software=_text(exif.get(Base.Software)) or False,
            datetime=_date(exif.get(Base.DateTime)),
            metadata=None,
            contiguous=False,
            extratags=extra,
        )
        self._count += 1

    def close(self) -> None:
        """The file is whole afterwards."""
        self._writer.close()
        if self._exif:
            self._append_exif()

    def _append_exif(self) -> None:
        """tifffile writes no directory within a directory: Pillow packs them, and they come to stand at the end."""
        with TiffFile(self._output) as whole:
            entries = {}
            for number in self._exif:
                page = whole.pages[number]
                assert isinstance(page, TiffPage)
                entries[number] = page.tags[_PLACE_TAG].offset
        with self._output.open("r+b") as file:
            for number, values in self._exif.items():
                directory = ImageFileDirectory_v2(prefix=b"II")
                for tag, value in values.items():
                    directory[tag] = value
                at = file.seek(0, 2)
                file.write(b"\0" * (at % 2))
                at += at % 2
                file.write(directory.tobytes(at))
                file.seek(entries[number])
                file.write(struct.pack("<HHII", _EXIF_TAG, _LONG, 1, at))


def _text(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) and value else None


def _date(value: Any) -> str | None:
    """As EXIF writes it; that it is a date was seen where it was read."""
    return value if isinstance(value, str) else None
