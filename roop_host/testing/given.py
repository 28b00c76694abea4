"""What the fixtures give."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Places:
    """What a test has for its own: ``config`` is the ``roop.toml`` that is read, ``models`` the folder of the model store,
    ``home`` where all else is kept for a user.
    """

    home: Path
    config: Path
    models: Path


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command line: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What ``--json`` printed."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"no JSON was printed (exit code {self.code}): {self.out!r} {self.err!r}") from error


@dataclass(frozen=True, slots=True)
class Pictures:
    """PNG files: two people alone, both beside each other, and nobody."""

    collins: Path
    hopper: Path
    both: Path
    nobody: Path
