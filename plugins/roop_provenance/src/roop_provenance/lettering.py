"""Texts as alpha pictures of any size: by the font that Pillow has built in, by a font of one's own, or drawn beforehand."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from roop_host import InputError, UsageError
from roop_provenance.options import Options

#: Of ``gb45438.png``: what its capitals are of its height. The script that makes it says the figure.
GB_CAPITALS = 0.7645
_MEASURED_AT = 400
#: No character: a font shows for it what it shows for every letter that it lacks.
_NONE = "\U0010ffff"


class Lettering(Protocol):
    """A text that can be drawn in any size."""

    text: str

    def alpha(self, capitals_px: float) -> NDArray[np.float32]:
        """The text with capitals of that height, cut to what is inked: float32 ``(height, width)`` in 0..1."""
        ...


def lettering_of(options: Options) -> Lettering:
    """Raises ``InputError`` for a font that can't be read, ``UsageError`` for letters that it lacks."""
    if options.has_preset_text and options.label_font is None:
        return Drawn("AI合成", "gb45438.png", GB_CAPITALS)
    return Typeset("AI合成" if options.has_preset_text else options.label_text.strip(), options.label_font)


class Drawn:
    """A text from a picture of the package."""

    def __init__(self, text: str, name: str, capitals: float) -> None:
        self.text, self._capitals = text, capitals
        with Image.open(BytesIO((files("roop_provenance") / name).read_bytes()), formats=("PNG",)) as picture:
            self._picture = np.asarray(picture.convert("L"), np.float32) / 255

    def alpha(self, capitals_px: float) -> NDArray[np.float32]:
        """The picture scaled: float32 ``(height, width)`` in 0..1."""
        height, width = self._picture.shape
        scale = capitals_px / self._capitals / height
        size = max(1, round(width * scale)), max(1, int(np.ceil(height * scale)))
        scaled = cv2.resize(self._picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        return np.clip(scaled, 0, 1).astype(np.float32, copy=False)


class Typeset:
    """A text in a font: the one that Pillow has built in where ``path`` is None."""

    def __init__(self, text: str, path: Path | None) -> None:
        self.text, self._path = text, path
        font = _font(path, _MEASURED_AT)
        _check_letters(font, text, path)
        self._capitals = _capitals_px(font, text) / _MEASURED_AT

    def alpha(self, capitals_px: float) -> NDArray[np.float32]:
        """The text in that size: float32 ``(height, width)`` in 0..1."""
        font = _font(self._path, max(1.0, capitals_px / self._capitals))
        x0, y0, x1, y1 = (round(side) for side in font.getbbox(self.text))
        picture = Image.new("L", (max(1, x1 - x0), max(1, y1 - y0)))
        ImageDraw.Draw(picture).text((-x0, -y0), self.text, font=font, fill=255)
        return np.asarray(picture, np.float32) / np.float32(255)


def _font(path: Path | None, size: float) -> ImageFont.FreeTypeFont:
    if path is None:
        return _built_in(size)
    try:
        if not path.is_file():  # a pipe would be waited for without an end
            raise OSError("no plain file")
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise InputError(
            f"--provenance-label-font: {path} can't be read as a font ({error}); name a TTF or OTF file"
        ) from error


def _built_in(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError("this Pillow was built without FreeType, so no label can be drawn; install Pillow from its wheel")
    return font


def _check_letters(font: ImageFont.FreeTypeFont, text: str, path: Path | None) -> None:
    """Raise ``UsageError`` for letters that would come out as boxes or blanks."""
    lacking = "".join(letter for letter in dict.fromkeys(text) if not letter.isspace() and _lacks(font, letter))
    if lacking:
        what = "the font built in has" if path is None else f"the font {path} has"
        raise UsageError(
            f"{what} no {' '.join(lacking)}, which the label says; name a font that has with --provenance-label-font, or "
            "say another --provenance-label-text"
        )


def _lacks(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether it looks as what is no character looks, or as nothing."""
    mask, none = font.getmask(letter), font.getmask(_NONE)
    blank = mask.getbbox() is None
    return blank or (
        mask.size == none.size and bytes(mask) == bytes(none) and font.getlength(letter) == font.getlength(_NONE)
    )


def _capitals_px(font: ImageFont.FreeTypeFont, text: str) -> float:
    """The height of the text's lowest capital, or of its tallest letter where it has none."""
    heights = {letter: font.getbbox(letter)[3] - font.getbbox(letter)[1] for letter in text if not letter.isspace()}
    capitals = [height for letter, height in heights.items() if letter.isupper()]
    return min(capitals) if capitals else max(heights.values())
