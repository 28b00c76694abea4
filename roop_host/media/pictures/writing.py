"""Pictures out, with what belongs to them: all that the format holds of the frame, and a word about what it doesn't."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.errors import OutputError, UsageError, one_line
from roop_host.media.info import MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.output import unwritable
from roop_host.media.pictures.animations_out import write_animation
from roop_host.media.pictures.belongings import Belongings, belongings_of, belongings_of_each
from roop_host.media.pictures.png_out import write_png
from roop_host.media.pictures.quality import avif_quality, jpeg_quality, webp_quality
from roop_host.media.pictures.samples import image_of
from roop_host.media.pictures.tiff import TiffPages
from roop_host.media.pictures.told import not_held
from roop_host.types.frame import Frame
from roop_host.types.job import MediaOptions
from roop_host.types.planes import PixelLayout, over_grey

#: Above this of JPEG's own scale the chroma is kept whole too: less would be what is lost most.
_WHOLE_CHROMA = 98
#: What Pillow, tifffile and OpenCV raise for what they can't write.
_FAILURES = (OSError, ValueError, TypeError, RuntimeError, ArithmeticError, struct.error, cv2.error)


@dataclass(frozen=True, slots=True)
class _Holds:
    """What a format has room for; ``side`` is the most of width and height."""

    name: str
    deep: bool = False
    alpha: bool = True
    grey: bool = True
    side: int = 65535


_HOLDS: dict[str, _Holds] = {
    ".jpg": _Holds("JPEG", alpha=False, side=65500),
    ".jpeg": _Holds("JPEG", alpha=False, side=65500),
    ".png": _Holds("PNG", deep=True),
    ".webp": _Holds("WebP", grey=False, side=16383),
    ".tif": _Holds("TIFF", deep=True),
    ".tiff": _Holds("TIFF", deep=True),
    ".bmp": _Holds("BMP", alpha=False),
    ".avif": _Holds("AVIF", grey=False),
    ".gif": _Holds("GIF", grey=False),
}


def check_still_fits(info: MediaInfo, suffix: str) -> None:
    """Raise ``UsageError`` where the format has no room for a picture of this size: before anything is done."""
    holds = _HOLDS[suffix.lower()]
    if max(info.width, info.height) > holds.side:
        raise UsageError(
            f"{holds.name} holds {holds.side} pixels a side, not {info.width}x{info.height}; "
            "name an output in .png or add --scale"
        )


def write_picture(
    frame: Frame,
    info: MediaInfo,
    output: Path,
    suffix: str,
    options: MediaOptions,
    marks: Marks,
    kept: Belongings | None = None,
) -> tuple[str, ...]:
    """Write the frame under ``output`` as ``suffix`` says, with its source's profile, resolution and description.

    ``info`` is the picture or page it was read from, or the video it is a frame of; who writes many frames of one gives
    ``kept`` from ``belongings_of``, which else is asked here. What was not changed keeps its bits in
    PNG, TIFF and BMP, and in WebP at quality 100 or where the source was lossless. Gives what is to be told of what
    the format doesn't hold. Raises ``OutputError``.
    """
    suffix = suffix.lower()
    if suffix == ".gif":
        rgb = _eight_bit(frame, grey=False)
        return write_animation(lambda: iter([(0, 1, rgb)]), _one_frame(info), output, suffix, options, marks)
    holds = _HOLDS[suffix]
    picture, notices = _fitted(frame, holds)
    kept = belongings_of(info) if kept is None else kept
    deep = picture.dtype == np.uint16
    notices += tuple(not_held(info, kept, suffix, holds.name, grey=picture.shape[2] < 3, deep=deep))
    try:
        if suffix in (".tif", ".tiff"):
            pages = TiffPages(output, marks, expected=picture.nbytes)
            pages.add(picture, kept)
            pages.close()
        elif suffix == ".png":
            write_png(picture, kept, output, marks)
        else:
            _SAVERS[suffix](picture, kept, output, options, marks)
    except _FAILURES as error:
        raise _unwritten(output, error) from error
    return notices


class PageWriter:
    """A TIFF of several pages, given one at a time; ``info`` is of kind ``pages``."""

    def __init__(self, info: MediaInfo, output: Path, marks: Marks) -> None:
        self._output, self._kept = output, belongings_of_each(info.items)
        expected = sum(item.width * item.height * _bytes_of(item.layout) for item in info.items)
        try:
            self._pages = TiffPages(output, marks, expected=expected)
        except _FAILURES as error:
            raise _unwritten(output, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: Frame) -> None:
        """The next page, in the order of ``info.items``. Raises ``OutputError``; ``InputError`` where the source is gone."""
        picture, _ = _fitted(frame, _HOLDS[".tif"])
        try:
            self._pages.add(picture, next(self._kept))
        except _FAILURES as error:
            raise _unwritten(self._output, error) from error

    def leave_out(self) -> None:
        """Pass over the next of ``info.items``."""
        next(self._kept)

    def close(self) -> None:
        """The file is whole afterwards. Raises ``OutputError``."""
        self._kept.close()
        try:
            self._pages.close()
        except _FAILURES as error:
            raise _unwritten(self._output, error) from error


def _fitted(frame: Frame, holds: _Holds) -> tuple[NDArray[Any], tuple[str, ...]]:
    """``(H, W, C)`` as the format takes it, and what is to be told."""
    layout = frame.pixels.layout
    grey = layout.model == "grey" and holds.grey
    notices = []
    if layout.depth > 8 and not holds.deep:
        notices.append(f"{holds.name} holds 8 of the {layout.depth} bits that the target has; PNG and TIFF hold all")
    if layout.depth > 8 and holds.deep:
        picture = _deep(frame, grey=grey and not layout.alpha)  # no library at hand has deep grey with alpha
    else:
        picture = _eight_bit(frame, grey=grey)
    if layout.alpha and not holds.alpha:
        notices.append(f"{holds.name} has no alpha, so what was transparent lies over grey; PNG, WebP and TIFF have it")
        picture = over_grey(picture[..., :-1], picture[..., -1].astype(np.float32) / np.float32(255))
    return picture, tuple(notices)


def _unwritten(output: Path, error: Exception) -> OutputError:
    return unwritable(output, error if isinstance(error, OSError) else OSError(one_line(str(error))))


def _eight_bit(frame: Frame, *, grey: bool) -> NDArray[Any]:
    return _stored(frame, grey, 8) if frame.depth == 8 else _seen(frame, grey, np.uint8)


def _deep(frame: Frame, *, grey: bool) -> NDArray[Any]:
    return _stored(frame, grey, 16) if frame.depth == 16 else _seen(frame, grey, np.uint16)


def _stored(frame: Frame, grey: bool, depth: int) -> NDArray[Any]:
    """The planes' own samples, where they are what a picture holds."""
    layout, planes = frame.pixels.layout, frame.pixels.planes
    if frame.rotation or layout.model == "yuv" or not layout.full_range:
        return _seen(frame, grey, np.uint8 if depth == 8 else np.uint16)
    colour = [planes[0]] * (1 if grey else 3) if layout.model == "grey" else [planes[2], planes[1], planes[0]]
    return np.stack([*colour, *([planes[-1]] if layout.alpha else [])], axis=-1)


def _seen(frame: Frame, grey: bool, kind: type[Any]) -> NDArray[Any]:
    """Upright, and converted from what the planes hold; HDR stays what it is."""
    peak = np.iinfo(kind).max
    bgr = frame.coded_bgr() if kind == np.uint8 else np.rint(frame.coded_bgr(np.float32) * peak).astype(kind)
    colour = bgr[..., :1] if grey else bgr[..., ::-1]
    alpha = frame.alpha()
    parts = [colour] if alpha is None else [colour, np.rint(alpha * peak).astype(kind)[..., None]]
    return np.ascontiguousarray(np.concatenate(parts, axis=2))


def _bytes_of(layout: PixelLayout) -> int:
    """Bytes a pixel."""
    return ((1 if layout.model == "grey" else 3) + layout.alpha) * (1 if layout.depth == 8 else 2)


def _one_frame(info: MediaInfo) -> MediaInfo:
    return replace(info, time_base=Fraction(1, 100), loop=None)


def _write_jpeg(picture: NDArray[Any], kept: Belongings, output: Path, options: MediaOptions, marks: Marks) -> None:
    quality = jpeg_quality(options.quality)
    grey = picture.shape[2] == 1
    more: dict[str, Any] = {} if grey else {"subsampling": kept.sampling if quality < _WHOLE_CHROMA else 0}
    more |= {"dpi": tuple(map(round, kept.dpi))} if kept.dpi else {}
    image_of(picture).save(
        output,
        "JPEG",
        quality=quality,
        progressive=kept.progressive,
        xmp=marks.xmp(),
        comment=marks.note,
        icc_profile=kept.profile_for(grey=grey),
        exif=kept.exif_bytes(),
        **more,
    )


def _write_webp(picture: NDArray[Any], kept: Belongings, output: Path, options: MediaOptions, marks: Marks) -> None:
    quality, lossless = webp_quality(options.quality, lossless_source=kept.lossless_webp)
    image_of(picture).save(
        output,
        "WEBP",
        quality=quality,
        lossless=lossless,
        exact=lossless,  # also the colour of what is transparent
        xmp=marks.xmp(),
        icc_profile=kept.profile_for(grey=False),
        exif=kept.exif_bytes(resolution=True),
    )


def _write_avif(picture: NDArray[Any], kept: Belongings, output: Path, options: MediaOptions, marks: Marks) -> None:
    image_of(picture).save(
        output,
        "AVIF",
        quality=avif_quality(options.quality),
        subsampling="4:4:4",
        xmp=marks.xmp(),
        icc_profile=kept.profile_for(grey=False),
        exif=kept.exif_bytes(resolution=True),
    )


def _write_bmp(picture: NDArray[Any], kept: Belongings, output: Path, options: MediaOptions, marks: Marks) -> None:
    image_of(picture).save(output, "BMP", **({"dpi": kept.dpi} if kept.dpi else {}))


_SAVERS = {".jpg": _write_jpeg, ".jpeg": _write_jpeg, ".webp": _write_webp, ".avif": _write_avif, ".bmp": _write_bmp}
