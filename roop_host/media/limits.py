"""What is too large to be worked on."""

from __future__ import annotations

from roop_host.errors import InputError

_MAX_SIDE = 16384
MAX_PIXELS = 120_000_000


def check_size(name: str, width: int, height: int) -> None:
    """Raise ``InputError`` for a picture too large to be worked on."""
    if width * height > MAX_PIXELS or max(width, height) > _MAX_SIDE:
        raise InputError(f"{name} is {width}x{height}, more than can be worked on; scale it below {_MAX_SIDE} a side first")
