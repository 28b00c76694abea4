"""May a model be pulled? Asked once in a terminal, and the answer is remembered."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from roop_host.types.models import megabytes

if TYPE_CHECKING:
    from roop_host.host import Question


def asking(confirm: Callable[[str], bool | None]) -> Callable[[Question], bool]:
    """What ``Host`` asks. ``confirm`` shows a question to a person and waits for yes or no, or None for no answer.

    A no is remembered; after a yes the models are here, so that nobody asks.
    """

    def ask(question: Question) -> bool:
        path, key = _answers_path(), _key(question)
        refused = _read(path)
        if key in refused:
            return False
        answer = confirm(_text(question))
        if answer is False and _write(path, [*refused, key]):
            typer.echo(f"roop: remembered in {path}; without that file it is asked again", err=True)
        return bool(answer)

    return ask


def _text(question: Question) -> str:
    names = ", ".join(model.name for model in question.models)
    terms = "; ".join(dict.fromkeys(model.terms for model in question.models))
    return (
        f"{question.step}: {question.option} {question.value} needs models that are not here: {names}\n"
        f"  to download: {megabytes(question.size)}; licence: {terms}\nDownload them now"
    )


def _key(question: Question) -> str:
    """Other files, or other terms, are another question."""
    models = sorted(f"{model.sha256[:16]} {model.licence}" for model in question.models)
    return "; ".join([f"{question.step} {question.option} {question.value}", *models])


def _answers_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False) / "answers.json"


def _read(path: Path) -> list[str]:
    """The questions that were answered with no."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["no"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [key for key in found if isinstance(key, str)] if isinstance(found, list) else []


def _write(path: Path, refused: list[str]) -> bool:
    """Whether the answers are kept; those that can't be are asked for again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"no": refused}, indent=2), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        logging.getLogger("roop").warning("the answer can't be remembered in %s (%s)", path, error.strerror)
        with suppress(OSError):
            temporary.unlink()
        return False
    return True
