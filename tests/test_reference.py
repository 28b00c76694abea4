"""The pages under ``docs/reference`` are those that the code makes, and no hook stands outside them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kit
import pytest
import reference
import reference_objects
from pulled import graph, pack, spec
from terminal import roop

import roop_host
from roop_host import Choice, Tensor, testing
from roop_host.plugins.found import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    engine: str = "eyes"


DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_page_is_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "_help", lambda words: roop(*words.split(), "--help", COLUMNS="100").stdout)
    assert (DOCS / name).read_text(encoding="utf-8") == reference.PAGES[name](), "run: python scripts/reference.py"


def test_the_page_of_models_names_every_kind() -> None:
    data, half = graph(), spec(b"half", "https://example.test/half", name="half")
    bundle = pack(b"zip", "https://example.test/bundle.zip")
    swap = spec(data, "https://example.test/swap", "https://example.test/mirror", name="swap", half=half, commercial=False)
    eyes = spec(b"eyes", name="eyes", pack=bundle, urls=(), purpose="sees")
    step = kit.processor(
        kit.Tint, "swapper", models=(swap,), choices=(Choice(option="engine", value="eyes", models=(eyes,)),)
    )
    step.ROOP_OPTIONS = Engine
    page = reference.models_page(kit.plugins(step))
    assert "| `swap` |  | 0.3 | **no** | CC0 | swapper |" in page
    assert "| `half` |  | 0.0 | yes | CC0 | swapper `--precision fp16` |" in page
    assert "| `eyes` | sees | 0.0 | yes | CC0 | swapper `--t0-engine eyes` |" in page
    assert f"**`swap.onnx`**, {len(data):,} bytes, SHA-256 `{swap.sha256}`:\n\n* <https://example.test/swap>\n* <" in page
    assert f"`{eyes.sha256}`: in the pack `bundle`." in page
    assert f"**`bundle.zip`**, 3 bytes, SHA-256 `{bundle.sha256}`:\n\n* <https://example.test/bundle.zip>" in page


def test_the_page_of_the_kit_has_every_check_every_fixture_and_every_public_name() -> None:
    page = (DOCS / "reference" / "testing.md").read_text(encoding="utf-8")
    for hook in KINDS:
        for check in testing.checks_of(hook):
            assert f"| `{check.id}` | " in page
            assert check.says
            assert check.advice
    for name in ("isolated_roop", "roop_cli", "fake_plugin", "pictures", "video"):
        assert f"\n### {name}\n" in page
    for name in testing.__all__:
        assert f"\n### {name}\n" in page or f"\n* `{name}`: " in page


def test_the_examples_of_the_kit_are_whole() -> None:
    page = (DOCS / "reference" / "testing.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    made: dict[str, Any] = {**vars(testing), "Tensor": Tensor}
    for block in blocks:
        exec(block, made)
    assert made["TestMyFilter"].name == "my_filter"
    assert made["twice"].compute({"x": 2}) == [4]


def test_every_public_name_stands_in_the_reference() -> None:
    hooks, objects = ((DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8") for name in ("hooks", "objects"))
    tables = objects.split("\n## Errors\n")[1]
    for name in roop_host.__all__:
        heading, row = f"\n### {name}\n", f"\n| `{name}` | "
        assert (heading in hooks) + (heading in objects) + (row in tables) == 1, name


def _public(kind: type[Any]) -> set[str]:
    return {
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, (property, classmethod)))
    }


@pytest.mark.parametrize("kind", [kind for kinds in reference_objects.GROUPS.values() for kind in kinds])
def test_what_an_object_offers_stands_there_and_is_told(kind: type[Any]) -> None:
    page = (DOCS / "reference" / "objects.md").read_text(encoding="utf-8")
    part = page.split(f"\n### {kind.__name__}\n")[1].split("\n##")[0]
    left_out = reference_objects.HOSTS_OWN.get(kind, frozenset())
    assert all(hasattr(kind, name) for name in left_out - {"ask", "may_fetch"})  # these two are set when one is made
    for name in _public(kind) - left_out:
        (line,) = re.findall(rf"^\* `(?:{kind.__name__}\.)?{name}\b.*`: (.+)$", part, re.MULTILINE)
        assert line.strip()
    if dataclasses.is_dataclass(kind):
        for field in dataclasses.fields(kind):
            assert f"\n| `{field.name}` | " in part


@pytest.mark.parametrize("name", reference.hooks())
def test_every_hook_stands_there_with_its_exact_signature_and_an_example(name: str) -> None:
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    signature = str(inspect.signature(reference.hooks()[name])).replace("'", "")
    chapter = page.split(f"## `{name}{signature}`\n")[1].split("\n## ")[0]
    assert f"def {name}(" in chapter


def test_the_loader_knows_every_hook() -> None:
    assert set(reference.hooks()) == {*KINDS, "roop_job_finished"} == set(reference.RECORDS)


def test_every_hook_has_a_test_of_its_own() -> None:
    tree = ast.parse((Path(__file__).parent / "plugins" / "test_hooks.py").read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    assert tests == {f"test_hook_{name}" for name in reference.hooks()}


def test_every_command_stands_in_the_reference() -> None:
    import typer

    from roop_host.cli.app import app, config_app, models_app

    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for group, inner in (("config", config_app), ("models", models_app)):
        names |= {f"{group} {name}" for name in typer.main.get_command(inner).commands}  # type: ignore[attr-defined]
    names |= {f"faces {name}" for name in ("save", "list", "rm")}  # built when they are asked for
    names |= {"plugins check", "plugins new"}
    assert names | {""} == set(reference.COMMANDS)
