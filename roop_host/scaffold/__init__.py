"""A new plugin as a package that works at once: ``write`` renders the templates beside this file."""

from __future__ import annotations

import keyword
import os
import re
import secrets
import shutil
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from roop_host import __version__
from roop_host.errors import OutputError, UsageError
from roop_host.scaffold.names import Names
from roop_host.scaffold.parts import PARTS, Part

_TEMPLATES = files("roop_host.scaffold") / "templates"
#: Path in the package, and the template of it. ``$$part`` is the folder of what is written.
_FILES = {
    "pyproject.toml": "package/pyproject.toml",
    "README.md": "package/README.md",
    "LICENSE": "package/LICENSE",
    "CHANGELOG.md": "package/CHANGELOG.md",
    ".gitignore": "package/gitignore",
    ".github/workflows/ci.yml": "package/ci.yml",
    ".github/workflows/release.yml": "package/release.yml",
    "src/$module/__init__.py": "package/__init__.py",
    "src/$module/plugin.py": "$part/plugin.py",
    "src/$module/$part.py": "$part/$part.py",
    "tests/conftest.py": "package/conftest.py",
    "tests/test_conformance.py": "package/test_conformance.py",
    "tests/test_$tail.py": "$part/test.py",
}


def render(names: Names, part_name: str) -> dict[str, str]:
    """Path and text of every file."""
    part = PARTS[part_name]
    words = _words(names, part_name, part)
    words["example"] = Template(part.example).substitute(words)
    words["readme"] = Template(_template(f"{part_name}/readme.md")).substitute(words)
    made = {
        Template(path).substitute(words): Template(_template(Template(source).substitute(words))).substitute(words)
        for path, source in _FILES.items()
    }
    return {**made, f"src/{names.module}/py.typed": ""}


def example_of(names: Names, part_name: str) -> str:
    """A command that uses the new plugin."""
    part = PARTS[part_name]
    return Template(part.example).substitute(_words(names, part_name, part))


def write(names: Names, part_name: str, parent: Path) -> Path:
    """Write the package into its folder below ``parent``, whole or not at all.

    Raises ``UsageError`` where something stands there, ``OutputError`` where it can't be written.
    """
    folder = parent / names.distribution
    try:
        _require_empty(folder)
        parent.mkdir(parents=True, exist_ok=True)
        temporary = parent / f".{names.distribution}.{secrets.token_hex(4)}"
        try:
            for path, text in render(names, part_name).items():
                file = temporary / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
            if folder.is_dir():  # not every system renames over an empty folder
                folder.rmdir()
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{folder} can't be written ({error.strerror}); name another folder with --folder") from error
    return folder


def _require_empty(folder: Path) -> None:
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; take another name or another --folder, or move it away")


def _words(names: Names, part_name: str, part: Part) -> dict[str, str]:
    return {
        "plugin": names.plugin,
        "declared": names.declared(part.kind),
        "tail": names.tail,
        "distribution": names.distribution,
        "module": names.module,
        "cls": _class_name(names, part_name),
        "part": part_name,
        "kind": part.kind,
        "conformance": part.conformance,
        "summary": part.summary,
        "needs": "".join(f'    "{need}",\n' for need in part.needs),
        "versions": _versions(),
        "year": str(datetime.now(UTC).year),
    }


def _class_name(names: Names, part_name: str) -> str:
    """One that nothing else in the templates bears."""
    camel = names.camel
    if camel in _known_words(part_name) or keyword.iskeyword(camel):
        return f"{camel}{part_name.capitalize()}"
    return camel


@cache
def _known_words(part_name: str) -> frozenset[str]:
    texts = [_template(f"{part_name}/{name}") for name in (f"{part_name}.py", "plugin.py", "test.py")]
    return frozenset(re.findall(r"\w+", " ".join((*texts, PARTS[part_name].conformance))))


def _template(name: str) -> str:
    return (_TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")


def _versions() -> str:
    """Those of roop-host with this plugin API: before 1.0 each minor version may change it."""
    major, minor = map(int, __version__.split(".")[:2])
    below = f"0.{minor + 1}" if major == 0 else str(major + 1)
    return f">={major}.{minor},<{below}"
