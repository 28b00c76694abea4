"""What FFmpeg's pixel formats carry: their planar form, their planes' layout, and which keeps all of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import av

from roop_host.media.info import Colour
from roop_host.types.planes import Matrix, PixelLayout
from roop_host.types.transfer import Transfer

# ITU-T H.273: transfer characteristics of HDR.
TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
# ITU-T H.273: matrix coefficients and what FFmpeg calls unspecified (2), by which size decides as players do.
# FCC's (4) and SMPTE 240M's (7) are those of BT.601 and BT.709 to about a hundredth.
_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",
    9: "bt2020",
    10: "bt2020",
}
_RGB, _UNSPECIFIED = 0, 2
#: What says a matrix.
SPACES: dict[Matrix, int] = {"bt709": 1, "bt601": 6, "bt2020": 9}
# What else H.273 knows: three planes of these kinds are another picture than the same three as YUV.
_OTHER_KINDS = {
    _RGB: "R, G, B",
    8: "YCgCo",
    11: "Y'D'zD'x",
    12: "chromaticity-derived YUV",
    13: "chromaticity-derived YUV",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
#: FFmpeg's ``color_range`` of full range.
FULL_RANGE = 2
_HD_LINES = 720
#: Names of chroma sampling by the powers of two of width and height.
_SAMPLINGS = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (2, 0): "411", (2, 2): "410", (0, 1): "440"}
#: Depths that planar formats come in; not every family has each.
_DEPTHS = (8, 9, 10, 12, 14, 16)


@dataclass(frozen=True, slots=True)
class _Facts:
    model: Literal["grey", "yuv", "rgb"]
    depth: int
    shift_x: int
    shift_y: int
    alpha: bool
    bits: int


def planar_format(name: str) -> str:
    """The planar little-endian format of integers nearest to ``name`` that loses nothing of it.

    Full range is no matter of the format here: ``yuvj420p`` gives ``yuv420p``. Grey with alpha has no planar form, so it
    becomes R, G, B. Raises ``ValueError`` for a format without pixels, such as a GPU's surface.
    """
    facts = _facts(name)
    if facts.model == "grey":
        return _deep("gbra" if facts.alpha else "gray", "p" if facts.alpha else "", facts.depth)
    if facts.model == "rgb":
        return _deep("gbra" if facts.alpha else "gbr", "p", facts.depth)
    sampling = _SAMPLINGS.get((facts.shift_x, facts.shift_y), "444")
    if facts.alpha and sampling not in ("420", "422"):
        sampling = "444"
    return _deep(f"yuv{'a' if facts.alpha else ''}{sampling}", "p", facts.depth)


def layout_of(pix_fmt: str, colour: Colour, height: int) -> PixelLayout:
    """How the planes of a planar format carry colour. Untagged clips are BT.601 below 720 lines, as players take them."""
    facts = _facts(pix_fmt)
    transfer = TRANSFERS.get(colour.transfer, "sdr")
    if facts.model == "rgb":
        return PixelLayout("rgb", facts.depth, alpha=facts.alpha, full_range=True, transfer=transfer)
    full = colour.range == FULL_RANGE or pix_fmt.startswith("yuvj")
    matrix = _MATRICES.get(colour.space, "bt709" if height >= _HD_LINES else "bt601")
    if facts.model == "grey":
        return PixelLayout("grey", facts.depth, full_range=full, matrix=matrix, transfer=transfer)
    return PixelLayout("yuv", facts.depth, facts.shift_x, facts.shift_y, facts.alpha, full, matrix, transfer)


def other_kind(pix_fmt: str, colour: Colour) -> str:
    """What planes of ``pix_fmt`` are by their matrix, where nothing here reads them so: "YCgCo". Empty where all is well.

    R, G, B doesn't come with less chroma than luma: there the word is an encoder's mistake, and players take no heed of it.
    """
    facts = _facts(pix_fmt)
    if facts.model != "yuv" or (colour.space == _RGB and (facts.shift_x or facts.shift_y)):
        return ""
    return _OTHER_KINDS.get(colour.space, "")


def understood(pix_fmt: str, colour: Colour, height: int) -> Colour:
    """``colour`` with the matrix that ``layout_of`` goes by where it says one that is not gone by.

    What is written would be shown by what it says, and nobody have seen that.
    """
    layout = layout_of(pix_fmt, colour, height)
    known = layout.model == "rgb" or colour.space in (*_MATRICES, _UNSPECIFIED)
    return colour if known else replace(colour, space=SPACES[layout.matrix])


def keeps_all(wanted: str, of: str) -> bool:
    """Whether ``wanted`` has the depth, chroma, alpha and kind of colour of ``of``. False for a format nobody knows.

    R, G, B in 4:4:4 YUV of at least its depth counts as kept, and grey in anything; YUV in R, G, B does not, for it holds
    colours that R, G, B can't.
    """
    try:
        new, old = _facts(wanted), _facts(of)
    except ValueError:
        return False
    if new.depth < old.depth or (old.alpha and not new.alpha):
        return False
    if old.model == "grey" or new.model == "rgb":
        return old.model != "yuv"
    return new.model == "yuv" and new.shift_x <= old.shift_x and new.shift_y <= old.shift_y


def nearest(formats: Iterable[str], of: str) -> str | None:
    """The least of ``formats`` that keeps all of ``of``, itself before any other; None where none does.

    Formats of equal content count as equal, and the first of them is taken: nv12 does for yuv420p, p010le for yuv420p10le,
    bgr0 for gbrp; but one that is planar and little-endian goes first, for it needs no conversion.
    """
    able = [name for name in formats if keeps_all(name, of)]
    old = _facts(of) if able else None

    def cost(name: str) -> tuple[int, ...]:
        new = _facts(name)
        differs = old is not None and new.model != old.model
        # Of two that are equal but for that, a "yuvj" is named for a range that the frames needn't have.
        return (name != of, differs, new.alpha, new.bits, name != planar_format(name), name.startswith("yuvj"))

    return min(able, key=cost, default=None)


def size_step(pix_fmt: str) -> tuple[int, int]:
    """What width and height should be multiples of, so that no chroma sample lies over the edge."""
    facts = _facts(pix_fmt)
    return 1 << facts.shift_x, 1 << facts.shift_y


def _facts(name: str) -> _Facts:
    pixel = av.VideoFormat(name)
    components = pixel.components
    if not components:
        raise ValueError(f"{name} holds no pixels that can be read")
    alpha = pixel.has_palette or any(component.is_alpha for component in components)
    depth = max(8, *(component.bits for component in components))
    if name.startswith("bayer"):
        depth = 16 if "16" in name else 8
    depth = min(depth, _DEPTHS[-1])
    model: Literal["grey", "yuv", "rgb"] = "yuv"
    if pixel.is_rgb or pixel.has_palette or name.startswith("xyz"):
        model = "rgb"
    elif len(components) <= 2:
        model = "grey"
    x, y = (0, 0) if model != "yuv" else (_log2(16, pixel.chroma_width(16)), _log2(16, pixel.chroma_height(16)))
    samples = {"grey": 1.0, "rgb": 3.0, "yuv": 1 + 2 / (1 << (x + y))}[model] + alpha
    return _Facts(model, depth, x, y, alpha, round(samples * depth))


def _deep(family: str, end: str, depth: int) -> str:
    """The name of the family's shallowest format of at least this depth."""
    for bits in _DEPTHS:
        if bits >= depth:
            name = f"{family}{end}" if bits == 8 else f"{family}{end}{bits}le"
            try:
                return av.VideoFormat(name).name
            except ValueError:
                continue
    raise ValueError(f"no planar format of {family} has {depth} bits")


def _log2(whole: int, part: int) -> int:
    return (whole // part).bit_length() - 1
