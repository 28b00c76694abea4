"""What a format has no place for of what a frame is or brings along, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from PIL.ExifTags import IFD

from roop_host.media.info import MediaInfo
from roop_host.media.pictures.belongings import Belongings

_PNG = frozenset((".png", ".apng"))
#: Nothing is said there beside the samples, but for the resolution of a BMP.
_BARE = frozenset((".gif", ".bmp"))
#: H.273's transfers of HDR.
_HDR = {16: "PQ", 18: "HLG"}
#: Primaries and transfer of what pictures are that say nothing.
_USUAL = ((1, 13), (1, 1))


def not_held(info: MediaInfo, kept: Belongings, suffix: str, name: str, *, grey: bool, deep: bool) -> Iterator[str]:
    """``suffix`` is the format's, lower case, and ``name`` what people call it; ``deep`` where it gets 16 bits."""
    lost = []
    if kept.icc and (suffix in _BARE or not kept.profile_for(grey=grey)):
        lost.append("the colour profile")
    if suffix in _BARE and (len(kept.exif) or kept.exif.get_ifd(IFD.Exif)):
        lost.append("the description (EXIF)")
    if kept.dpi and suffix == ".gif":
        lost.append("the resolution")
    if kept.text and suffix not in _PNG:
        lost.append(f"the words about it ({', '.join(key for key, _ in kept.text)})")
    if kept.gamma and suffix not in _PNG:
        lost.append("the gamma")
    if lost:
        yield f"{name} has no place here for {', '.join(lost)} of the target"
    yield from _of_light(kept.code_points, suffix, name, deep=deep)
    yield from _of_shape(info, name)


def _of_light(points: tuple[int, int] | None, suffix: str, name: str, *, deep: bool) -> Iterator[str]:
    if points is None or points in _USUAL:
        return
    if suffix not in _PNG:
        what = f"HDR ({_HDR[points[1]]})" if points[1] in _HDR else f"of the colours {points[0]}, {points[1]} of H.273"
        yield f"{name} can't say that the target is {what}, so it looks dull in it; a PNG or a video can"
    elif points[1] in _HDR and not deep:
        yield f"HDR in the 8 bit of {name} shows steps in soft gradients"


def _of_shape(info: MediaInfo, name: str) -> Iterator[str]:
    shape = info.sample_aspect_ratio
    if info.kind == "video" and shape is not None and shape not in (0, Fraction(1)):
        lines = info.width if info.rotation % 180 else info.height
        yield (
            f"the target's pixels are {shape.numerator}:{shape.denominator} wide and those of {name} are square, so "
            f"it looks squeezed; add --scale {lines}p for square ones"
        )
