"""May a model be pulled? Asked once in a terminal, and the answer is remembered."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from roop_host.host import Question


def asking(confirm: Callable[[str], bool]) -> Callable[[Question], bool]:
    """What ``Host`` asks. ``confirm`` shows a question to a person and waits for yes or no."""

    def ask(question: Question) -> bool:
        path, key = _answers_path(), _key(question)
        answers = _read(path)
        if key in answers:
            return answers[key]
        answer = confirm(_text(question))
        _write(path, {**answers, key: answer})
        if not answer:
            typer.echo(f"roop: remembered in {path}; not asked again", err=True)
        return answer

    return ask


def _text(question: Question) -> str:
    licences = dict.fromkeys(model.licence for model in question.models)
    names = ", ".join(model.name for model in question.models)
    lines = [
        f"{question.step}: {question.option} {question.value} needs models that are not here: {names}",
        f"  to download: {question.size / 1e6:.0f} MB; licence: {'; '.join(licences)}",
    ]
    if not all(model.commercial for model in question.models):
        lines.append("  Its licence allows no commercial use.")
    return "\n".join([*lines, "Download them now"])


def _key(question: Question) -> str:
    """Other files, or other terms, are another question."""
    models = sorted(f"{model.sha256[:16]} {model.licence}" for model in question.models)
    return "; ".join([f"{question.step} {question.option} {question.value}", *models])


def _answers_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False) / "answers.json"


def _read(path: Path) -> Mapping[str, bool]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, bool)} if isinstance(found, dict) else {}


def _write(path: Path, answers: Mapping[str, bool]) -> None:
    """An answer that can't be kept is asked for again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(answers, indent=2), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        logging.getLogger("roop").warning("the answer can't be remembered in %s (%s)", path, error.strerror)
        with suppress(OSError):
            temporary.unlink()
