"""Further pictures inside of HEIC and AVIF: previews, depth, gain maps, and what EXIF shows, none of which is looked at."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from screened import BAD, CALM, exif_with, flat, let_through, pictures_in, stopped

SIZE = (128, 96)
AUXILIARY = {
    "depth": b"urn:mpeg:hevc:2015:auxid:2\0",
    "gain map": b"urn:com:apple:photo:2020:aux:hdrgainmap\0",
    "matte": b"urn:com:apple:photo:2018:aux:portraiteffectsmatte\0",
}
OUTPUTS = (".png", ".jpg", ".webp", ".avif", ".tif", ".gif")


def two(path: Path, second: Any) -> Path:
    """A HEIC of two pictures."""
    made = pillow_heif.from_pillow(Image.fromarray(flat(size=SIZE)))
    made.add_from_pillow(Image.fromarray(second))
    made.save(path, quality=90)
    return path


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def place_of(content: bytes, kind: bytes, start: int = 0) -> tuple[int, int]:
    """Where the first box of a kind begins and ends."""
    at = content.index(kind, start) - 4
    return at, at + int.from_bytes(content[at : at + 4])


def replaced(content: bytes, kind: bytes, made: bytes) -> bytes:
    at, end = place_of(content, kind)
    return content[:at] + made + content[end:]


def linked(path: Path, reference: bytes, urn: bytes = b"") -> None:
    """Make the second picture of a HEIC one that belongs to the first (ISO/IEC 23008-12, 6.4 and 6.5.8)."""
    content = path.read_bytes()
    start, end = place_of(content, b"meta")
    meta = content[start + 12 : end]
    if urn:
        at, stop = place_of(meta, b"ipco")
        held, count, inside = meta[at + 8 : stop], 0, 0
        while inside < len(held):
            inside += int.from_bytes(held[inside : inside + 4])
            count += 1
        properties = box(b"ipco", held + box(b"auxC", bytes(4) + urn))
        at, stop = place_of(meta, b"ipma")
        said = bytearray(meta[at + 8 : stop])
        first = 8 + 3 + said[10]  # version, flags, number of items; then each: its id, how many, which
        assert struct.unpack_from(">H", said, first) == (2,)
        said[first + 2] += 1
        meta = replaced(meta, b"iprp", box(b"iprp", properties + box(b"ipma", bytes(said) + bytes([count + 1]))))
    meta += box(b"iref", bytes(4) + box(reference, struct.pack(">HHH", 2, 1, 1)))
    made = box(b"meta", content[start + 8 : start + 12] + meta)
    grown = len(made) - (end - start)
    at, _ = place_of(made, b"iloc")
    assert made[at + 8 : at + 16] == b"\0\0\0\0\x44\x40\0\2"  # numbers of four bytes, two items of one part each
    patched = bytearray(made)
    for item in range(2):
        (where,) = struct.unpack_from(">I", made, at + 16 + 18 * item + 4)
        struct.pack_into(">I", patched, at + 16 + 18 * item + 4, where + grown)
    path.write_bytes(content[:start] + bytes(patched) + content[end:])


def hidden() -> Any:
    return np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8) // 8 + np.array(BAD, np.uint8) // 8 * 7


@pytest.mark.parametrize("what", ["preview", *AUXILIARY])
def test_no_picture_that_belongs_to_a_heic_comes_along(what: str, tmp_path: Path) -> None:
    path = two(tmp_path / "in.heic", hidden())
    linked(path, b"auxl" if what in AUXILIARY else b"thmb", AUXILIARY.get(what, b""))
    opened = pillow_heif.open_heif(path)
    assert len(opened) == 1
    found = [*opened.info["thumbnails"], *opened.info["depth_images"], *opened.info.get("aux", {})]
    assert len(found) == 1
    _, end = place_of(path.read_bytes(), b"mdat")
    secret = path.read_bytes()[end - 60 : end]
    for suffix in OUTPUTS:
        let_through(path, tmp_path / f"out{suffix}")
        content = (tmp_path / f"out{suffix}").read_bytes()
        assert secret not in content
        assert content.count(b"auxC") == 0
        assert len(list(pictures_in(tmp_path / f"out{suffix}"))) == 1


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".webp", ".png"])
def test_no_preview_in_exif_comes_along(suffix: str, tmp_path: Path) -> None:
    preview = io.BytesIO()
    Image.fromarray(flat(BAD, (32, 24))).save(preview, "JPEG", quality=60)
    path = tmp_path / f"in{suffix}"
    picture, exif = Image.fromarray(flat(size=SIZE)), exif_with(preview.getvalue())
    if suffix == ".heic":
        pillow_heif.from_pillow(picture).save(path, exif=exif)
    else:
        picture.save(path, exif=exif)
    assert preview.getvalue()[-100:] in path.read_bytes()
    for other in (".avif", ".png", ".jpg", ".webp", ".tif"):
        report = let_through(path, tmp_path / f"out{other}")
        assert preview.getvalue()[-100:] not in (tmp_path / f"out{other}").read_bytes()
        assert any("preview" in said for said in report.notices)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_what_alpha_hides_is_looked_at(suffix: str, tmp_path: Path) -> None:
    picture = flat((*CALM, 255), SIZE)
    picture[20:80, 20:100] = (*BAD, 0)
    path = tmp_path / f"in{suffix}"
    if suffix == ".heic":
        pillow_heif.from_pillow(Image.fromarray(picture)).save(path, quality=95)
    else:
        Image.fromarray(picture).save(path, quality=95)
    assert stopped(path, tmp_path / "out.avif").stage == "target"
