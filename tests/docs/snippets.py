"""The fenced blocks of the documentation: read, looked through, and run."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from calls import LEFT_OUT, wrong_with

from roop_host import Job
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import check_plugin_tables, parse
from roop_host.config.layers import Layers, idle_variables
from roop_host.plugins.loader import load_plugins

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^>]+?) -->\n)?(?P<tick>```)(?P<kind>\S*)[^\n]*\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_NAMED = re.compile(r"# (?P<name>[\w.-]+\.py)$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`(?P<words>(?:ROOP_\w+=\S+ )*roop [^`]+)`(?!`)")
_SETTING = re.compile(r"[A-Z_][A-Z0-9_]*=")
#: Words behind which a shell begins another command.
_NEXT = {"|", "||", "&&", ";", "&", "do", "then", "else", "if", "!", "while", "(", "{"}
_WRITES = {">", ">>", "2>", "<"}
#: Why what stands in the middle of one is not run.
SENTENCE = "a sentence"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``reason`` is why it can't run here."""

    page: str
    line: int
    kind: str
    text: str
    reason: str = ""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """Of Python that is a file: its name."""
        named = _NAMED.match(self.text) if self.kind == "python" else None
        return named["name"] if named else ""


def blocks_of(page: str, text: str) -> list[Block]:
    """The blocks of a page, in their order."""
    return [
        Block(page, text.count("\n", 0, found.start("tick")) + 1, found["kind"], found["text"], found["reason"] or "")
        for found in _FENCE.finditer(text)
    ]


def spans_of(page: str, text: str) -> list[Block]:
    """Commands in the middle of a sentence, which are looked through and not run."""
    bare = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    return [
        Block(page, bare.count("\n", 0, found.start()) + 1, "sh", " ".join(found["words"].split()) + "\n", SENTENCE)
        for found in _SPAN.finditer(bare)
    ]


def runs(block: Block) -> str:
    """The lines of a shell block that run: all but those that leave something out (``roop run ...``)."""
    return "".join(line for line in _whole_lines(block.text) if LEFT_OUT not in _words(line))


def check(block: Block, folder: Path) -> None:
    """Look through a block without running it; ``folder`` has the page's files. Raises ``AssertionError``."""
    _CHECKS[block.kind](block, folder)


def run(block: Block, folder: Path, environment: Mapping[str, str]) -> None:
    """Run a block as a reader would. Raises ``AssertionError``."""
    script = runs(block) if block.kind == "sh" else block.text
    command = ["bash", "-euo", "pipefail", "-c", script] if block.kind == "sh" else ["python", "-c", script]
    handles = [int(environment["WARM_HANDLE"])] if "WARM_HANDLE" in environment else []
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        pass_fds=handles,
    )
    assert done.returncode == 0, f"{block.where} ended with {done.returncode}:\n{script}\n{done.stdout}\n{done.stderr}"


def _whole_lines(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines(keepends=True)


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>(){}")
    lexer.whitespace_split, lexer.commenters = True, "#"
    return list(lexer)


def roop_calls(text: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Every call of ``roop`` in a shell script: the variables before it, and its words."""
    for line in _whole_lines(text):
        words, settings, first = _words(line), dict[str, str](), True
        for place, word in enumerate(words):
            if word in _NEXT:
                settings, first = {}, True
            elif first and (_SETTING.match(word) or word == "export"):
                settings |= [word.split("=", 1)] if "=" in word else []
            elif word == "roop" and (first or "run" in words[:place]):  # uv run ... roop
                yield settings, _until_next(words[place + 1 :])
                first = False
            else:
                first = False


def _until_next(words: list[str]) -> list[str]:
    end = next((place for place, word in enumerate(words) if word in _NEXT | _WRITES | {")"}), len(words))
    said = words[:end]
    return said[2:] if said[:2] == ["-p", "no:NAME"] else said  # any plugin's


def _check_sh(block: Block, folder: Path) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.where}: {done.stderr}"
    written = set[str]()
    for settings, words in roop_calls(block.text):
        unknown = settings and idle_variables(load_plugins(), settings)
        assert not unknown, f"{block.where}: {unknown}"
        if words[:2] == ["plugins", "check"] and set(words) & written:
            words = [*words[:2], "--help"]  # what the line above has written isn't installed here
        wrong = wrong_with(words, settings, folder, part=block.reason == SENTENCE)
        assert not wrong, f"{block.where}: roop {shlex.join(words)}\n{wrong}"
        written |= set(words[2:3]) if words[:2] == ["plugins", "new"] else set()


def _check_python(block: Block, folder: Path) -> None:
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if not (folder / f"{name.name}.py").is_file():  # a file that a block above wrote
                    importlib.import_module(name.name)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = importlib.import_module(node.module or "")
            lacking = [name.name for name in node.names if not hasattr(module, name.name)]
            assert not lacking, f"{block.where}: {node.module} has no {', '.join(lacking)}"
    if block.file and "ROOP_API" in block.text:
        (folder / block.file).write_text(block.text, encoding="utf-8")
        load_plugins(files=[folder / block.file]).require_healthy()


def _check_toml(block: Block, _folder: Path) -> None:
    data = tomllib.loads(block.text)
    if {"required_plugins", "run", "plugin"} & set(data):
        plugins, file = load_plugins(), parse(Path("roop.toml"), block.text)
        assert check_plugin_tables([file], plugins) == [], block.where
        for option in (*host_fields(), *plugin_fields(plugins)):
            Layers({}, {}, [file]).settle(option)
        return
    points: dict[str, Any] = data["project"].get("entry-points", {}).get("roop", {})
    assert points or "name" in data["project"], f"{block.where}: neither a roop.toml nor a pyproject.toml"
    assert all(re.fullmatch(r"[\w.]+", module) for module in points.values()), block.where


def _check_json(block: Block, _folder: Path) -> None:
    Job.from_json(json.loads(block.text))


def _check_yaml(block: Block, _folder: Path) -> None:
    assert {"jobs", "repos"} & set(yaml.safe_load(block.text)), f"{block.where}: neither of GitHub nor of pre-commit"


def _as_it_is(_block: Block, _folder: Path) -> None:
    """Text is shown, and SQL is run by the tests of the plugin that it belongs to."""


_CHECKS = {
    **{"sh": _check_sh, "python": _check_python, "toml": _check_toml, "json": _check_json, "yaml": _check_yaml},
    **{"text": _as_it_is, "sql": _as_it_is},
}
KINDS = frozenset(_CHECKS)
