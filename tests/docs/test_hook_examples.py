"""The example of each hook in the reference does what it shows: it gives records that the host takes."""

from __future__ import annotations

import builtins
import symtable
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import pytest
from snippets import Block, blocks_of

import roop_host
from roop_host import Job, hookspecs
from roop_host.hookspecs import PROJECT, ROOP_API
from roop_host.types.report import Report

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"
EXAMPLES = [
    block for block in blocks_of("docs/reference/hooks.md", PAGE.read_text(encoding="utf-8")) if block.kind == "python"
]


def _module_of(block: Block) -> ModuleType:
    """The block as a module in which names of ``roop_host`` are known, and others stand for what an author has made."""
    module: Any = ModuleType("example")
    module.ROOP_API = ROOP_API
    (function,) = symtable.symtable(block.text, block.where, "exec").get_children()[:1]
    names = {symbol for table in (function, *function.get_children()) for symbol in table.get_globals()} | {"hookimpl"}
    for name in names - set(vars(builtins)):
        setattr(module, name, getattr(roop_host, name, None) or _Made())
    exec(compile(block.text, block.where, "exec"), vars(module))
    return module


class _Made:
    """Whatever an author's own name stands for."""

    def __call__(self, *arguments: object, **more: object) -> _Made:
        return self

    def __getattr__(self, name: str) -> _Made:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def test_every_hook_has_one() -> None:
    assert len(EXAMPLES) == len([name for name in vars(hookspecs) if name.startswith("roop_")])


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.where)
def test_the_example_gives_records(block: Block) -> None:
    module = _module_of(block)
    (name,) = (name for name in vars(module) if name.startswith("roop_"))
    hook = getattr(module, name)
    if name == "roop_job_finished":
        manager = pluggy.PluginManager(PROJECT)  # a hook may take fewer of its arguments
        manager.add_hookspecs(hookspecs)
        manager.register(module)
        manager.hook.roop_job_finished(job=Job(sources=(), target="a.png", output="b.png", steps=()), report=Report())
        return
    records = list(hook())
    assert records
    assert all(record.name and record.summary and callable(record.load) for record in records)
