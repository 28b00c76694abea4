"""Which form the output takes: what the target is and what the output is called must go together."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from roop_host.errors import UsageError
from roop_host.media.info import MediaInfo, Reading
from roop_host.media.kinds import SUFFIXES, holds_marks, suffix_of
from roop_host.types.job import Job

#: ``video`` and ``animation`` are made of segments, the others of pictures that have nothing to do with each other.
Form = Literal["video", "animation", "picture", "pages", "pictures"]


def form_of(job: Job, target: MediaInfo | None, *, written: bool) -> Form:
    """The form of the output. ``target`` is None for a stream that is not open yet; ``written`` says that a plugin writes.

    Raises ``UsageError`` where target and output, or an option and the target, do not go together.
    """
    output = Path(job.output)
    moving = target is None or target.streams
    _check_uploads(job, target, moving=moving)
    if job.media.keep_frames and not moving:
        raise UsageError("--keep-frames is for clips, and the target is none; leave it out")
    if written:
        if target is not None and target.kind in ("pages", "folder") and not moving:
            raise UsageError(f"{job.target} holds many pictures, but {output} is made of one; name a folder as the output")
        return "video" if moving else "picture"
    if target is not None and target.kind == "folder" and not moving:
        if suffix_of(output) is not None and not output.is_dir():
            raise UsageError(
                f"the target {job.target} is a folder of pictures, but {output} is the name of a file; name a folder as the "
                "output, or make one clip of it with --folder frames"
            )
        return "pictures"
    suffix = suffix_of(output)
    if suffix is None:
        ends = f"ends in {output.suffix}" if output.suffix else "has no suffix"
        raise UsageError(f"the output {output} {ends}; known are {', '.join(SUFFIXES)}")
    if moving:
        if suffix.muxer:
            return "video"
        # What is named .png is meant to be one picture, unless the target is an APNG or the like itself.
        if suffix.moving and (output.suffix.lower() != ".png" or (target is not None and target.kind == "animation")):
            return "animation"
        raise _mismatch(job, "a video" if target is None or target.kind == "video" else "an animation", "a picture")
    if target is not None and target.kind == "pages":
        if not suffix.pages:
            raise UsageError(
                f"the target {job.target} holds {target.pages} pictures; give the output the suffix .tif, which holds all"
            )
        return "pages"
    if not suffix.still:
        raise _mismatch(job, "a picture", "a video" if suffix.muxer else "an animation")
    return "picture"


def form_seen(target: MediaInfo) -> Form:
    """What a target is when nothing is written of it."""
    if target.streams:
        return "animation" if target.kind == "animation" else "video"
    return "pictures" if target.kind == "folder" else "pages" if target.kind == "pages" else "picture"


def _mismatch(job: Job, is_: str, named: str) -> UsageError:
    return UsageError(
        f"the target {job.target} is {is_}, but {job.output} is the name of {named}; give the output the suffix of {is_}"
    )


def _check_uploads(job: Job, target: MediaInfo | None, *, moving: bool) -> None:
    if not job.uploads:
        return
    output = Path(job.output)
    if target is not None and target.kind == "folder" and not moving:
        raise UsageError("a folder of pictures is not uploaded; leave out --upload, and send each picture by itself")
    if suffix_of(output) is not None and not holds_marks(output.suffix):
        raise UsageError(
            f"an output in {output.suffix} cannot hold the mark that says that it is synthetic, so it is not uploaded; "
            "leave out --upload, or name an output of another kind"
        )


def check_stream(address: str, reading: Reading) -> None:
    """Raise ``UsageError`` for what can't be done with a stream that a plugin gives."""
    if reading != Reading(salvage=reading.salvage):
        raise UsageError(
            f"a stream such as {address} is taken as it comes; leave --trim-start, --trim-end, --fps, --scale and "
            "--deinterlace out"
        )
