"""Where a job writes, checked once its target is known and before any work: what fails at the end would fail then too."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from roop_host.errors import OutputError, UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.kinds import holds_marks
from roop_host.media.output import unwritable, work_path
from roop_host.runner.files import (
    Inputs,
    finished_path,
    finisher_suffixes,
    frames_in,
    job_files,
    marks_path,
    picture_name,
)
from roop_host.runner.forms import Form
from roop_host.runner.resolve import Names
from roop_host.types.job import Job


def check_places(job: Job, names: Names, form: Form, items: Sequence[MediaInfo]) -> None:
    """Raise where the job cannot write what it makes, or where that is an input. ``items`` are the pictures of a folder.

    ``UsageError`` for names that do not do, ``OutputError`` for a place that is missing or closed.
    """
    output = Path(job.output)
    inputs = Inputs(job, [item.path for item in items])
    for what, path in job_files(job, names):
        inputs.refuse(what, path)
    if form == "pictures":
        if os.path.lexists(output) and not output.is_dir():
            raise UsageError(
                f"the target {job.target} is a folder of pictures, and {output} is no folder; name another output"
            )
        _check_pictures(output, inputs, items, [suffix for _, suffix in finisher_suffixes(names)])
    elif output.is_dir():
        raise UsageError(
            f"the output {output} is a folder, and what is made of {job.target} is one file; name another output"
        )
    if job.media.keep_frames:
        _check_frames(Path(job.media.keep_frames), output, inputs)


def _check_pictures(output: Path, inputs: Inputs, items: Sequence[MediaInfo], beside: Sequence[str]) -> None:
    taken: dict[str, Path] = {}
    for item in items:
        path = output / picture_name(item)
        # Disks that know no case, or spell accents their own way, would make one file of two.
        other = taken.setdefault(unicodedata.normalize("NFC", path.name).casefold(), item.path)
        if other != item.path:
            raise UsageError(f"{other} and {item.path} would both become {path}; give one of them another name")
        marks = [] if holds_marks(path.suffix) else [marks_path(path)]
        for made in (path, *marks, *(finished_path(path, suffix) for suffix in beside)):
            inputs.refuse("the picture", made)
            _check_is_no_folder(made)
    if output.is_dir():
        _try_out(output)


def _check_frames(folder: Path, output: Path, inputs: Inputs) -> None:
    there, work = folder.resolve(), work_path(output).resolve()
    if there == output.absolute().parent.resolve():
        raise UsageError(f"--keep-frames {folder} is the folder of the output itself; name a folder of their own")
    if work in (there, *there.parents):
        raise UsageError(f"--keep-frames {folder} lies where unfinished work does; name another folder")
    for frame in frames_in(folder):
        inputs.refuse("the frame", frame)
        _check_is_no_folder(frame)
    if not folder.is_dir() and not folder.parent.is_dir():
        raise OutputError(f"--keep-frames {folder} can't be made, as there is no folder {folder.parent}; make that first")
    _try_out(folder if folder.is_dir() else folder.parent)


def _check_is_no_folder(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise UsageError(f"{path}, which is to be written, is a folder; name another output or move it away")


def _try_out(folder: Path) -> None:
    """Whether something can be made there: only trying tells, of disks that are read-only as well as of permissions."""
    try:
        Path(tempfile.mkdtemp(prefix=".roop-", dir=folder)).rmdir()
    except OSError as error:
        raise unwritable(folder, error) from error
