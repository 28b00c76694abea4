"""Docstrings, records and signatures of the code as Markdown."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator
from typing import Any


def record_of(kind: type[Any], *, methods: bool = False, leave_out: Collection[str] = ()) -> Iterator[str]:
    """A class: its fields as a table; its methods, where it is no dataclass or these are asked for.

    ``leave_out`` are names of what is not for the reader; ``__init__`` among them leaves out how one is made.
    """
    yield from (f"### {kind.__name__}", "", *text_of(inspect.getdoc(kind) or ""), "")
    for base in kind.__mro__[1:]:
        if base.__name__.startswith("_"):  # what several records share, and nobody imports
            yield from (*text_of(inspect.getdoc(base) or ""), "")
    yield from _table([row for row in _fields(kind) if row[0] not in leave_out])
    if methods or not dataclasses.is_dataclass(kind):
        yield from _methods(kind, {*leave_out, *(() if methods else ("__init__",))}, properties=methods)
    yield ""


def _table(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    """Field, type, default and what it is; without a column that would be empty."""
    if not rows:
        return
    heads = ("field", "type", "default", "what it is")
    used = [number for number in range(len(heads)) if any(row[number] for row in rows)]
    yield f"| {' | '.join(heads[number] for number in used)} |"
    yield f"{'|---' * len(used)}|"
    for name, kind, default, says in rows:
        cells = (f"`{name}`", _cell(kind), default, says)
        yield f"| {' | '.join(cells[number] for number in used)} |"
    yield ""


def _cell(code: str) -> str:
    """Code in a table, where a bar would begin the next cell."""
    return f"`{code}`".replace("|", "\\|")


def _fields(kind: type[Any]) -> list[tuple[str, str, str, str]]:
    """Those of a dataclass, or what is annotated in the class and set by ``__init__`` from what it is given."""
    if dataclasses.is_dataclass(kind):
        return [(one.name, str(one.type), *_default(one)) for one in dataclasses.fields(kind)]
    annotated = {name: said for name, said in vars(kind).get("__annotations__", {}).items() if not name.startswith("_")}
    rows = [(name, said, f"`{vars(kind)[name]!r}`" if name in vars(kind) else "", "") for name, said in annotated.items()]
    return [*rows, *((name, said, "", "") for name, said in _set_by_init(kind) if name not in annotated)]


def _default(one: dataclasses.Field[Any]) -> tuple[str, str]:
    """What a field is unless it is said, and its line of help."""
    says = str(one.metadata.get("help", ""))
    if one.default_factory is not dataclasses.MISSING:
        return "empty", says
    if one.default is dataclasses.MISSING:
        return "needed", says
    if inspect.isroutine(one.default):  # where it stands in memory is not for the reader
        return "does nothing" if one.default.__name__ == "_unheard" else f"`{one.default.__qualname__}`", says
    if dataclasses.is_dataclass(one.default) and not isinstance(one.default, type):
        return f"`{type(one.default).__name__}()`", says
    return _cell(one.default.__name__ if isinstance(one.default, type) else repr(one.default)), says


def _set_by_init(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """Public attributes that ``__init__`` of the class itself has from parameters of the same name."""
    made = vars(kind).get("__init__")
    if not inspect.isfunction(made):
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(made)))
    stored = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    for name, one in inspect.signature(made).parameters.items():
        if name in stored:
            yield name, str(one.annotation)


def _methods(kind: type[Any], leave_out: Collection[str], *, properties: bool) -> Iterator[str]:
    """How one is made, where that is not by its fields or by the host, and what is public of the class itself."""
    if "__init__" not in leave_out and not dataclasses.is_dataclass(kind) and not getattr(kind, "_is_protocol", False):
        made = vars(kind).get("__init__")
        if inspect.isfunction(made) and len(inspect.signature(made).parameters) > 1:
            yield f"* `{kind.__name__}{signature_of(made, bound=True)}`"
    for name, member in vars(kind).items():
        if name.startswith("_") or name in leave_out:
            continue
        call = member.__func__ if isinstance(member, classmethod) else member
        said = marks_of(" ".join((inspect.getdoc(call) or "").split()))
        if isinstance(member, classmethod):
            yield f"* `{kind.__name__}.{name}{signature_of(call, bound=True)}`: {said}"
        elif inspect.isfunction(call):
            yield f"* `{name}{signature_of(call)}`: {said}"
        elif isinstance(call, property) and call.fget is not None and properties and said:
            yield f"* `{name}: {inspect.signature(call.fget).return_annotation}`: {said}"


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


def signature_of(call: Callable[..., Any], *, bound: bool = False) -> inspect.Signature:
    """With annotations as they were written; a default that is a function is not for the reader.

    ``bound`` leaves out the first parameter, and what ``__init__`` returns.
    """
    signature = inspect.signature(call)
    parameters = [_shown(one) for one in signature.parameters.values()][int(bound) :]
    if bound and call.__name__ == "__init__":
        return signature.replace(parameters=parameters, return_annotation=signature.empty)
    return signature.replace(parameters=parameters, return_annotation=_Bare(signature.return_annotation))


def _shown(one: inspect.Parameter) -> inspect.Parameter:
    if inspect.isroutine(one.default):
        one = one.replace(default=_Bare("..."))
    elif isinstance(one.default, type) and one.default is not one.empty:
        name = one.default.__name__
        one = one.replace(default=_Bare(f"np.{name}" if one.default.__module__ == "numpy" else name))
    return one if one.annotation is one.empty else one.replace(annotation=_Bare(one.annotation))
