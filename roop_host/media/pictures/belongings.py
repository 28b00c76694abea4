"""What belongs to a picture beside its samples, and comes along: profile, resolution, description, and how it was packed."""

from __future__ import annotations

import os
import struct
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin
from PIL.ExifTags import IFD, Base

from roop_host.media.info import MediaInfo
from roop_host.media.pictures import png
from roop_host.media.pictures.exif import kept_exif, readable
from roop_host.media.pictures.files import exif_of, format_of, known_picture, quiet
from roop_host.media.pictures.profiles import is_usual

#: PNG's registered keywords for people (PNG specification, 11.3.3.1); "Comment" is the host's.
KEYWORDS = ("Title", "Author", "Description", "Copyright", "Creation Time", "Disclaimer", "Warning", "Source")
#: 1/2.2 as gAMA counts (PNG specification, 11.3.2.2).
_SRGB_GAMMA = struct.pack(">I", 45455)
_INCH, _CENTIMETRE = 2, 3
_COMPRESSION = 259


@dataclass(frozen=True, slots=True)
class Belongings:
    """``dpi`` is (across, down); ``sampling`` is Pillow's number of a JPEG's chroma sampling, ``meaning`` a PNG's chunks."""

    icc: bytes = b""
    dpi: tuple[float, float] | None = None
    exif: Image.Exif = field(default_factory=Image.Exif)
    text: tuple[tuple[str, str], ...] = ()
    meaning: tuple[tuple[bytes, bytes], ...] = ()
    sampling: int = 0
    progressive: bool = False
    lossless_webp: bool = False
    packed: bool = True

    @property
    def code_points(self) -> tuple[int, int] | None:
        """Primaries and transfer in H.273's numbers, where cICP says them."""
        return next(((data[0], data[1]) for kind, data in self.meaning if kind == b"cICP" and len(data) == 4), None)

    @property
    def gamma(self) -> bool:
        """Whether the samples have another gamma than sRGB's, and no profile that says more."""
        said = dict(self.meaning)
        other = said.get(b"gAMA") not in (None, _SRGB_GAMMA)
        return other and not self.icc and b"sRGB" not in said and b"cICP" not in said

    def profile_for(self, *, grey: bool) -> bytes:
        """The profile, or nothing where it says nothing of what is written: one for CMYK of R, G, B."""
        return self.icc if self.icc[16:20] == (b"GRAY" if grey else b"RGB ") else b""

    def exif_bytes(self, *, resolution: bool = False) -> bytes:
        """As picture files hold it, with the resolution where the format has no place of its own; empty without content."""
        made = Image.Exif()
        made.update(self.exif)
        made.get_ifd(IFD.Exif).update(self.exif.get_ifd(IFD.Exif))
        if resolution and self.dpi:
            made[Base.XResolution], made[Base.YResolution] = self.dpi
            made[Base.ResolutionUnit] = _INCH
        return made.tobytes() if len(made) or made.get_ifd(IFD.Exif) else b""


def belongings_of(info: MediaInfo) -> Belongings:
    """Of a picture, a page or an animation, for all of its frames; a video says only which HDR it is.

    Opens the file: to be asked once. Raises ``InputError`` where the file is gone.
    """
    if info.is_file and info.kind in ("picture", "pages", "animation"):
        return next(belongings_of_each([info]))
    said = (b"cICP", bytes([info.colour.primaries, info.colour.transfer, 0, 1]))  # R, G, B in full range
    return Belongings(meaning=(said,) if info.colour.hdr else ())


def belongings_of_each(pages: Sequence[MediaInfo]) -> Generator[Belongings, None, None]:
    """Of the pages of one file, in order. Raises ``InputError`` where the file is gone."""
    with known_picture(pages[0].path) as image:
        for page in pages:
            yield _belongings(image, page)


@quiet()
def _belongings(image: Image.Image, info: MediaInfo) -> Belongings:
    if info.codec == "tiff":
        image.seek(info.page)
    name = format_of(image)
    exif = exif_of(image)
    icc = image.info.get("icc_profile") or b""
    is_png = name == "png"
    return Belongings(
        # Of a CMYK picture it says nothing of the R, G, B that is made of it.
        icc=b"" if image.mode in ("CMYK", "LAB") or not is_usual(icc) else icc,
        dpi=_dpi(image, exif),
        exif=kept_exif(exif),
        text=_text(image) if is_png else (),
        meaning=tuple(png.meaning(info.path)) if is_png else (),
        sampling=max(0, JpegImagePlugin.get_sampling(image)) if name == "jpeg" else 0,
        progressive=bool(image.info.get("progressive")),
        lossless_webp=name == "webp" and _is_lossless_webp(info.path),
        packed=name != "tiff" or image.tag_v2.get(_COMPRESSION, 1) != 1,  # type: ignore[attr-defined]  # of a TIFF
    )


def _text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    said = [(key, str(image.info[key])) for key in KEYWORDS if key in image.info]
    return tuple((key, text) for key, text in said if readable(text))


def _dpi(image: Image.Image, exif: Image.Exif) -> tuple[float, float] | None:
    said: Any = image.info.get("dpi")
    if image.format == "TIFF" and Base.XResolution not in exif:
        said = None  # Pillow says 1 where the file says nothing
    if not said and Base.XResolution in exif and exif.get(Base.ResolutionUnit, _INCH) in (_INCH, _CENTIMETRE):
        inch = 2.54 if exif.get(Base.ResolutionUnit, _INCH) == _CENTIMETRE else 1.0
        said = (exif[Base.XResolution] * inch, exif.get(Base.YResolution, exif[Base.XResolution]) * inch)
    try:
        across, down = (float(number) for number in said)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture in the RIFF is VP8L (WebP container specification), as its chunks say."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if kind in (b"VP8 ", b"VP8L"):
                return kind == b"VP8L"
            # A frame of an animation holds chunks of its own behind 16 bytes.
            file.seek(16 if kind == b"ANMF" else size + size % 2, os.SEEK_CUR)
    return False
