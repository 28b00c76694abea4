"""Pictures out, with what belongs to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin
from PIL.ExifTags import IFD, Base

from roop_host.media.info import MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.output import unwritable
from roop_host.types.frame import Frame
from roop_host.types.job import MediaOptions
from roop_host.types.planes import over_grey

_RGB_MODES = frozenset({"RGB", "RGBA", "P"})


def write_picture(frame: Frame, info: MediaInfo, output: Path, suffix: str, options: MediaOptions, marks: Marks) -> None:
    """Write the frame as JPEG or PNG with the source's ICC profile, resolution and EXIF.

    Left out of EXIF: the place, and the preview that still shows the picture as it was.
    """
    planes = frame.pixels.planes
    rgb = np.stack([planes[2], planes[1], planes[0]], axis=-1)
    kept: dict[str, Any] = {}
    with Image.open(info.path) as source:
        # A profile for grey or CMYK says nothing of the R, G, B that is written.
        for key in ("icc_profile", "dpi") if source.mode in _RGB_MODES else ("dpi",):
            if source.info.get(key):
                kept[key] = source.info[key]
        exif = _exif(source)
        if exif:
            kept["exif"] = exif
        sampling = JpegImagePlugin.get_sampling(source) if source.format == "JPEG" else 0
    try:
        if suffix.lower() == ".png":
            if frame.pixels.layout.alpha:
                rgb = np.dstack([rgb, planes[3]])
            Image.fromarray(rgb).save(output, "PNG", pnginfo=marks.png_info(), **kept)
        else:
            if frame.pixels.layout.alpha:
                rgb = over_grey(rgb, planes[3].astype(np.float32) / np.float32(255))
            quality = _jpeg_quality(options.quality)
            Image.fromarray(rgb).save(
                output,
                "JPEG",
                quality=quality,
                subsampling=max(0, sampling) if quality < 98 else 0,
                xmp=marks.xmp(),
                comment=marks.note,
                **kept,
            )
    except OSError as error:
        raise unwritable(output, error) from error


def _jpeg_quality(quality: int) -> int:
    """0..100 to JPEG's scale: 80 gives 94, where a second encoding is hard to see; above 95 files only grow."""
    return round(30 + quality * 0.8) if quality < 100 else 100


def _exif(source: Image.Image) -> bytes:
    """The descriptive part of EXIF, upright, without place and preview."""
    exif = source.getexif()
    if not exif:
        return b""
    for tag in (Base.GPSInfo, Base.Orientation, Base.MakerNote):
        if tag in exif:
            del exif[tag]
    inner = exif.get_ifd(IFD.Exif)
    inner.pop(Base.MakerNote, None)
    # Pillow writes the first directory only: the preview lies in the second and stays behind.
    return exif.tobytes()
