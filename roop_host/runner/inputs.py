"""The files that a job reads, as they were when it began: what is told of one later has to be of what was read."""

from __future__ import annotations

from pathlib import Path

from roop_host.faces.saved import is_saved
from roop_host.runner.files import Stamp, stamp_of
from roop_host.runner.state import Run


def note_inputs(run: Run) -> None:
    """Before pictures and frames are read."""
    job = run.job
    people = (*job.sources, *(source for source, _ in job.pairs))
    paths = [Path(text) for text in people if not is_saved(text)]
    if run.media is not None:
        paths += [Path(job.target), run.media.path, *(item.path for item in run.media.items)]
    run.inputs = {path: found for path in paths if (found := _stamp(path)) is not None}


def is_same(run: Run, path: Path) -> bool:
    """Whether an input is still the file that the job began with."""
    found = _stamp(path)
    return found is not None and run.inputs.get(path) == found


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None
