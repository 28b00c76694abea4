"""Colour profiles that come along, and those that would show what nobody saw who looked at the samples."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

#: Of 255, how far a profile may move a grey: ProPhoto's gamma of 1.8 moves it by 20, linear samples by 70.
_FARTHEST = 48


@lru_cache(maxsize=8)
def is_usual(profile: bytes) -> bool:
    """Whether greys look about the same to who takes the samples for sRGB; also of what is no profile that can be read."""
    mode = {b"RGB ": "RGB", b"GRAY": "L"}.get(profile[16:20])
    if mode is None:
        return True
    ramp = np.arange(256, dtype=np.uint8)[None]
    picture = Image.fromarray(ramp).convert(mode)
    try:
        srgb = ImageCms.createProfile("sRGB")
        seen = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return True
    moved = np.abs(np.asarray(seen).astype(int) - ramp[..., None].astype(int))
    return bool(moved.max() <= _FARTHEST)
