"""Calls of ``roop`` taken up to their work: every flag and value is read as in earnest, and nothing is done."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from roop_host import Job, Step
from roop_host.cli.app import call
from roop_host.media.reading.timing import read_place, reading_of
from roop_host.plugins.found import Plugins
from roop_host.plugins.names import HOST_COMMANDS
from roop_host.plugins.taking_part import uploaders_of
from roop_host.runner.added import with_added
from roop_host.runner.resolve import resolve_names
from roop_host.types.job import check
from roop_host.types.people import Look, Wish

LEFT_OUT = "..."
#: Commands that make a job, and what a reader fills in for what a page leaves out: what is said where no such flag is.
_FILLED: Mapping[str, Sequence[tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "run": ((("-t", "--target", "--job"), ("-t", "clip.mp4")), (("-o", "--output", "--job"), ("-o", "out.mp4"))),
    "preview": ((("-t", "--target", "--job"), ("-t", "clip.mp4")), (("-o", "--output"), ("-o", "p.png"))),
    "upload": (((), ("out.mp4",)), (("--to",), ("--to", "supabase"))),
    "faces": (((), ("clip.mp4",)),),
}
#: Lacking a file, and lacking a model: neither is an error of who wrote the page.
_LACKS = {3, 6}
#: No name of a model.
_STANDS_FOR_ONE = re.compile(r"-|[A-Z]+(\.\.\.)?$")
_PLUGIN = """from roop_host import Processor, ProcessorSpec, hookimpl
ROOP_API = 1
@hookimpl
def roop_processors():
    yield ProcessorSpec(name={name!r}, summary="Stands for one", load=lambda: Processor)
"""


def wrong_with(words: Sequence[str], settings: Mapping[str, str], folder: Path, *, part: bool = False) -> str:
    """What roop says against a call, or nothing; of a ``part`` what is left out is filled in.

    ``folder`` is where it is called. Files that roop reads before its work are put there, for those that it lacks.
    """
    known = ["clip.mp4" if "$" in word else word for word in words]  # what a shell puts there
    filled = list(_filled(known)) if part or LEFT_OUT in words else known
    _place_files(filled, folder)
    with _standing_in(folder), patch.dict(os.environ, settings):
        for one in _as_far_as_it_goes(filled):
            code, shown, told = _called(one)
            if part and "missing argument" in told:
                continue  # a sentence may name a command and no more
            if code and code not in _LACKS:
                return told or f"it ends with {code}"
            if one[-1] == "--help" and filled[0] not in HOST_COMMANDS:  # its own parser may not look further than to that
                unknown = [word for word in filled if word.startswith("--") and word.split("=")[0] not in shown]
                if unknown:
                    return f"the help does not know {unknown}"
    return ""


def _filled(words: Sequence[str]) -> Iterator[str]:
    said = [word for word in words if word != LEFT_OUT]
    yield from said
    name = _command(said)
    behind = said[said.index(name) + 1 :] if name else []
    if name == "faces" and behind[:1] in (["save"], ["list"], ["rm"]):
        return
    for flags, instead in _FILLED.get(name, ()):
        names_one = any(word.split("=")[0] in flags for word in behind) if flags else _has_file(behind)
        if not names_one:
            yield from instead


def _has_file(words: Sequence[str]) -> bool:
    """Whether something stands behind no flag."""
    return any(not word.startswith("-") and not before.startswith("--") for before, word in pairwise(("", *words)))


def _command(words: Sequence[str]) -> str:
    """The sub-command, behind what may stand before it."""
    takes = ("-p", "--config")
    return next(
        (word for before, word in pairwise(("", *words)) if not word.startswith("-") and before not in takes),
        "",
    )


def _as_far_as_it_goes(words: Sequence[str]) -> Iterator[list[str]]:
    """The calls that look through one, in the place of what would work in earnest."""
    name = _command(words)
    place = words.index(name) if name else len(words)
    before, rest = list(words[:place]), list(words[place + 1 :])
    helped = bool({"-h", "--help", "--version"} & set(words))
    stood_in = name in ("run", "preview", "upload") or (name == "plugins" and rest[:1] == ["new"])
    if helped or stood_in or (name == "faces" and rest[:1] not in (["list"], ["rm"])):
        yield list(words)
    elif name == "plugins" and rest[:1] == ["check"]:
        yield [*words, "--list"]
    else:
        yield [*words, "--help"]
        if name == "models" and rest[:1] in (["pull"], ["verify"], ["rm"]):
            yield from ([*before, "models", "path", model] for model in rest[1:] if not _STANDS_FOR_ONE.match(model))


def _place_files(words: Sequence[str], folder: Path) -> None:
    stand_ins: dict[str, Callable[[Path], str]] = {
        "--plugin": lambda path: _PLUGIN.format(name=path.stem),
        "--job": lambda path: json.dumps(Job(("face.jpg",), "clip.mp4", "out.mp4", (Step("swapper"),)).to_json()),
        "--config": lambda path: "",
    }
    for flag, value in pairwise(words):
        if flag in stand_ins and value and not (folder / value).exists():
            (folder / value).parent.mkdir(parents=True, exist_ok=True)
            (folder / value).write_text(stand_ins[flag](Path(value)), encoding="utf-8")


class _Host:
    """Reads what a real one reads before it touches a file, and works on nothing."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins

    def run(self, job: Job, **_more: Any) -> None:
        check(job)
        reading_of(job.media)
        resolve_names(with_added(job, self.plugins), self.plugins)

    def preview(self, job: Job, wish: Wish, **_more: Any) -> None:
        read_place("at", wish.at)
        self.run(replace(job, output=wish.picture))

    def look(self, job: Job, look: Look, **_more: Any) -> None:
        reading_of(job.media)

    def save_face(self, job: Job, name: str, **_more: Any) -> None:
        reading_of(job.media)

    def upload(self, files: Sequence[str], to: Sequence[str], **_more: Any) -> None:
        uploaders_of(self.plugins, tuple(to))


def _no_work(work: Callable[..., Any], tell: object, plugins: Plugins, *_more: Any) -> int:
    """In place of ``carry_out``."""
    work(_Host(plugins), None, None)
    return 0


@contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (
            patch("roop_host.cli.execute.carry_out", _no_work),
            patch("roop_host.cli.scaffolding.write", lambda scaffold, where: where / scaffold.names.distribution),
        ):
            yield
    finally:
        os.chdir(before)


def _called(words: Sequence[str]) -> tuple[int, str, str]:
    shown, told = io.StringIO(), io.StringIO()
    with redirect_stdout(shown), redirect_stderr(told):
        code = call(words)
    return code, shown.getvalue(), told.getvalue()
