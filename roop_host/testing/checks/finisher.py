"""What must hold for a finisher's object: it takes part in whole jobs, and the host judges what it did to the file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from roop_host.errors import RoopError, told
from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.finishing import UNKNOWN, Seen, run_jobs, targets, wrong_files
from roop_host.testing.subject import Subject


def finisher_keeps_pictures(subject: Subject) -> None:
    """A finished PNG and JPEG stay what they are: a picture of the same pixels and marks.

    Only comments, texts and Content Credentials may be added to a picture. Write the file anew beside the old one and
    replace it, or leave it alone.
    """
    _require_fine(_seen(subject, ".png", ".jpg"))


def finisher_keeps_clips(subject: Subject) -> None:
    """A finished MP4 stays what it is: a clip of the same frames, sound and marks.

    Change no packet, no track and no mark of it.
    """
    _require_fine(_seen(subject, ".mp4"))


def finisher_gives_declared_files(subject: Subject) -> None:
    """What ``finish`` returns is None, or ``bytes`` for suffixes that are declared.

    Name each in the ``suffixes`` of the declaration.
    """
    for made in _seen(subject, ".png").returned:
        wrong = wrong_files(made, subject.spec.suffixes)
        if wrong:
            raise Failed(f"it returned {wrong}")


def finisher_leaves_nothing_beside(subject: Subject) -> None:
    """Nothing stands beside the file after ``finish``.

    What belongs beside the output is returned: the host puts it there under its name. Remove temporary files, or make them
    in a folder of ``tempfile``.
    """
    beside = _seen(subject, ".png", ".jpg").beside
    if beside:
        raise Failed(f"it left beside the file: {', '.join(sorted(beside))}")


def finisher_keeps_inputs(subject: Subject) -> None:
    """The job's target is only read.

    ``about.target`` and ``about.sources`` are the user's own files: open them to read, and write nothing beside them.
    """
    _require_finisher(subject)
    with TemporaryDirectory() as inputs, TemporaryDirectory() as outputs:
        (target,) = targets(Path(inputs), ".png")
        before = target.read_bytes(), target.stat().st_mtime_ns
        run_jobs(subject, {target: Path(outputs) / "output.png"})
        beside = sorted(path.name for path in Path(inputs).iterdir() if path != target)
        if not target.is_file() or (target.read_bytes(), target.stat().st_mtime_ns) != before:
            raise Failed("it changed the file that was the job's target")
        if beside:
            raise Failed(f"it wrote beside the job's target: {', '.join(beside)}")


def finisher_leaves_what_it_does_not_know(subject: Subject) -> None:
    """A file of a kind that it can't know is left as it is, or refused with a sentence.

    Writers of other plugins make outputs of any suffix. Look at ``path.suffix``; raise an ``OutputError`` only where
    going on without you would be wrong.
    """
    seen = _seen(subject, ".png", output=UNKNOWN)
    for error in seen.raised:
        if not isinstance(error, RoopError):
            raise Failed(f"it failed on a file in {UNKNOWN}: {told(error)}")
    if seen.refused is not None and not seen.raised:
        raise Failed(f"it changed a file in {UNKNOWN}: {seen.refused}")


def _seen(subject: Subject, *suffixes: str, output: str = "") -> Seen:
    """What it did in a job for each suffix, whose outputs end in ``output`` where that is said."""
    _require_finisher(subject)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        made = targets(place, *suffixes)
        return run_jobs(subject, {path: place / f"{path.suffix[1:]}{output or path.suffix}" for path in made})


def _require_fine(seen: Seen) -> None:
    if seen.refused is not None:
        raise Failed(f"the host refuses the job: {seen.refused}")


def _require_finisher(subject: Subject) -> None:
    """Raise ``DoesNotApply`` for the other roles, ``NotRun`` where it lacks something here."""
    if subject.spec.role != "finisher":
        raise DoesNotApply(f"it is a {subject.spec.role}, not a finisher")
    with subject.made():
        pass


FUNCTIONS = (
    finisher_keeps_pictures,
    finisher_keeps_clips,
    finisher_gives_declared_files,
    finisher_leaves_nothing_beside,
    finisher_keeps_inputs,
    finisher_leaves_what_it_does_not_know,
)
