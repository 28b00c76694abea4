"""What is too large to be worked on."""

from __future__ import annotations

from roop_host.errors import InputError

_MAX_SIDE = 16384
#: Pixels of one picture: a camera of 102 megapixels gives 11648x8736. Pillow's own error stands at 178 million.
MAX_PIXELS = 120_000_000
#: Pictures of an animation, and pixels of all of them: more than an hour at 30 a second, and of 640x480 so long. A file of
#: some bytes may claim any number, and each is drawn in full.
_MAX_FRAMES = 1 << 17
_MAX_PIXELS_OF_ALL = 1 << 36


def check_size(name: str, width: int, height: int) -> None:
    """Raise ``InputError`` for a picture too large to be worked on."""
    if width * height > MAX_PIXELS or max(width, height) > _MAX_SIDE:
        raise InputError(f"{name} is {width}x{height}, more than can be worked on; scale it below {_MAX_SIDE} a side first")


def check_length(name: str, width: int, height: int, frames: int) -> None:
    """Raise ``InputError`` for an animation that is too long to be worked on at its size."""
    if frames > _MAX_FRAMES or width * height * frames > _MAX_PIXELS_OF_ALL:
        raise InputError(
            f"{name} claims {frames} frames of {width}x{height}, more than can be worked on; make it a video, shorter or "
            "smaller, first"
        )
