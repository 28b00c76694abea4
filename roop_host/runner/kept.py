"""Finished frames as pictures of their own, for ``--keep-frames``: screened and marked like every output."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from roop_host.media.pictures.belongings import Belongings, belongings_of
from roop_host.media.pictures.pictures_out import write_picture
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.runner.files import Files
from roop_host.runner.state import Run
from roop_host.types.frame import Frame

#: Begins as the segments do, so that it is kept with them.
_FOLDER = "segment-frames"


def stages(run: Run, folder: Path) -> list[StageSpec]:
    """A stage that writes each frame into the work folder, where the job asks for it."""
    if not run.job.media.keep_frames:
        return []
    into = folder / _FOLDER
    into.mkdir(exist_ok=True)
    return [StageSpec("keep frames", partial(_keep, run, into, belongings_of(run.target)))]


def files(run: Run, folder: Path) -> Files:
    """The folder of frames, and the name it gets."""
    return [(folder / _FOLDER, Path(run.job.media.keep_frames))] if run.job.media.keep_frames else []


def _keep(run: Run, into: Path, kept: Belongings, message: Message) -> Iterator[Message]:
    if isinstance(message, Frame):
        suffix = f".{run.job.media.frame_format}"
        # Counted from 1, as editors and FFmpeg do.
        path = into / f"{message.index + 1:06d}{suffix}"
        notices = write_picture(message, run.target, path, suffix, run.job.media, run.marks, kept)
        run.notices += [notice for notice in notices if notice not in run.notices]
    yield message
