"""PNG out: 8 or 16 bit, with what belongs to the picture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roop_host.media.marks import Marks
from roop_host.media.pictures import png
from roop_host.media.pictures.belongings import Belongings
from roop_host.media.pictures.marks import png_info
from roop_host.media.pictures.samples import image_of


def write_png(picture: NDArray[Any], kept: Belongings, output: Path, marks: Marks) -> None:
    """``(H, W, C)`` of uint8 or uint16, C as of ``samples``; grey with alpha of 8 bit only."""
    grey = picture.shape[2] < 3
    if picture.dtype == np.uint8:
        image_of(picture).save(output, "PNG", **_beside(kept, marks, grey=grey))
        return
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[picture.shape[2]]
    done, packed = cv2.imencode(".png", np.ascontiguousarray(picture[..., order]), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise OSError("the PNG could not be made")
    # Pillow has no colours of 16 bit, and OpenCV nothing but samples.
    output.write_bytes(png.with_extras(packed.tobytes(), png_extras(kept, marks, grey=grey)))


def png_extras(kept: Belongings, marks: Marks, *, grey: bool) -> bytes:
    """A PNG of one pixel with all that is said beside the samples: what Pillow says of a small one holds for a large one."""
    small = BytesIO()
    Image.new("L" if grey else "RGB", (1, 1)).save(small, "PNG", **_beside(kept, marks, grey=grey))
    return small.getvalue()


def _beside(kept: Belongings, marks: Marks, *, grey: bool) -> dict[str, Any]:
    info = png_info(marks)
    for kind, data in kept.meaning:
        info.add(kind, data)
    for key, text in kept.text:
        info.add_itxt(key, text)
    more: dict[str, Any] = {"pnginfo": info, "icc_profile": kept.profile_for(grey=grey), "exif": kept.exif_bytes()}
    return more | ({"dpi": kept.dpi} if kept.dpi else {})
