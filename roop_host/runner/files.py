"""The files a job makes: what they are called, and that none of them takes the place of another by accident."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host.errors import UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.kinds import holds_marks, suffix_of
from roop_host.media.output import unwritable, work_path
from roop_host.runner.casting import files_of
from roop_host.runner.resolve import Names
from roop_host.types.job import Job

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

#: Files and folders to publish: where each lies while it is made, and its final name; the output comes last.
Files = list[tuple[Path, Path]]

#: Device, number, size and time of the last change of a file.
Stamp = tuple[int, int, int, int]

_OUTPUT, _FRAMES = "the output", "the folder of frames"
#: What stands beside a file and speaks for it, whoever made it: C2PA's manifests, XMP.
_SPEAKING = (".c2pa", ".xmp")
_FRAME = re.compile(r"[0-9]{6,}\.(png|jpg|webp|tif)")


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells a file from the one that stands under its name later."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def sidecar_path(output: Path, suffix: str) -> Path:
    """``out.csv`` beside ``out.mp4``."""
    return output.with_name(output.stem + suffix)


def marks_path(output: Path) -> Path:
    """Where the marks stand of a format that holds none."""
    return output.with_name(output.name + ".xmp")


def finished_path(output: Path, suffix: str) -> Path:
    """``out.mkv.c2pa`` beside ``out.mkv``: what a finisher made of it."""
    return output.with_name(output.name + suffix)


def code_paths(output: Path, uploader: str) -> tuple[Path, Path]:
    """``out.mp4.supabase.qr.png`` and ``.svg`` beside ``out.mp4``: the QR code of the address that an uploader gave."""
    return finished_path(output, f".{uploader}.qr.png"), finished_path(output, f".{uploader}.qr.svg")


def finisher_suffixes(names: Names) -> Iterator[tuple[str, str]]:
    """Every suffix that a finisher may add to an output's name, with what that file is called in sentences."""
    for finisher in names.finishers:
        for suffix in finisher.spec.suffixes:
            yield f"the file of the finisher {finisher.label}", suffix


def picture_name(item: MediaInfo) -> str:
    """The name of a picture in the output's folder: its own, where the host writes that kind."""
    suffix = suffix_of(item.path)
    return item.path.name if suffix is not None and suffix.still else f"{item.path.name}.png"


def frame_name(index: int, kind: str) -> str:
    """The name of a kept frame: counted from 1, as editors and FFmpeg do."""
    return f"{index + 1:06d}.{kind}"


def frames_in(folder: Path) -> list[Path]:
    """What in the folder is called as kept frames are, of any kind; empty where there is no folder."""
    return [path for path in folder.iterdir() if _FRAME.fullmatch(path.name)] if folder.is_dir() else []


def job_files(job: Job, names: Names) -> Iterator[tuple[str, Path]]:
    """What the job writes, with what it is called in sentences."""
    output = Path(job.output)
    yield _OUTPUT, output
    for number, sidecar in enumerate(names.sidecars, 1):
        path = sidecar_path(output, sidecar.spec.suffixes[0])
        yield f"export {number} ({sidecar.label})", path
    if names.writer is not None or (suffix_of(output) is not None and not holds_marks(output.suffix)):
        yield "the file of marks", marks_path(output)
    if names.writer is not None or suffix_of(output) is not None:
        # Whether they are made is known at the end only; hours of work are not to end at a name that is taken.
        for what, suffix in finisher_suffixes(names):
            yield what, finished_path(output, suffix)
    if job.media.keep_frames:
        yield _FRAMES, Path(job.media.keep_frames)


def names_taken(job: Job, plugins: Plugins) -> Iterator[Path]:
    """All that the job may write, also where a name of it is wrong: for what must lie elsewhere."""
    if job.media.keep_frames:
        yield Path(job.media.keep_frames)
    output = Path(job.output)
    if not output.name:
        return
    yield from (output, work_path(output), marks_path(output))
    finishers = [one.spec for one in plugins.exporters.values() if one.spec.role == "finisher"]
    suffixes = {*_SPEAKING, *(suffix for spec in finishers for suffix in spec.suffixes)}
    yield from (finished_path(output, suffix) for suffix in suffixes)
    sidecars = [one.spec for name, one in plugins.exporters.items() if name in job.exports and one.spec.role == "sidecar"]
    yield from (sidecar_path(output, spec.suffixes[0]) for spec in sidecars)
    for uploader in job.uploads:
        yield from code_paths(output, uploader)


def left_beside(files: Files) -> str:
    """The sentence for files beside the finished ``files`` that this job did not make, and that would speak for them.

    An earlier run left them, or somebody else: nobody can know whose they are, so none is deleted.
    """
    ours = {
        path
        for made, final in files
        for path in ((final / one.name for one in made.iterdir()) if made.is_dir() else (final,))
    }
    names = {folder: names_in(folder) for folder in {path.parent for path in ours}}
    wanted = (finished_path(path, suffix) for path in ours for suffix in _SPEAKING)
    left = sorted(path for path in wanted if path not in ours and path.name in names[path.parent])
    if not left:
        return ""
    more = f" and {len(left) - 1} more" if len(left) > 1 else ""
    return f"{left[0]}{more} is of an earlier file of that name and not of this output: delete it, or it says what is not so"


def names_in(folder: Path) -> frozenset[str]:
    """What stands in it; nothing where there is no folder, or none that may be listed."""
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208  (names are all that is wanted)
    except OSError:
        return frozenset()


class Inputs:
    """The files that a job reads, whatever name they are reached by: people, target, and the ``items`` of its folder."""

    def __init__(self, job: Job, items: Iterable[Path] = ()) -> None:
        paths: list[str | Path] = [job.target, *files_of(job), *items]
        self._known = {identity(path) for path in paths} - {None}

    def refuse(self, what: str, path: Path) -> None:
        """Raise ``UsageError`` where something is to be written over one of them."""
        if identity(path) in self._known:
            raise UsageError(f"{what} {path} is also an input; inputs are never changed, so name another output")


def check_files(job: Job, names: Names) -> None:
    """Raise ``UsageError`` when a file of the job exists already, is an input, or would be written twice.

    Before anything is opened: what only the target tells is for ``check_places``.
    """
    folder = Path(job.target).is_dir() and names.writer is None
    inputs = Inputs(job)
    made: dict[str, str] = {}
    for what, path in job_files(job, names):
        other = made.setdefault(path.absolute().as_posix().casefold(), what)
        if other != what:
            raise UsageError(f"{other} and {what} would both be called {path}; leave one out or name another output")
        if not _exists(path):
            continue
        inputs.refuse(what, path)
        _check_in_the_way(job, what, path, may_be_folder=what == _FRAMES or (folder and what == _OUTPUT))
    for uploader in names.uploaders:
        for path in code_paths(Path(job.output), uploader.spec.name):
            inputs.refuse("the QR code", path)


def _check_in_the_way(job: Job, what: str, path: Path, *, may_be_folder: bool) -> None:
    if path.is_dir():
        if not may_be_folder:
            raise UsageError(f"{what} {path} is a folder; name another output")
        if not job.media.overwrite and any(path.iterdir()):
            raise UsageError(f"{what} {path} is not empty; name another or add --overwrite")
    elif may_be_folder and what == _FRAMES:
        raise UsageError(f"{what} {path} is a file; name another")
    elif not job.media.overwrite:
        raise UsageError(f"{what} {path} exists already; name another output or add --overwrite")


def identity(path: str | Path) -> tuple[int, int] | None:
    """What two names of one file have in common; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  (it may be the address of a stream)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)  # a link that leads nowhere is in the way too
    except OSError as error:
        raise unwritable(path, error) from error
