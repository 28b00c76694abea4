"""What an output's name asks for: which suffixes the host writes itself, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Suffix:
    """``muxer`` is FFmpeg's for a video; ``still``, ``pages`` and ``moving`` say what else may be written under that name.

    ``marks`` is False where nothing in the file can say that it is synthetic: a ``.xmp`` stands beside it then.
    """

    media_type: str
    muxer: str = ""
    still: bool = False
    pages: bool = False
    moving: bool = False
    marks: bool = True

    @property
    def matroska(self) -> bool:
        """WebM is Matroska with fewer codecs."""
        return self.muxer in ("matroska", "webm")


_SUFFIXES: dict[str, Suffix] = {
    ".mp4": Suffix("video/mp4", "mp4"),
    ".m4v": Suffix("video/mp4", "mp4"),
    ".mov": Suffix("video/quicktime", "mov"),
    ".mkv": Suffix("video/x-matroska", "matroska"),
    ".webm": Suffix("video/webm", "webm"),
    ".jpg": Suffix("image/jpeg", still=True),
    ".jpeg": Suffix("image/jpeg", still=True),
    ".png": Suffix("image/png", still=True, moving=True),
    ".apng": Suffix("image/apng", moving=True),
    ".webp": Suffix("image/webp", still=True, moving=True),
    ".gif": Suffix("image/gif", still=True, moving=True),
    ".tif": Suffix("image/tiff", still=True, pages=True),
    ".tiff": Suffix("image/tiff", still=True, pages=True),
    ".avif": Suffix("image/avif", still=True),
    ".bmp": Suffix("image/bmp", still=True, marks=False),
}
SUFFIXES = tuple(_SUFFIXES)


def suffix_of(output: Path) -> Suffix | None:
    """None for a suffix that the host does not write itself."""
    return _SUFFIXES.get(output.suffix.lower())


def media_type(output: Path) -> str:
    """The media type of a finished output, by its name: "video/mp4"."""
    suffix = suffix_of(output)
    return "application/octet-stream" if suffix is None else suffix.media_type


def holds_marks(suffix: str) -> bool:
    """Whether a file of this suffix can itself say that it is synthetic; else the host writes ``<name>.xmp`` beside it."""
    known = _SUFFIXES.get(suffix.lower())
    return known is not None and known.marks
