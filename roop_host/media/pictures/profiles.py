"""Colour profiles that come along, and those that would show what nobody saw who looked at the samples."""

from __future__ import annotations

import struct
from functools import lru_cache
from io import BytesIO
from math import dist

import numpy as np
from PIL import Image, ImageCms

from roop_host.media.colours import are_calm, primaries_of

#: Of 255, how far a profile may move a grey: ProPhoto's gamma of 1.8 moves it by 20, linear samples by 70.
_FARTHEST = 48
#: How much lighter the next of 256 greys may be: a step would show what differs by a single bit. Gamma 1.8 has 2.
_STEEPEST = 4
#: sRGB's primaries as profiles keep them (chromaticity, adapted to D50), and how far others may lie from them: ProPhoto's
#: are the farthest in use. Colours that are exchanged lie 0.4 and more apart.
_PRIMARIES = {b"rXYZ": ((0.648, 0.331), 0.15), b"gXYZ": ((0.321, 0.598), 0.32), b"bXYZ": ((0.156, 0.066), 0.17)}
_SRGB = primaries_of(np.array([point for point, _ in _PRIMARIES.values()]), np.array([0.9642, 1.0, 0.8249]))
#: With fewer levels it is an exponent.
_LEAST_OF_TABLE = 2
_CURVES = (b"rTRC", b"gTRC", b"bTRC", b"kTRC")
#: Tables of colours (ICC.1:2022, 9.2): they may show any colour as any other, so the samples say nothing.
_TABLES = (b"A2B", b"D2B")
_MOST_TAGS = 100


@lru_cache(maxsize=8)
def is_usual(profile: bytes) -> bool:
    """Whether a picture looks about the same to who takes its samples for sRGB; of other samples than RGB and grey, yes.

    Not of a profile that can't be read here: another reader may.
    """
    mode = {b"RGB ": "RGB", b"GRAY": "L"}.get(profile[16:20])
    if mode is None:
        return True
    try:
        return _is_told_by_curves(_tags(profile), coloured=mode == "RGB") and _greys_stay(profile, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, ArithmeticError, LookupError, struct.error):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """All by name. Raises ``ValueError`` where readers may take different ones."""
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MOST_TAGS:
        raise ValueError("more tags than profiles have")
    found: dict[bytes, bytes] = {}
    for at in range(132, 132 + 12 * count, 12):
        name, place, size = struct.unpack_from(">4sII", profile, at)
        if name in found:
            raise ValueError("a tag stands there twice")
        found[name] = profile[place : place + size]
    return found


def _is_told_by_curves(tags: dict[bytes, bytes], *, coloured: bool) -> bool:
    """Whether it has no table of colours, primaries near sRGB's, and curves without leaps."""
    if any(name.startswith(_TABLES) for name in tags) or any(map(_leaps, (tags.get(name, b"") for name in _CURVES))):
        return False
    if not coloured:
        return True
    columns = np.array([struct.unpack_from(">iii", tags[name], 8) for name in _PRIMARIES]).T / 65536
    with np.errstate(all="raise"):
        near = all(
            dist(column[:2] / column.sum(), point) <= most
            for column, (point, most) in zip(columns.T, _PRIMARIES.values(), strict=True)
        )
        return near and are_calm(columns, _SRGB)


def _leaps(curve: bytes) -> bool:
    """Whether a curve in a table falls or has a step: between the greys that are tried, or where their library rounds it."""
    if curve[:4] != b"curv":
        return False
    (count,) = struct.unpack_from(">I", curve, 8)
    light = np.frombuffer(curve, ">u2", count, 12) / 65535
    if count < _LEAST_OF_TABLE:
        return False
    even = np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, count), light)
    seen = np.where(even < 0.0031308, 12.92 * even, 1.055 * even ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    return bool((np.diff(light) < 0).any() or np.diff(seen).max() * 255 > _STEEPEST)


def _greys_stay(profile: bytes, mode: str) -> bool:
    ramp = np.arange(256, dtype=np.uint8)[None]
    picture, srgb = Image.fromarray(ramp).convert(mode), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb, outputMode="RGB")
    shown = np.asarray(seen).astype(int)[0]
    moved, risen = np.abs(shown - ramp[0, :, None]), np.diff(shown, axis=0)
    return bool(moved.max() <= _FARTHEST and risen.max() <= _STEEPEST and risen.min() >= -1)
