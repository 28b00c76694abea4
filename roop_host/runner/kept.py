"""Finished frames as pictures of their own, for ``--keep-frames``: screened and marked like every output.

They are made in one folder; what makes those of a segment whole is a list of them, with sizes and the steps that changed
them, stored once all are on the disk and before the segment itself. A segment without a list that holds is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from roop_host.errors import OutputError
from roop_host.media.marks import MADE, stands_in
from roop_host.media.output import WorkFolder, save_atomically, unwritable
from roop_host.media.pictures.belongings import belongings_of
from roop_host.media.pictures.writing import write_picture
from roop_host.media.segments import read_times, segment_name
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message, SegmentEnd, SegmentStart
from roop_host.runner import exports
from roop_host.runner.files import Files, frame_name, frames_in
from roop_host.runner.state import Run
from roop_host.types.frame import Frame

#: Begins as the segments do, so that it is kept with them.
_FOLDER = "segment-frames"
#: The size of a kept frame, and the names of the steps that changed it.
_Listed = tuple[int, list[str]]


def stages(run: Run, folder: Path) -> list[StageSpec]:
    """A stage that writes each frame into the work folder, where the job asks for it; to stand before the sink."""
    if not run.job.media.keep_frames:
        return []
    (folder / _FOLDER).mkdir(exist_ok=True)
    return [StageSpec("keep frames", _Keep(run, folder).feed)]


def whole_segments(run: Run, work: WorkFolder) -> list[str]:
    """The finished segments of a run that is continued; from the first on whose frames are not whole, all are removed."""
    finished = work.finished_segments()
    if not run.job.media.keep_frames:
        return finished
    for number, name in enumerate(finished):
        if _amiss(run, work.path, number, len(read_times(work.path / name).frame_pts)):
            work.forget(number)
            return finished[:number]
    return finished


def files(run: Run, folder: Path, shown: Sequence[int]) -> Files:
    """The folder of all frames, finished as every output, and the name it gets; ``shown`` is how many each segment has.

    Raises ``OutputError`` where one is missing or damaged.
    """
    if not run.job.media.keep_frames:
        return []
    made: dict[str, _Listed] = {}
    for number, count in enumerate(shown):
        amiss = _amiss(run, folder, number, count)
        if amiss:
            raise OutputError(f"the kept frame {amiss} is gone or damaged in {folder}; nothing was kept, so run again")
        made |= _listed(folder, number)
    run.kept = frozenset(made)
    for path in (folder / _FOLDER).iterdir():
        if path.name not in run.kept:  # an earlier run may have begun a segment that is none now
            path.unlink()
    if run.finishers:  # what one has worked on is taken up by no later run: it may show something else
        for number in range(len(shown)):
            _list_path(folder, number).unlink(missing_ok=True)
    final = Path(run.job.media.keep_frames)
    for name, (_, steps) in made.items():
        exports.finish(run, folder / _FOLDER / name, final / name, kind="picture", changed=dict.fromkeys(steps, 1))
    return [(folder / _FOLDER, final)]


def remove_stale(run: Run) -> None:
    """With ``overwrite``: the frames that an earlier run left in the folder, and that this run did not replace.

    Only what is called and marked as such frames are: nobody's own picture is ever deleted. Nothing is raised.
    """
    if not (run.job.media.keep_frames and run.job.media.overwrite):
        return
    folder = Path(run.job.media.keep_frames)
    removed = 0
    for path in frames_in(folder):
        with suppress(OSError):
            if path.name not in run.kept and path.is_file() and stands_in(path, MADE):
                path.unlink()
                removed += 1
    if removed:
        run.notices.append(f"{removed} frames of an earlier run were removed from {folder}")


class _Keep:
    """Writes the frames of each segment, then stores the list of them."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run, self._folder = run, folder
        self._made: dict[Path, list[str]] = {}
        self._kept = belongings_of(run.target)

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            self._made = {}
        elif isinstance(message, SegmentEnd):
            self._store(message.segment.index)
        elif isinstance(message, Frame):
            self._write(message)
        yield message

    def _write(self, frame: Frame) -> None:
        run, kind = self._run, self._run.job.media.frame_format
        path = self._folder / _FOLDER / frame_name(frame.index, kind)
        notices = write_picture(frame, run.target, path, f".{kind}", run.job.media, run.marks, self._kept)
        run.notices += [notice for notice in notices if notice not in run.notices]
        if not run.marks.stand_in(path):
            raise OutputError(
                f"the kept frame {path.name} does not say that it is synthetic; nothing was kept, so take another "
                "--frame-format"
            )
        self._made[path] = sorted(frame.changed_by())

    def _store(self, index: int) -> None:
        try:
            for path in self._made:
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            listed = {path.name: (path.stat().st_size, steps) for path, steps in self._made.items()}
        except OSError as error:
            raise unwritable(self._folder, error) from error
        save_atomically(_list_path(self._folder, index), [json.dumps(listed).encode()])


def _list_path(folder: Path, index: int) -> Path:
    return folder / f"{segment_name(index)}.frames"


def _listed(folder: Path, segment: int) -> dict[str, _Listed]:
    """What is known of the frames that a segment has, by name; empty where the list is gone or damaged."""
    listed: dict[str, _Listed] = {}
    with suppress(OSError, ValueError):
        listed = json.loads(_list_path(folder, segment).read_text())
    return listed


def _amiss(run: Run, folder: Path, segment: int, count: int) -> str:
    """The name of the first of a segment's ``count`` frames that is not there as its list has it, or nothing."""
    listed = _listed(folder, segment)
    if len(listed) != count:
        return frame_name(segment * run.job.media.segment_frames, run.job.media.frame_format)
    for name, (size, _) in listed.items():
        path = folder / _FOLDER / name
        try:
            whole = path.is_file() and path.stat().st_size == size and run.marks.stand_in(path)
        except OSError:
            whole = False
        if not whole:
            return path.name
    return ""
