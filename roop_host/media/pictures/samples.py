"""Samples of a still picture: out of every format as R, G, B or grey of 8 or 16 bit, upright."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ExifTags import Base
from tifffile import TiffFile, TiffPage

from roop_host.errors import InputError
from roop_host.media.pictures import png
from roop_host.media.pictures.files import exif_of, format_of

_BITS, _COMPRESSION, _PHOTOMETRIC, _EXTRA = 258, 259, 262, 338
#: TIFF's codes for none, Deflate (two of them) and PackBits: what tifffile takes apart by itself.
_PLAIN = (1, 8, 32946, 32773)
_WHITE_IS_ZERO, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_GREY_MODES = frozenset(("1", "L", "LA", "La"))


def is_deep(image: Image.Image, path: Path) -> bool:
    """Whether the samples have 16 bits that are kept, told by the header; Pillow's own mode is of 8 bit for many."""
    name = format_of(image)
    if name == "png":
        return png.header(path)[0] == 16
    if name == "tiff":
        bits = image.tag_v2.get(_BITS, (1,))  # type: ignore[attr-defined]  # of a TIFF
        return set(bits) == {16} and (image.mode.startswith("I;16") or image.mode in ("RGB", "RGBA"))
    return name == "heic" and int(image.info.get("bit_depth") or 8) > 8


def is_grey(image: Image.Image, path: Path) -> bool:
    """Whether the picture has no colour by its kind."""
    if image.mode.startswith("I") or image.mode == "F":
        return True
    if format_of(image) == "png" and is_deep(image, path):
        return not png.header(path)[1] & 2
    return image.mode in _GREY_MODES


def has_alpha(image: Image.Image) -> bool:
    """Whether any pixel may be transparent, by what the header says."""
    return image.has_transparency_data or image.mode in ("La", "RGBa")


def samples(image: Image.Image, path: Path) -> NDArray[Any]:
    """uint8 or uint16 ``(H, W, C)`` as stored, C of grey 1 or 2, of R, G, B 3 or 4; the last of 2 and 4 is alpha.

    Raises ``InputError`` for grey of 32 bit, and what Pillow raises for a broken file.
    """
    if image.mode in ("I", "F"):
        raise InputError(f"{path} has grey values of 32 bit, and no scale for them; convert it to 8 or 16 bit first")
    if is_deep(image, path):
        return {"png": _deep_png, "tiff": _deep_tiff, "heic": _deep_heif}[format_of(image)](image, path)
    if image.mode.startswith("I;16"):  # of another format than these; Pillow itself cuts it off at 255
        return np.asarray(image).astype(np.uint16)[..., None]
    grey, alpha = is_grey(image, path), has_alpha(image)
    if image.mode in ("CMYK", "LAB"):
        image = _to_rgb(image)
    mode = ("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB")
    taken = np.array(image.convert(mode))
    return taken[..., None] if taken.ndim == 2 else taken


def image_of(picture: NDArray[Any]) -> Image.Image:
    """What Pillow writes: of uint8 ``(H, W, C)``, C as of ``samples``."""
    return Image.fromarray(np.ascontiguousarray(picture[..., 0] if picture.shape[2] == 1 else picture))


def orientation_of(image: Image.Image, path: Path) -> int:
    """EXIF's number of how ``samples`` gives them. Pillow and OpenCV turn those of a TIFF, and tifffile does not."""
    if format_of(image) != "tiff":
        return int(exif_of(image).get(Base.Orientation, 1))
    tags = image.tag_v2  # type: ignore[attr-defined]  # of a TIFF
    as_stored = is_deep(image, path) and tags.get(_COMPRESSION, 1) in _PLAIN
    return int(tags.get(Base.Orientation, 1)) if as_stored else 1


def turned(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Upright, by EXIF's number 1 to 8; any other counts as 1."""
    flipped = picture[:, ::-1] if orientation in (2, 4, 5, 7) else picture
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(flipped, quarters))


def scaled(picture: NDArray[Any], size: tuple[int, int] | None) -> NDArray[Any]:
    """``(H, W, C)`` in another (width, height); what is transparent lends nobody its colour."""
    if size is None or size == (picture.shape[1], picture.shape[0]):
        return picture
    shrinks = size[0] < picture.shape[1] and size[1] < picture.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    peak = np.iinfo(picture.dtype).max
    wide = picture.astype(np.float32)
    alpha = picture.shape[2] in (2, 4)
    if alpha:
        wide[..., :-1] *= wide[..., -1:] / peak
    wide = np.atleast_3d(cv2.resize(wide, size, interpolation=way))
    if alpha:
        wide[..., :-1] /= np.maximum(wide[..., -1:] / peak, 1 / peak)
    out: NDArray[Any] = np.clip(np.rint(wide), 0, peak).astype(picture.dtype)
    return out


def _to_rgb(image: Image.Image) -> Image.Image:
    """CMYK by its own profile, which says what its inks look like; else, or where that is no use, Pillow's way."""
    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        return _through(image, ImageCms.createProfile("LAB"), srgb)
    profile = image.info.get("icc_profile")
    if profile and profile[16:20] == b"CMYK":
        try:
            return _through(image, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB")


def _through(image: Image.Image, source: Any, target: Any) -> Image.Image:
    made = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if made is None:
        raise ValueError("its colour profile can't be used")
    return made


def _deep_png(image: Image.Image, path: Path) -> NDArray[Any]:
    content = path.read_bytes()
    for _ in png.chunks(content):  # OpenCV gives what it has of a broken one, without a word
        pass
    taken = _decoded(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))
    hidden = image.info.get("transparency")
    if is_grey(image, path):
        if taken.shape[2] > 1:
            return np.ascontiguousarray(taken[..., [0, 3]])
        if isinstance(hidden, int):  # one grey value stands for nothing there
            return np.concatenate([taken, np.where(taken == hidden, 0, 65535).astype(np.uint16)], axis=2)
        return taken
    return _bgr_to_rgb(taken)


def _deep_tiff(image: Image.Image, path: Path) -> NDArray[Any]:
    tags = image.tag_v2  # type: ignore[attr-defined]  # of a TIFF
    number = image.tell()
    if tags.get(_COMPRESSION, 1) in _PLAIN:
        with TiffFile(path) as file:
            page = file.pages[number]
            taken = np.atleast_3d(page.asarray())
            if isinstance(page, TiffPage) and page.planarconfig == 2 and page.samplesperpixel > 1:
                taken = np.moveaxis(taken, 0, -1)
    else:
        if tags.get(284, 1) == 2:
            raise InputError(f"{path} keeps its 16-bit colours in separate compressed planes; save it in another way first")
        whole = np.memmap(path, np.uint8, "r")  # OpenCV takes the one page out of it
        _, pages = cv2.imdecodemulti(whole, cv2.IMREAD_UNCHANGED, range=(number, number + 1))
        taken = _bgr_to_rgb(_decoded(pages[0] if len(pages) else None))
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        taken = 65535 - taken
    if taken.shape[2] == 4:
        extra = (tags.get(_EXTRA) or (0,))[0]
        if extra not in (_ASSOCIATED, _UNASSOCIATED):
            taken = taken[..., :3]
        elif extra == _ASSOCIATED:
            alpha = np.maximum(taken[..., 3:].astype(np.float64), 1) / 65535
            taken[..., :3] = np.minimum(np.rint(taken[..., :3] / alpha), 65535)
    return np.ascontiguousarray(taken.astype(np.uint16))


def _deep_heif(image: Image.Image, path: Path) -> NDArray[Any]:
    from pillow_heif import open_heif

    heif = open_heif(path, convert_hdr_to_8bit=False)
    taken = np.atleast_3d(np.array(heif))
    # Of the range of 16 bit only the upper part is used; the lower is filled by repeating, as 0 must stay 0 and 1 be 1.
    bits = int(image.info["bit_depth"])
    high = taken.astype(np.uint32) >> (16 - bits)
    return (((high << (16 - bits)) | (high >> (2 * bits - 16))) & 0xFFFF).astype(np.uint16)


def _decoded(taken: Any) -> NDArray[Any]:
    if taken is None or taken.dtype != np.uint16:
        raise ValueError("it can't be decoded")
    return np.atleast_3d(taken)


def _bgr_to_rgb(taken: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(taken[..., [2, 1, 0, *range(3, taken.shape[2])]]) if taken.shape[2] > 1 else taken
