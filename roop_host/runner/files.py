"""The files a job makes: what they are called, and that none of them takes the place of another by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from roop_host.errors import UsageError
from roop_host.media.kinds import holds_marks, suffix_of
from roop_host.media.output import unwritable
from roop_host.runner.resolve import Names
from roop_host.types.job import Job

#: Files and folders to publish: where each lies while it is made, and its final name; the output comes last.
Files = list[tuple[Path, Path]]


def sidecar_path(output: Path, suffix: str) -> Path:
    """``out.csv`` beside ``out.mp4``."""
    return output.with_name(output.stem + suffix)


def marks_path(output: Path) -> Path:
    """Where the marks stand of a format that holds none."""
    return output.with_name(output.name + ".xmp")


def check_files(job: Job, names: Names) -> None:
    """Raise ``UsageError`` when a file of the job exists already, is an input, or would be written twice."""
    output = Path(job.output)
    folder = Path(job.target).is_dir() and names.writer is None
    made: dict[str, str] = {}
    for what, path in _made(job, output, names):
        other = made.setdefault(path.absolute().as_posix().casefold(), what)
        if other != what:
            raise UsageError(f"{other} and {what} would both be called {path}; leave one out or name another output")
        if not _exists(path):
            continue
        if any(_same(path, given) for given in (job.target, *job.sources)):
            raise UsageError(f"{what} {path} is also an input; inputs are never changed, so name another output")
        _check_in_the_way(job, what, path, may_be_folder=what == _FRAMES or (folder and what == _OUTPUT))


_OUTPUT, _FRAMES = "the output", "the folder of frames"


def _made(job: Job, output: Path, names: Names) -> Iterator[tuple[str, Path]]:
    yield _OUTPUT, output
    for number, sidecar in enumerate(names.sidecars, 1):
        path = sidecar_path(output, sidecar.spec.suffixes[0])
        yield f"export {number} ({sidecar.label})", path
    if names.writer is not None or (suffix_of(output) is not None and not holds_marks(output.suffix)):
        yield "the file of marks", marks_path(output)
    if job.media.keep_frames:
        yield _FRAMES, Path(job.media.keep_frames)


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


def _same(path: Path, given: str) -> bool:
    try:
        return path.samefile(given)
    except OSError:  # no file: the address of a stream, or an input that is missing
        return False


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)  # a link that leads nowhere is in the way too
    except OSError as error:
        raise unwritable(path, error) from error
