"""What of EXIF comes along, by name: what is not on the list may be a preview, an owner, a number or a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from numbers import Real
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

#: Of the first directory, what people wrote: Windows' five fields (0x9c9b ff., UTF-16) and the rating are by no standard.
WIDE_TEXTS = frozenset((Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject))
_FIRST = WIDE_TEXTS | {
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
    Base.Rating,
}
#: Of the second (Exif 3.0, 4.6.6): when and how it was taken, with which lens, and how to understand its numbers.
_SECOND = frozenset(
    (
        Base.ExposureTime,
        Base.FNumber,
        Base.ExposureProgram,
        Base.SpectralSensitivity,
        Base.ISOSpeedRatings,
        Base.SensitivityType,
        Base.StandardOutputSensitivity,
        Base.RecommendedExposureIndex,
        Base.ISOSpeed,
        Base.ISOSpeedLatitudeyyy,
        Base.ISOSpeedLatitudezzz,
        Base.ExifVersion,
        Base.DateTimeOriginal,
        Base.DateTimeDigitized,
        Base.OffsetTime,
        Base.OffsetTimeOriginal,
        Base.OffsetTimeDigitized,
        Base.SubsecTime,
        Base.SubsecTimeOriginal,
        Base.SubsecTimeDigitized,
        Base.ShutterSpeedValue,
        Base.ApertureValue,
        Base.BrightnessValue,
        Base.ExposureBiasValue,
        Base.MaxApertureValue,
        Base.SubjectDistance,
        Base.SubjectDistanceRange,
        Base.MeteringMode,
        Base.LightSource,
        Base.Flash,
        Base.FlashEnergy,
        Base.FlashPixVersion,
        Base.FocalLength,
        Base.FocalLengthIn35mmFilm,
        Base.FocalPlaneXResolution,
        Base.FocalPlaneYResolution,
        Base.FocalPlaneResolutionUnit,
        Base.ColorSpace,
        Base.Gamma,
        Base.ExposureIndex,
        Base.ExposureMode,
        Base.SensingMethod,
        Base.FileSource,
        Base.SceneType,
        Base.SceneCaptureType,
        Base.CustomRendered,
        Base.CompositeImage,
        Base.WhiteBalance,
        Base.DigitalZoomRatio,
        Base.GainControl,
        Base.Contrast,
        Base.Saturation,
        Base.Sharpness,
        Base.LensSpecification,
        Base.LensMake,
        Base.LensModel,
    )
)
#: Says how the samples lie, or is made anew (TIFF 6.0, Exif 3.0): nothing is lost with it. 254 to 347 is TIFF's own.
_STRUCTURE = frozenset(range(254, 348)) | frozenset(range(512, 533)) | {
    Base.InterColorProfile,
    Base.ExifOffset,
    Base.GPSInfo,
    Base.ExifImageWidth,
    Base.ExifImageHeight,
    Base.ExifInteroperabilityOffset,
    Base.ComponentsConfiguration,
    Base.CompressedBitsPerPixel,
}  # fmt: skip
_XMP, _CAMERA_SERIAL = 700, 0xC62F
#: How what stays behind is called; all that is not named here is "unknown".
_NAMES: dict[int, str] = {
    Base.MakerNote: "maker's notes",
    Base.CameraOwnerName: "owner",
    Base.BodySerialNumber: "serial numbers",
    Base.LensSerialNumber: "serial numbers",
    _CAMERA_SERIAL: "serial numbers",
    Base.ImageUniqueID: "unique number",
    Base.UserComment: "user comment",
    Base.IPTCNAA: "IPTC",
    Base.ImageResources: "Photoshop's own",
    _XMP: "XMP",
}
#: Characters of a text, and numbers of a field: more than people write, and less than a picture needs.
LONGEST_TEXT = 4000
_MOST_NUMBERS = 4
_SHORT_BYTES = 4


def readable(text: str) -> bool:
    """Whether it is a text that a person may have written, and no data under its name."""
    return len(text) <= LONGEST_TEXT and all(char.isprintable() or char in "\t\r\n" for char in text)


def kept_exif(exif: Image.Exif) -> Image.Exif:
    """What comes along. A TIFF has all its tags here, so of these too only what is known."""
    made = Image.Exif()
    made.update((tag, exif[tag]) for tag in exif if tag in _FIRST and _sound(tag, exif[tag]))
    inner = made.get_ifd(IFD.Exif)
    inner.update((tag, value) for tag, value in exif.get_ifd(IFD.Exif).items() if tag in _SECOND and _sound(tag, value))
    return made


def left_of_exif(exif: Image.Exif, *, preview: bool) -> Iterator[str]:
    """What does not, for people. ``preview`` where the directory behind the first is a preview, and not a page."""
    if exif.get_ifd(IFD.GPSInfo):
        yield "place (EXIF)"
    if preview and exif.get_ifd(IFD.IFD1):
        yield "preview (EXIF)"
    tags = [*(tag for tag in exif if not _comes(tag, exif[tag], _FIRST))]
    tags += [tag for tag, value in exif.get_ifd(IFD.Exif).items() if not _comes(tag, value, _SECOND)]
    named = dict.fromkeys(_NAMES[tag] for tag in tags if tag in _NAMES)
    odd = [_name(tag) for tag in tags if tag not in _NAMES]
    yield from (f"{name} (EXIF)" if name not in ("XMP", "IPTC") else name for name in named)
    if odd:
        shown = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
        yield f"fields that are unknown, unreadable or too long: {shown} (EXIF)"


def _comes(tag: int, value: Any, known: frozenset[int]) -> bool:
    return tag in _STRUCTURE - known or (tag in known and _sound(tag, value))


def _sound(tag: int, value: Any) -> bool:
    """Whether it is of the kind and size that the field is for."""
    if tag == Base.DateTime:
        return _is_date(value)
    if isinstance(value, str):
        return readable(value.rstrip("\0 "))
    if isinstance(value, bytes):
        return _is_wide_text(value) if tag in WIDE_TEXTS else len(value) <= _SHORT_BYTES
    numbers = value if isinstance(value, tuple) else (value,)
    if tag in WIDE_TEXTS:  # Pillow gives bytes one by one where a file says so
        return all(isinstance(one, int) and 0 <= one < 256 for one in numbers) and _is_wide_text(bytes(numbers))
    return len(numbers) <= _MOST_NUMBERS and all(isinstance(one, Real | Fraction) for one in numbers)


def _is_wide_text(value: bytes) -> bool:
    try:
        return readable(value.decode("utf-16-le").rstrip("\0 "))
    except UnicodeDecodeError:
        return False


def _is_date(value: Any) -> bool:
    try:
        datetime.strptime(value, "%Y:%m:%d %H:%M:%S")
    except (ValueError, TypeError):
        return False
    return True


def _name(tag: int) -> str:
    try:
        return Base(tag).name
    except ValueError:
        return f"0x{tag:04x}"
