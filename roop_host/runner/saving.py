"""Keeping somebody for ``face:NAME``: every picture is screened and looked at as a source is."""

from __future__ import annotations

from dataclasses import replace

from roop_host.errors import UsageError
from roop_host.faces import saved
from roop_host.host import Control, Host, Progress
from roop_host.runner import failing, ready, report_of
from roop_host.runner.lookers import NOBODY, how_to_tell_apart, lookers
from roop_host.runner.resolve import Names
from roop_host.runner.source_faces import Album, look_at_pictures
from roop_host.runner.state import Run
from roop_host.types.job import Job, check
from roop_host.types.report import Report


def save_face(host: Host, job: Job, name: str, overwrite: bool, control: Control) -> Report:
    """The report names the file. Raises ``NoFaceError`` for a picture without a face, and what screening raises."""
    check(job)
    if not job.sources:
        raise UsageError("nobody is shown; name at least one picture")
    texts = job.sources
    if any(map(saved.is_saved, texts)):
        raise UsageError("a face is saved from pictures, not from a saved face; name the pictures")
    run = Run(replace(job, sources=(), target=texts[0], steps=()), host, control, _unseen, only_looks=True)
    with failing(run):
        pictures = look_at_pictures(replace(job, references=(), pairs=()), NOBODY)
        with ready(run, lookers, _no_output):
            album = Album(run, pictures)
            people = album.person(texts, "source")
            if run.analyser is not None and all(one.face.embedding is None for one in people):
                run.notices.append(
                    f"{name} is saved without what tells people apart, so it can be put in but not looked for; "
                    f"to have that too, {how_to_tell_apart(run.analyser.declared)}"
                )
            path = saved.save(name, people, overwrite=overwrite)
            return report_of(run, status="done", exit_code=0, output=str(path))


def _no_output(run: Run, names: Names) -> None:
    run.form = "picture"


def _unseen(progress: Progress) -> None:
    """Nobody looks at the progress."""
