"""Every declaration of every plugin of this repository is checked: by a class of its own, and without pytest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from supabase_double.handle import Project

from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins
from roop_host.plugins.names import OWN_PLUGINS
from roop_host.testing import Subject, run_checks
from roop_host.testing import conformance as kit

ROOT = Path(__file__).parents[2]
HOOKS = {name: value.hook for name, value in vars(kit).items() if name.endswith("Conformance") and name[0] != "_"}


def declared(plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Hook and name of all that our plugins declare."""
    for hook, table in plugins.declared.items():
        yield from ((hook, name) for name, one in table.items() if one.plugin.name in OWN_PLUGINS)


def checked(code: str) -> Iterator[tuple[str, str]]:
    """Hook and name of each conformance class, whose base may be one of the same file."""
    hooks, names = dict(HOOKS), dict[str, str]()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        base = next((base for base in bases if base in hooks), None)
        if base is None:
            continue
        hooks[node.name] = hooks[base]
        said = [one.value for one in node.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "name"]
        names[node.name] = ast.literal_eval(said[0]) if said else names.get(base, "")
        if node.name.startswith("Test"):
            yield hooks[node.name], names[node.name]


def test_each_declaration_has_a_class_that_checks_it() -> None:
    found = {pair for path in ROOT.glob("plugins/*/tests/test_*.py") for pair in checked(path.read_text(encoding="utf-8"))}
    everything = set(declared(load_plugins()))
    assert sorted(everything - found) == []
    assert {hook for hook, _ in everything} >= {"roop_processors", "roop_screeners", "roop_uploaders", "roop_commands"}


def test_classes_are_found_behind_a_base_of_the_same_file() -> None:
    code = (
        "class Base(ProcessorConformance):\n    name = 'a'\n"
        "class TestA(Base):\n    options = {}\n"
        "class TestB(Base):\n    name = 'b'\n"
        "class TestC:\n    name = 'c'\n"
        "class NotRun(CommandConformance):\n    name = 'd'\n"
    )
    assert set(checked(code)) == {("roop_processors", "a"), ("roop_processors", "b")}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Where the uploader sends to."""
    project = Project.started(tmp_path)
    project.bucket("b", policies={"anon": ["insert", "select", "bucket"]})
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_KEY", project.keys.anon)
    yield project
    project.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("hook", "name"), sorted(declared(load_plugins())))
@pytest.mark.usefixtures("project")
def test_roop_plugins_check_passes_on_what_is_installed(hook: str, name: str) -> None:
    plugins = load_plugins()
    values = {"bucket": "b"} if hook == "roop_uploaders" else {}
    subject = Subject(plugins, hook, plugins.named(hook, name), values)
    bad = [(result.check.id, result.state, result.told) for result in run_checks(subject) if not result.good]
    assert bad == []
