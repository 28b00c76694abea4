"""Whose faces are looked for: pictures of people in the target, or one of its own frames."""

from __future__ import annotations

from dataclasses import dataclass

from roop_host.runner.state import Run
from roop_host.types.faces import Face
from roop_host.types.job import Job


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A person to look for. ``face`` has the embedding, ``source`` is the index of who is put in place."""

    name: str
    source: int
    face: Face


def settle_faces(job: Job) -> Job:
    """The job with its ``auto`` mode of selection decided. Raises ``UsageError`` for what contradicts itself."""
    raise NotImplementedError


def read_references(run: Run) -> tuple[Wanted, ...]:
    """Everybody who is looked for, in the order named; none but in mode ``reference``. Every picture is screened first."""
    raise NotImplementedError
