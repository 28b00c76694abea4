"""The rows of the matrix whose input is a picture, an animation or a folder."""

from __future__ import annotations

from matrix_clips import EVEN, FILM
from matrix_inputs import Animation, Clip, Folder, deep_png, deep_tiff, exif, pages, profile, saved
from matrix_row import Row

_WITHOUT_PLACE = {"place": False, "upright": True}
PICTURES = (
    Row(
        "JPEG, progressive, 300 dpi", saved("RGB", progressive=True, dpi=(300, 300)), ".jpg", ".jpg", "picture_size look dpi"
    ),
    Row("JPEG, CMYK", saved("CMYK"), ".jpg", ".jpg", "picture_size look"),
    Row(
        "JPEG, turned by EXIF, ICC, place",
        saved("RGB", exif=exif(6), icc_profile=profile, dpi=(300, 300)),
        ".jpg",
        ".jpg",
        "picture_size look dpi icc exif",
        {"place": True, "upright": False, "dpi": [300, 300]},
        _WITHOUT_PLACE,
    ),
    Row(
        "JPEG into PNG",
        saved("RGB", exif=exif(8), icc_profile=profile, dpi=(300, 300)),
        ".jpg",
        ".png",
        "picture_size look dpi icc exif",
        {"place": True, "upright": False},
        _WITHOUT_PLACE,
    ),
    Row("PNG, 16 bit", deep_png(3), ".png", ".png", "picture_size bits pixels", {"bits": "gbrp16le"}),
    Row("PNG, 16 bit with alpha", deep_png(4), ".png", ".png", "picture_size bits pixels", {"bits": "gbrap16le"}),
    Row("PNG, 16 bit grey", deep_png(1), ".png", ".png", "picture_size bits pixels", {"bits": "gray16le"}),
    Row("PNG, palette", saved("P"), ".png", ".png", "picture_size pixels", {"bits": "pal8"}),
    Row("PNG, alpha", saved("RGBA"), ".png", ".png", "picture_size bits pixels", {"bits": "gbrap"}),
    Row("PNG, alpha, into WebP", saved("RGBA"), ".png", ".webp", "picture_size look"),
    Row(
        "WebP, ICC, EXIF",
        saved("RGB", lossless=True, icc_profile=profile, exif=exif(3)),
        ".webp",
        ".webp",
        "picture_size look icc exif",
        {"place": True},
        _WITHOUT_PLACE,
    ),
    Row("TIFF, 16 bit", deep_tiff(), ".tif", ".tif", "picture_size bits pixels", {"bits": "gbrp16le"}),
    Row("TIFF, 16 bit, into PNG", deep_tiff(), ".tif", ".png", "picture_size bits pixels"),
    Row("TIFF, three pages", pages(), ".tif", ".tif", "picture_size count look", {"count": 3}),
    Row("BMP", saved("RGB"), ".bmp", ".bmp", "picture_size pixels"),
    Row("BMP into PNG", saved("RGB"), ".bmp", ".png", "picture_size pixels"),
    Row("AVIF", saved("RGB", quality=90), ".avif", ".avif", "picture_size look"),
)
_MOVES = "picture_size count delays loop look"
_ODD = [40, 70, 250, 100, 1000, 40]
ANIMATIONS = (
    Row("GIF, odd delays, for ever", Animation(), ".gif", ".gif", _MOVES, {"delays": _ODD, "loop": 0}),
    Row("GIF, three times", Animation(loop=3), ".gif", ".gif", _MOVES, {"loop": 3}),
    Row("GIF, once", Animation(loop=None), ".gif", ".gif", _MOVES, {"loop": None}),
    Row("WebP, odd delays, twice", Animation(loop=2), ".webp", ".webp", _MOVES, {"delays": _ODD, "loop": 2}),
    Row("WebP, alpha", Animation(alpha=True), ".webp", ".webp", _MOVES),
    Row("APNG, odd delays, alpha", Animation(alpha=True, loop=0), ".png", ".png", f"{_MOVES} pixels", {"delays": _ODD}),
    Row("GIF into WebP", Animation(), ".gif", ".webp", _MOVES),
    Row("GIF into MP4", Animation(), ".gif", ".mp4", "frames times film size", {"frames": 6}),
    Row(
        "MP4 into GIF",
        Clip(frames=12),
        ".mp4",
        ".gif",
        "",
        {},
        {"picture_size": (128, 96), "count": 12, "delays": [40] * 12},
    ),
    Row("folder as a clip", Folder(), "", ".mp4", "film", {}, {"steps": EVEN, "frames": 11}, {"folder": "frames"}),
    Row(
        "folder as a clip of another rate",
        Folder(),
        "",
        ".mov",
        "film",
        {},
        {"steps": {1 / FILM}, "frames": 11},
        {"folder": "frames", "fps": "24000/1001"},
    ),
    Row("folder as pictures", Folder(4), "", "", "files film", {}, {}, {"folder": "pictures"}),
)
