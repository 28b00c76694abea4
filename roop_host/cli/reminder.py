"""Consent and labelling, said once to each user and no gate: what is right depends on more than a program knows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

_TEXT = (
    "roop: please have the consent of the people whose faces you use, and say where you publish a result that it is "
    "synthetic, as its metadata does (this is said once)"
)


def remind(show: Mapping[str, Any]) -> None:
    """One line on stderr at a user's first run; not where no words are wanted, and then the next run says it."""
    if not (show["quiet"] or show["json"]) and _first():
        with suppress(OSError):
            typer.echo(_TEXT, err=True)


def _first() -> bool:
    """Whether nobody was told before; of several runs at once one finds that."""
    path = _path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        return not path.exists()
    except OSError:  # it is said again then, which hurts nobody
        pass
    return True


def _path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False) / "reminded"
