"""``--quality`` of 0 to 100 on each picture format's own scale."""

from __future__ import annotations


def jpeg_quality(quality: int) -> int:
    """0 gives 30, 80 gives 94, where a second encoding is hard to see, 100 gives 100; between them straight lines."""
    return round(30 + quality * 0.8 if quality <= 80 else 94 + (quality - 80) * 0.3)


def webp_quality(quality: int, *, lossless_source: bool) -> tuple[int, bool]:
    """(quality, lossless): 0 gives 20, 80 gives 92, 99 gives 100; 100, or a source that was lossless, is lossless.

    Of what is lossless the number is the effort: 60 is hardly larger than 100, and three times as fast.
    """
    if quality == 100 or lossless_source:
        return 60, True
    return round(20 + quality * 0.9 if quality <= 80 else 92 + (quality - 80) * 0.42), False


def avif_quality(quality: int) -> int:
    """0 gives 30, 80 gives 86, 100 gives 100: AV1 needs lower numbers than JPEG for the same look."""
    return round(30 + quality * 0.7)
