"""A new plugin as a package that works at once: ``write`` renders the templates beside this file."""

from __future__ import annotations

import keyword
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from roop_host import __version__
from roop_host.errors import OutputError, UsageError
from roop_host.scaffold.names import Names
from roop_host.scaffold.parts import PARTS

_TEMPLATES = files("roop_host.scaffold") / "templates"
#: Path in the package, and its template: that of the part, or where it has none the one in ``package``.
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
    "CHANGELOG.md": "CHANGELOG.md",
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    ".github/workflows/release.yml": "release.yml",
    "src/$module/__init__.py": "__init__.py",
    "src/$module/plugin.py": "plugin.py",
    "src/$module/$part.py": "$part.py",
    "tests/conftest.py": "conftest.py",
    "tests/test_conformance.py": "test_conformance.py",
    "tests/test_$tail.py": "test.py",
}


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A package that is to be written. ``part`` is the name of one of ``PARTS``."""

    names: Names
    part: str

    @property
    def kind(self) -> str:
        return PARTS[self.part].kind

    @property
    def declared(self) -> str:
        """What the plugin declares is called."""
        return self.names.declared(self.kind)

    @property
    def example(self) -> str:
        """A command that uses it."""
        return Template(PARTS[self.part].example).substitute(self._words())

    @property
    def check(self) -> str:
        """The command that checks it."""
        return f"roop plugins check {Template(PARTS[self.part].check).substitute(self._words())}"

    def files(self) -> dict[str, str]:
        """Path and text of every file."""
        words = {**self._words(), "example": self.example, "check": self.check.removeprefix("roop plugins check ")}
        words["readme"] = Template(_template(f"{self.part}/readme.md")).substitute(words)
        made = {
            Template(path).substitute(words): Template(_template(self._source(source))).substitute(words)
            for path, source in _FILES.items()
        }
        return {**made, f"src/{self.names.module}/py.typed": ""}

    def _source(self, name: str) -> str:
        """The template of that name: the part's own, else the one of all packages."""
        own = f"{self.part}/{name.replace('$part', self.part)}"
        return own if (_TEMPLATES / f"{own}.tmpl").is_file() else f"package/{name}"

    def _words(self) -> dict[str, str]:
        names, part = self.names, PARTS[self.part]
        return {
            "plugin": names.plugin,
            "declared": self.declared,
            "tail": names.tail,
            "variable": names.tail.upper(),
            "distribution": names.distribution,
            "module": names.module,
            "cls": _class_name(names, self.part),
            "part": self.part,
            "conformance": part.conformance,
            "summary": part.summary,
            "needs": "".join(f'    "{need}",\n' for need in part.needs),
            "versions": _versions(),
            "year": str(datetime.now(UTC).year),
        }


def write(scaffold: Scaffold, parent: Path) -> Path:
    """Write the package into its folder below ``parent``, whole or not at all.

    Raises ``UsageError`` where something stands there or ``parent`` is no folder, ``OutputError`` where it can't be written.
    """
    folder = parent / scaffold.names.distribution
    temporary = parent / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        _require_folder(parent)
        _require_empty(folder)
        parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(temporary, scaffold.files())
            if folder.is_dir():  # not every system renames over an empty folder
                folder.rmdir()
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{folder} can't be written ({error.strerror}); name another folder with --folder") from error
    return folder


def _fill(folder: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def _require_folder(parent: Path) -> None:
    """Raise ``UsageError`` where something else stands in its place, or in that of a folder above."""
    there = next(path for path in (parent.absolute(), *parent.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise UsageError(f"{there} is no folder; name a folder with --folder")


def _require_empty(folder: Path) -> None:
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; take another name or another --folder, or move it away")


def _class_name(names: Names, part: str) -> str:
    """One that nothing else in the templates bears."""
    camel = names.camel
    if camel in _known_words(part) or keyword.iskeyword(camel):
        return f"{camel}{part.capitalize()}"
    return camel


@cache
def _known_words(part: str) -> frozenset[str]:
    texts = [_template(f"{part}/{name}") for name in (f"{part}.py", "plugin.py", "test.py")]
    return frozenset(re.findall(r"\w+", " ".join((*texts, PARTS[part].conformance))))


def _template(name: str) -> str:
    return (_TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")


def _versions() -> str:
    """Those of roop-host with this plugin API: before 1.0 each minor version may change it."""
    major, minor = map(int, __version__.split(".")[:2])
    below = f"0.{minor + 1}" if major == 0 else str(major + 1)
    return f">={major}.{minor},<{below}"
