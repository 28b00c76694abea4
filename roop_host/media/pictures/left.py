"""What of a picture file does not come along, for people: what shows or tells too much, and what nobody here can write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from roop_host.media.pictures import profiles
from roop_host.media.pictures.belongings import KEYWORDS
from roop_host.media.pictures.exif import left_of_exif, readable
from roop_host.media.pictures.files import exif_of, format_of
from roop_host.media.pictures.png import is_usual, odd_colours

_BITS, _INSIDE, _COLOUR_PROFILE = 258, 330, "icc_profile"
#: Pillow's keys of what is kept in other ways, and of what says how the samples are packed.
_XMP = ("xmp", "XML:com.adobe.xmp")


def left_out(path: Path, image: Any, *, deep: bool) -> tuple[str, ...]:
    """Of the opened picture, page or animation; ``deep`` where its 16 bits are kept."""
    return tuple(dict.fromkeys(_left(path, image, deep)))


def _left(path: Path, image: Any, deep: bool) -> Iterator[str]:
    name, info = format_of(image), image.info
    yield from left_of_exif(exif_of(image), preview=name != "tiff")
    if any(info.get(key) for key in _XMP):
        yield "XMP"
    if info.get("comment") and name in ("jpeg", "gif"):
        yield "comment"
    if info.get("photoshop"):
        yield "Photoshop's own"
    if name == "jpeg":
        if image.format == "MPO":
            yield "further pictures behind the first (MPO)"
        if any(kind == "APP11" for kind, _ in image.applist):
            yield "content credentials and the like (APP11)"
    if name == "png":
        yield from _left_of_png(info)
        if odd_colours(path):
            yield "primaries or code points far from sRGB's"
    if name == "heic":
        if getattr(image, "n_frames", 1) > 1:
            yield "further pictures (HEIC)"
        if info.get("thumbnails") or info.get("depth_images"):
            yield "previews and depth (HEIC)"
    if name == "tiff" and image.tag_v2.get(_INSIDE):
        yield "pictures inside a page (SubIFDs)"
    if image.mode in ("CMYK", "LAB") and info.get(_COLOUR_PROFILE):
        yield f"colour profile (of {image.mode}, which became RGB)"
    elif not profiles.is_usual(info.get(_COLOUR_PROFILE) or b""):
        yield "colour profile (far from sRGB, or a table of colours)"
    bits = _avif_bits(path) if name == "avif" else max(image.tag_v2.get(_BITS, (1,))) if name == "tiff" else 8
    if bits > 8 and not deep and image.mode not in ("I", "F"):
        yield f"bits beyond 8 (it has {bits})"


def _left_of_png(info: dict[Any, Any]) -> Iterator[str]:
    if info.get("default_image"):
        yield "the picture that stands in for the animation (APNG)"
    if (gamma := info.get("gamma")) is not None and not is_usual(gamma):
        yield f"a gamma of {gamma:g}, which is far from sRGB's"
    texts = {key: value for key, value in info.items() if isinstance(value, str) and key not in _XMP}
    odd = [key for key, value in texts.items() if key not in KEYWORDS or not readable(value)]
    if odd:
        yield f"{len(odd)} of the texts"


def _avif_bits(path: Path) -> int:
    """Bits a sample, from the first PixelInformationProperty (ISO/IEC 23008-12, 6.5.6); Pillow gives 8 of them."""
    with path.open("rb") as file:
        head = file.read(1 << 14)
    at = head.find(b"pixi")
    return head[at + 9] if 0 <= at < len(head) - 9 else 8
