"""Docstrings, records and signatures of the code as Markdown."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any


def record_of(kind: type[Any], *, methods: bool = False) -> Iterator[str]:
    """A class: its fields as a table; its methods, where it is no dataclass or these are asked for."""
    yield from (f"### {kind.__name__}", "", *text_of(inspect.getdoc(kind) or ""), "")
    for base in kind.__mro__[1:]:
        if base.__name__.startswith("_"):  # what several records share, and nobody imports
            yield from (*text_of(inspect.getdoc(base) or ""), "")
    if dataclasses.is_dataclass(kind):
        yield from ("| field | type | default |", "|---|---|---|")
        for field in dataclasses.fields(kind):
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            default = "needed" if needed else f"`{field.default!r}`" if field.default is not dataclasses.MISSING else "empty"
            yield f"| `{field.name}` | `{field.type}` | {default} |".replace(" | None`", " \\| None`")
        yield ""
    for name, member in vars(kind).items():
        said = marks_of(" ".join((inspect.getdoc(member) or "").split()))
        if name.startswith("_") or (dataclasses.is_dataclass(kind) and not methods):
            continue
        if inspect.isfunction(member):
            yield f"* `{name}{signature_of(member)}`: {said}"
        elif isinstance(member, property) and methods and said:
            yield f"* `{name}`: {said}"
    yield ""


def text_of(doc: str) -> list[str]:
    """A docstring as Markdown."""
    text = marks_of(inspect.cleandoc(doc))
    if "Example::" not in text:
        return text.splitlines()
    before, code = text.split("Example::")
    return [*before.rstrip().splitlines(), "", "```python", *inspect.cleandoc("\n" + code).strip().splitlines(), "```"]


def marks_of(text: str) -> str:
    """Code in one pair of marks, as Markdown has it."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


class _Bare(str):
    """A text that a signature shows without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def signature_of(call: Callable[..., Any]) -> inspect.Signature:
    """With annotations as they were written; a default that is a function is not for the reader."""
    signature = inspect.signature(call)
    parameters = [_shown(one) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=_Bare(signature.return_annotation))


def _shown(one: inspect.Parameter) -> inspect.Parameter:
    if inspect.isroutine(one.default):
        one = one.replace(default=_Bare("..."))
    return one if one.annotation is one.empty else one.replace(annotation=_Bare(one.annotation))
