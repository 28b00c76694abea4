"""Write ``docs/reference/``: the hooks from the hookspecs, the commands from their real help. A test keeps both current::

python scripts/reference.py
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from roop_host import hookspecs
from roop_host.types import models, objects, specs

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
_GROUPS = {
    "config": ("show", "path", "init", "schema"),
    "models": ("list", "pull", "import", "verify", "path", "rm"),
}
COMMANDS = (
    "",
    "run",
    "plugins",
    "doctor",
    *(f"{name} {word}".rstrip() for name in _GROUPS for word in ("", *_GROUPS[name])),
)
# What a plugin author meets, in the order of the hooks: the record, then the object that its ``load`` gives.
RECORDS: dict[str, tuple[type[Any], ...]] = {
    "roop_processors": (specs.ProcessorSpec, objects.Processor),
    "roop_screeners": (specs.ScreenerSpec, objects.Screener),
    "roop_analysers": (specs.AnalyserSpec, objects.Analyser),
    "roop_exporters": (specs.ExporterSpec, objects.Writer, objects.Sidecar, objects.Finisher),
    "roop_uploaders": (specs.UploaderSpec, objects.Uploader),
    "roop_sources": (specs.SourceSpec, objects.Source),
    "roop_commands": (specs.CommandSpec,),
    "roop_job_finished": (),
}
SHARED = (models.ModelSpec, models.Pack, models.Choice, objects.StageObject, objects.Context, objects.JobContext)


def hooks() -> dict[str, Callable[..., Any]]:
    """Every hook by name, in the order of the file."""
    return {name: value for name, value in vars(hookspecs).items() if name.startswith("roop_")}


def hooks_page() -> str:
    """``hooks.md``."""
    lines = ["# Hooks", "", "Made from the code by `scripts/reference.py`; change the docstrings there.", ""]
    lines += [*_text(hookspecs.__doc__ or ""), ""]
    lines += [
        f"Marker and entry-point group: `{hookspecs.PROJECT}`. A plugin's module states `ROOP_API = {hookspecs.ROOP_API}`"
    ]
    lines += ["and may name its options class as `ROOP_OPTIONS`. Everything here is imported from `roop_host`.", ""]
    for name, hook in hooks().items():
        lines += [f"## `{name}{inspect.signature(hook)}`".replace("'", ""), "", *_text(hook.__doc__ or ""), ""]
        for record in RECORDS[name]:
            lines += _record(record)
    lines += ["## What they share", ""]
    for record in SHARED:
        lines += _record(record)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def commands_page() -> str:
    """``cli.md``, with the flags of the plugins of this repository."""
    lines = [
        "# Commands",
        "",
        "Made from the real help by `scripts/reference.py`, with the plugins of this repository installed.",
        "",
    ]
    for words in COMMANDS:
        lines += [f"## roop {words}".rstrip(), "", "```text", _help(words).rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _help(words: str) -> str:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "roop_host", *words.split(), "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def _record(kind: type[Any]) -> Iterator[str]:
    yield from (f"### {kind.__name__}", "", *_text(inspect.getdoc(kind) or ""), "")
    for base in kind.__mro__[1:]:
        if base.__name__.startswith("_"):  # what several records share, and nobody imports
            yield from (*_text(inspect.getdoc(base) or ""), "")
    if dataclasses.is_dataclass(kind):
        yield from ("| field | type | default |", "|---|---|---|")
        for field in dataclasses.fields(kind):
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            default = "needed" if needed else f"`{field.default!r}`" if field.default is not dataclasses.MISSING else "empty"
            yield f"| `{field.name}` | `{field.type}` | {default} |".replace(" | None`", " \\| None`")
        yield ""
    for name, method in vars(kind).items():
        if inspect.isfunction(method) and not name.startswith("_") and not dataclasses.is_dataclass(kind):
            said = " ".join((inspect.getdoc(method) or "").split())
            yield f"* `{name}{inspect.signature(method)}`: {_marks(said)}".replace("'", "")
    yield ""


def _text(doc: str) -> list[str]:
    """A docstring as Markdown."""
    text = _marks(inspect.cleandoc(doc))
    if "Example::" not in text:
        return text.splitlines()
    before, code = text.split("Example::")
    return [*before.rstrip().splitlines(), "", "```python", *inspect.cleandoc("\n" + code).strip().splitlines(), "```"]


def _marks(text: str) -> str:
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "hooks.md").write_text(hooks_page(), encoding="utf-8")
    (FOLDER / "cli.md").write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
