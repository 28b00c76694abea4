"""What is told before a job begins: options that do nothing for it, and what makes it hard to do well."""

from __future__ import annotations

from collections.abc import Iterator

from roop_host.media.info import MediaInfo
from roop_host.runner.forms import Form
from roop_host.types.job import Job, MediaOptions

_USUAL = MediaOptions()
#: Of a pixel's sides; PAL at 4:3 (12:11 as broadcast) is beyond it, roundings of sizes are not.
_NEARLY_SQUARE = 1.05
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
    if job.on_no_face == "hold" and form not in ("video", "animation"):
        yield f"of no use for {_NAMES[form]}, which stays as it is: --on-no-face hold"
    if job.on_no_face == "drop" and form == "picture":
        yield f"of no use for {_NAMES[form]}: --on-no-face drop"
    if _set(media, "folder") and (target is None or target.kind != "folder"):
        yield f"of no use for {job.target}, which is no folder: --folder"
    if _set(media, "frame_format") and not media.keep_frames:
        yield "of no use without --keep-frames: --frame-format"


def hard_on_faces(target: MediaInfo) -> Iterator[str]:
    """Notices of what faces are not found and fitted in as well as they could be: frames are seen as they are stored."""
    shape = target.sample_aspect_ratio
    if shape is not None and max(shape, 1 / shape) > _NEARLY_SQUARE:
        yield (
            f"the pixels of {target.path} are not square ({shape.numerator}:{shape.denominator}), and faces in it are seen "
            f"squeezed; --scale {target.height}p makes them square, and swaps better"
        )


def _set(media: MediaOptions, *names: str) -> list[str]:
    return [name for name in names if getattr(media, name) != getattr(_USUAL, name)]


def _flags(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)
