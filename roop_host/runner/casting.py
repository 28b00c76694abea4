"""Who is put in whose place, as the job says it: before a picture is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from roop_host.errors import UsageError
from roop_host.faces.filters import filters_age, filters_gender
from roop_host.faces.saved import file_of
from roop_host.runner.resolve import Names
from roop_host.types.job import FaceSelection, Job


@dataclass(frozen=True, slots=True)
class Role:
    """A person to look for: the texts of all references, and the number of who is put in place; None for nobody."""

    references: tuple[str, ...]
    source: int | None


@dataclass(frozen=True, slots=True)
class Cast:
    """``sources`` are people, each the texts of all pictures; ``roles`` are who is looked for, one after the other."""

    sources: tuple[tuple[str, ...], ...]
    roles: tuple[Role, ...]

    @property
    def references(self) -> tuple[str, ...]:
        """All texts of references, each once."""
        return tuple(dict.fromkeys(text for role in self.roles for text in role.references))


def cast_of(job: Job) -> Cast:
    """All sources are one person, and all references another.

    Of pairs, each reference is a person of its own, and all sources of it are one. A source of two references is put in
    place of both people.
    """
    if not job.pairs:
        roles = (Role(job.references, 0 if job.sources else None),) if job.references else ()
        return Cast((job.sources,) if job.sources else (), roles)
    sources_of: dict[str, tuple[str, ...]] = {}
    for source, reference in job.pairs:
        sources_of[reference] = tuple(dict.fromkeys((*sources_of.get(reference, ()), source)))
    people = tuple(dict.fromkeys(sources_of.values()))
    return Cast(people, tuple(Role((name,), people.index(sources)) for name, sources in sources_of.items()))


def files_of(job: Job) -> tuple[Path, ...]:
    """Every file that shows a source or a reference, each once. Raises ``UsageError`` for what is no name of a face."""
    texts = (*job.sources, *job.references, *(text for pair in job.pairs for text in pair))
    return tuple(dict.fromkeys(map(file_of, texts)))


def needs_of(selection: FaceSelection) -> Iterator[tuple[str, str]]:
    """The fields of ``Face`` that a settled selection looks at, each with the option that asks for it."""
    if selection.mode == "reference":
        yield "embedding", "--face-selector-mode reference"
    if filters_gender(selection):
        yield "gender", f"--face-selector-gender {selection.gender}"
    if filters_age(selection):
        yield "age", "--face-selector-age-start or --face-selector-age-end"


def settle_faces(job: Job, names: Names) -> Job:
    """The job with its ``auto`` mode of selection decided. Raises ``UsageError`` for what contradicts itself."""
    faces = job.faces
    by_looks = [flag for flag, said in _looks(job) if said]
    mode = _mode_of(job, by_looks=bool(by_looks)) if faces.mode == "auto" else faces.mode
    _check_looks(job, mode, by_looks, names)
    if faces.position and mode != "one":
        raise UsageError(f"--face-position says which one, and with --face-selector-mode {mode} it is not one; leave it out")
    if faces.age_start > faces.age_end:
        raise UsageError(
            f"nobody is {faces.age_start} or older and {faces.age_end} or younger; correct --face-selector-age-start or "
            "--face-selector-age-end"
        )
    settled = replace(faces, mode=mode)
    if names.analyser is None:
        for flag in (*by_looks, *(flag for _, flag in needs_of(settled))):
            raise UsageError(f"no step of this job looks at faces, so {flag} has nothing to choose; leave it out")
    if faces.gender == "source" and not (job.sources or job.pairs):
        raise UsageError("--face-selector-gender source asks for the gender of a source, and none is named; name one")
    return replace(job, faces=settled)


def _mode_of(job: Job, *, by_looks: bool) -> Literal["one", "many", "reference"]:
    """What ``auto`` stands for: where nobody is put in anybody's place, all faces, unless one is pointed at."""
    if by_looks:
        return "reference"
    pointed = job.faces.position is not None or job.faces.order != FaceSelection().order
    return "one" if job.sources or job.pairs or pointed else "many"


def _looks(job: Job) -> Iterator[tuple[str, bool]]:
    """Every way to say whom to look for, and whether it was used."""
    yield "--map", bool(job.pairs)
    yield "--reference-face", bool(job.references)
    yield "--reference-face-position", job.faces.reference_position is not None


def _check_looks(job: Job, mode: str, by_looks: list[str], names: Names) -> None:
    if len(by_looks) > 1:
        raise UsageError(f"{by_looks[0]} and {by_looks[1]} both say whom to look for; leave one out")
    if by_looks and mode != "reference":
        raise UsageError(
            f"--face-selector-mode {mode} looks for nobody, and {by_looks[0]} says for whom; leave one of them out"
        )
    if not by_looks and mode == "reference":
        raise UsageError(
            "--face-selector-mode reference looks for somebody; say for whom with --reference-face PICTURE, "
            "--reference-face-position NUMBER or --map SOURCE REFERENCE"
        )
    if job.pairs and job.sources:
        raise UsageError("--map names its own sources; leave --source out, or say --map SOURCE REFERENCE for it")
    if by_looks and not (job.sources or job.pairs) and any(declared.spec.needs_source for _, declared in names.steps):
        raise UsageError(f"{by_looks[0]} says whom to change, and no source says into whom; name one with --source")
    if job.faces.reference_frame and job.faces.reference_position is None:
        raise UsageError(
            "--reference-frame-number says in which frame, and not who in it; add --reference-face-position NUMBER"
        )
    if names.source is not None and job.faces.reference_position is not None:
        raise UsageError(
            f"frames of a stream such as {job.target} come only once, so none can be a reference; "
            "take a picture: --reference-face PICTURE"
        )
