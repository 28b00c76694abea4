"""The pages under ``docs/reference`` are those that the code makes, and no hook stands outside them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import reference

from roop_host.plugins.found import KINDS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(("name", "make"), [("hooks.md", reference.hooks_page), ("cli.md", reference.commands_page)])
def test_the_page_is_current(name: str, make: reference.Callable[[], str]) -> None:
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == make(), "run: python scripts/reference.py"


@pytest.mark.parametrize("name", reference.hooks())
def test_every_hook_stands_there_with_its_exact_signature_and_an_example(name: str) -> None:
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    signature = str(inspect.signature(reference.hooks()[name])).replace("'", "")
    chapter = page.split(f"## `{name}{signature}`\n")[1].split("\n## ")[0]
    assert f"def {name}(" in chapter


def test_the_loader_knows_every_hook() -> None:
    assert set(reference.hooks()) == {*KINDS, "roop_job_finished"} == set(reference.RECORDS)


@pytest.mark.parametrize("name", reference.hooks())
def test_every_hook_is_used_by_a_test(name: str) -> None:
    tests = [path for path in Path(__file__).parent.rglob("*.py") if path != Path(__file__)]
    assert any(re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")) for path in tests)


def test_every_command_stands_in_the_reference() -> None:
    import typer

    from roop_host.cli.app import app, config_app

    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    names |= {f"config {name}" for name in typer.main.get_command(config_app).commands}  # type: ignore[attr-defined]
    assert names | {""} == set(reference.COMMANDS)
