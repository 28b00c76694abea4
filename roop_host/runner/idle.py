"""Options that do nothing for this very job: told, and no error, since they may stand in a file for all runs."""

from __future__ import annotations

from collections.abc import Iterator

from roop_host.media.info import MediaInfo
from roop_host.runner.forms import Form
from roop_host.types.job import Job, MediaOptions

_USUAL = MediaOptions()
_NAMES: dict[Form, str] = {
    "animation": "an animation",
    "picture": "a picture",
    "pages": "a TIFF of pages",
    "pictures": "a folder of pictures",
}


def idle_options(job: Job, form: Form, target: MediaInfo | None, *, written: bool) -> Iterator[str]:
    """Notices of options that differ from their defaults in vain.

    ``written`` says that a plugin writes: it is given the whole job, and what it makes of that is its own.
    """
    media = job.media
    unused = _set(media, "encoder", "preset", "pixel_format", "skip_audio")
    if unused and form != "video" and not written:
        yield f"of no use for {_NAMES[form]}: {_flags(unused)}"
    if _set(media, "folder") and (target is None or target.kind != "folder"):
        yield f"of no use for {job.target}, which is no folder: --folder"
    if _set(media, "frame_format") and not media.keep_frames:
        yield "of no use without --keep-frames: --frame-format"


def _set(media: MediaOptions, *names: str) -> list[str]:
    return [name for name in names if getattr(media, name) != getattr(_USUAL, name)]


def _flags(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)
