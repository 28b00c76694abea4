"""Arrows in the house point one way, and nobody carries this machine or an address into a commit."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOST = ROOT / "roop_host"
# Each room may import itself and what stands in its set; `types` and `errors` are the ground floor.
MAY_IMPORT = {
    "errors": {"types"},
    "types": {"errors", "types"},
    "hookspecs": {"types"},
    "gate": {"types", "errors"},
    "media": {"types", "errors"},
    "pipeline": {"types", "errors"},
    "faces": {"types", "errors", "media"},
    "plugins": {"types", "errors", "hookspecs"},
    "config": {"types", "errors", "plugins"},
    "models": {"types", "errors"},
    "doctor": {"types", "errors", "plugins", "models", "gate", "config", "media", "__init__"},
    "loading": {"types", "errors", "models", "plugins"},
    "host": {"types", "errors", "loading", "plugins", "models", "pipeline", "runner"},
    "runner": {"types", "errors", "host", "loading", "gate", "media", "pipeline", "plugins", "models", "faces"},
    "scaffold": {"types", "errors", "plugins", "__init__"},
    "cli": {
        *("types", "errors", "host", "plugins", "models", "config", "doctor", "media", "faces", "testing", "scaffold"),
        "__init__",
    },
    "testing": {"types", "errors", "host", "plugins", "hookspecs", "media", "models", "pipeline", "runner", "gate"},
    "fixtures": {"cli", "testing"},
    "__main__": {"cli"},
    "__init__": {"types", "errors", "faces", "host", "plugins", "hookspecs"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


#: A door of its own, which calls the command line as people do.
FIXTURES = HOST / "testing" / "fixtures.py"


def room_of(path: Path) -> str:
    return "fixtures" if path == FIXTURES else path.relative_to(HOST).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_rooms_import_only_what_lies_below(path: Path) -> None:
    room = room_of(path)
    rooms = {room_of(other) for other in HOST.rglob("*.py")}
    for name in imports(path):
        parts = name.split(".")
        assert not parts[0].startswith("roop_") or parts[0] == "roop_host", f"the host imports the plugin {name}"
        if parts[0] == "roop_host" and len(parts) > 1 and parts[1] in rooms:
            assert parts[1] == room or parts[1] in MAY_IMPORT[room], f"{room} imports {name}"


# Of the rooms inside of media: what lies in the room itself is the ground floor there.
MEDIA_MAY_IMPORT = {"": set(), "pictures": {""}, "reading": {"", "pictures"}, "writing": {"", "reading"}}


@pytest.mark.parametrize("path", sorted((HOST / "media").rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_rooms_of_media_import_only_what_lies_below(path: Path) -> None:
    parts = path.relative_to(HOST / "media").parts
    room = parts[0] if len(parts) > 1 else ""
    for name in imports(path):
        inside = name.split(".")[2:] if name.startswith("roop_host.media.") else []
        other = inside[0] if inside and inside[0] in MEDIA_MAY_IMPORT else ""
        assert not inside or other == room or other in MEDIA_MAY_IMPORT[room], f"{room or 'media'} imports {name}"


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_media_files_are_opened_in_one_place_with_its_limits(path: Path) -> None:
    if path == HOST / "media" / "reading" / "probe.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "av.open":
            writes = len(node.args) > 1 and ast.unparse(node.args[1]) == "'w'"
            named = any(word.arg == "format" for word in node.keywords)
            in_memory = ast.unparse(node.args[0]) in ("memory", "BytesIO(header)")
            right = named and (writes or in_memory)
            assert right, f"{path}:{node.lineno} opens a file on its own; take open_clip"


def test_no_plugin_imports_another() -> None:
    for folder in (ROOT / "plugins").iterdir():
        allowed = {folder.name, "roop_host", "roop_vision"}
        for path in (folder / "src").rglob("*.py"):
            for name in imports(path):
                first = name.split(".")[0]
                assert not first.startswith("roop_") or first in allowed, f"{path} imports {name}"


def test_plugins_use_only_what_is_public() -> None:
    public = {"roop_host", "roop_host.testing"}
    for path in [path for part in ("src", "tests") for path in (ROOT / "plugins").rglob(f"{part}/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("roop_host"):
                assert node.module in public, f"{path} imports from {node.module}"


def test_examples_stand_alone_and_use_only_what_is_public() -> None:
    projects = sorted((ROOT / "examples").glob("*/pyproject.toml"))
    assert [project.parent.name for project in projects] == ["roop-frames-csv", "roop-pixelate"]
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    assert members == ["plugins/*"]
    for project in projects:
        own = project.parent.name.replace("-", "_")
        for path in project.parent.rglob("*.py"):
            modules = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
            foreign = {str(module) for module in modules if str(module).startswith("roop_")}
            assert {name for name in foreign if name.split(".")[0] != own} <= {"roop_host", "roop_host.testing"}, path
            assert not list(left_out(path.read_text(encoding="utf-8"))), path


def test_every_public_name_can_be_imported() -> None:
    import roop_host
    import roop_host.testing

    for name in roop_host.testing.__all__:
        assert getattr(roop_host.testing, name) is not None

    for name in roop_host.__all__:
        assert getattr(roop_host, name) is not None


def test_no_module_is_longer_than_it_should_be() -> None:
    long = [str(path) for path in HOST.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    assert not long


def test_every_package_names_its_entry_point_and_no_runtime() -> None:
    for folder in (ROOT / "plugins").iterdir():
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        name = project["name"].removeprefix("roop-")
        assert project["entry-points"]["roop"] == {name: f"roop_{name}.plugin"}
        assert not [need for need in project["dependencies"] if re.match("onnxruntime", need)]


#: What a test may be left out for: the system and Python, never what a machine happens to have or lack.
PLATFORM = ("os.name", "not hasattr(os, ", "sys.version_info", "sys.platform")


def left_out(code: str) -> Iterator[str]:
    """Every call by which a test would not run, but those for another platform."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            for_platform = name.endswith("mark.skipif") and ast.unparse(node.args[0]).startswith(PLATFORM)
            if name.endswith((".skip", ".skipif", ".importorskip", ".xfail")) and not for_platform:
                yield ast.unparse(node)


def test_no_test_is_left_out_for_what_a_machine_lacks() -> None:
    tests = [path for folder in (ROOT / "tests", *ROOT.glob("plugins/*/tests")) for path in folder.rglob("*.py")]
    assert [(path.name, call) for path in tests for call in left_out(path.read_text(encoding="utf-8"))] == []
    assert list(left_out("pytest.skip('no GPU')\npytest.mark.skipif(not gpus(), reason='')\npytest.importorskip('torch')"))
    assert not list(left_out("pytest.mark.skipif(os.name != 'posix', reason='sends signals')"))
