"""Pictures in: what a file holds, told by its header, and its samples as a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

from roop_host.media.info import SRGB, MediaInfo
from roop_host.media.limits import check_size
from roop_host.media.pictures import png
from roop_host.media.pictures.animation_files import look_at_animation
from roop_host.media.pictures.files import exif_of, format_of, known_picture, open_picture, quiet
from roop_host.media.pictures.left import left_out
from roop_host.media.pictures.samples import has_alpha, is_deep, is_grey, orientation_of, samples, scaled, turned
from roop_host.media.pixel_formats import TRANSFERS
from roop_host.types.frame import Frame
from roop_host.types.planes import PixelLayout, Pixels, grey_pixels, rgb_pixels

_MOVING = frozenset(("gif", "webp", "png", "avif"))
_SUBFILE = 254
_REDUCED = 1
#: EXIF's numbers of turned pictures whose width is the stored height.
_LYING = frozenset((5, 6, 7, 8))


def probe_picture(path: Path) -> MediaInfo | None:
    """Of kind ``picture``, ``pages`` (a picture for each in ``items``) or ``animation``; None for what is no picture.

    Nothing of a still is decoded; an animation is run through once, for only its frames tell how long it is and whether
    any of it is transparent. Raises ``InputError``.
    """
    with open_picture(path) as image:
        if image is None:
            return None
        name = format_of(image)
        with quiet():
            count = getattr(image, "n_frames", 1)
        if count > 1 and name in _MOVING:
            return look_at_animation(path, image, name, count)
        if count > 1 and name == "tiff":
            return _pages(path, image, count)
        return _still(path, image)


def read_picture(info: MediaInfo) -> Frame:
    """The picture, upright, as it is kept: R, G, B or one grey plane, 8 or 16 bit, alpha where it has one.

    CMYK becomes R, G, B by its own profile. Of ``info.reading`` the size counts. Raises ``InputError``.
    """
    with known_picture(info.path) as image:
        return _frame(image, info, 0)


def read_pages(info: MediaInfo) -> Iterator[Frame]:
    """The pages of a TIFF one after the other, each as ``read_picture`` gives it, indexed from 0. Raises ``InputError``."""
    with known_picture(info.path) as image:
        for index, page in enumerate(info.items):
            yield _frame(image, page, index)


@quiet()
def _frame(image: Image.Image, info: MediaInfo, index: int) -> Frame:
    if info.codec == "tiff":
        image.seek(info.page)
    check_size(str(info.path), *image.size)
    orientation = orientation_of(image, info.path)  # asked first: Pillow forgets it as it turns
    taken = scaled(turned(samples(image, info.path), orientation), info.reading.pixels)
    alpha = taken[..., -1] if taken.shape[2] in (2, 4) else None
    pixels = grey_pixels(taken[..., 0], alpha) if taken.shape[2] < 3 else rgb_pixels(taken[..., :3], alpha)
    layout = replace(pixels.layout, transfer=info.layout.transfer)
    return Frame(Pixels(layout, pixels.planes), index=index, pts=index)


@quiet()
def _still(path: Path, image: Image.Image, *, page: int = 0, pages: int = 1) -> MediaInfo:
    exif = exif_of(image)
    width, height = image.size
    if format_of(image) != "tiff" and exif.get(Base.Orientation, 1) in _LYING:  # of a TIFF Pillow says it upright
        width, height = height, width
    grey, deep, alpha = is_grey(image, path), is_deep(image, path), has_alpha(image)
    bits = 16 if deep else 8
    layout = PixelLayout("rgb", bits, alpha=alpha, full_range=True)
    if grey:
        layout = PixelLayout("grey", bits, alpha=alpha, full_range=True, matrix="bt601")
    colour = png.colour_of(path) if format_of(image) == "png" else SRGB
    layout = replace(layout, transfer=TRANSFERS.get(colour.transfer, "sdr"))
    family = ("ya" if alpha else "gray") if grey else ("gbrap" if alpha else "gbrp")
    return MediaInfo(
        path,
        "picture",
        width,
        height,
        format_of(image),
        "picture",
        pix_fmt=f"{family}{'16le' if deep else '8' if family == 'ya' else ''}",
        layout=layout,
        frames=1,
        colour=colour,
        left_out=left_out(path, image, deep=deep),
        page=page,
        pages=pages,
    )


@quiet()
def _pages(path: Path, image: Any, count: int) -> MediaInfo:
    real: list[int] = []
    for number in range(count):
        image.seek(number)
        if not image.tag_v2.get(_SUBFILE, 0) & _REDUCED:
            check_size(f"page {number + 1} of {path}", *image.size)
            real.append(number)
    items = []
    for number in real or [0]:
        image.seek(number)
        items.append(_still(path, image, page=number, pages=len(real) or 1))
    first = items[0]
    left = dict.fromkeys(lost for item in items for lost in item.left_out)
    if len(real) < count:
        left[f"{count - len(items)} reduced pages"] = None
    if len(items) == 1:
        return replace(first, left_out=tuple(left))
    return MediaInfo(
        path,
        "pages",
        first.width,
        first.height,
        "tiff",
        "picture",
        pix_fmt=first.pix_fmt,
        layout=first.layout,
        frames=len(items),
        colour=SRGB,
        left_out=tuple(left),
        pages=len(items),
        items=tuple(items),
    )
