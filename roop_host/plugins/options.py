"""Options, declared once: a frozen dataclass per plugin gives flags, environment variables and the check of values."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from roop_host.errors import UsageError

_T = TypeVar("_T")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
#: Names of the host's own flags and variables (a test compares them with ``roop run``): no plugin may take one over.
HOST_NAMES = frozenset(
    "source target output overwrite processors face_selector_mode on_no_face quality encoder preset device "  # noqa: SIM905
    "threads timeout resumable screen_limit json quiet debug help disable_plugins".split()
)


def option(default: _T, help: str) -> _T:  # noqa: A002  (the word every command line uses)
    """A field of a plugin's options class: its default and the line that help shows."""
    field: _T = dataclasses.field(default=default, metadata={"help": help})
    return field


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option as a door shows it."""

    plugin: str
    name: str
    kind: Any
    default: Any
    help: str

    @property
    def flag(self) -> str:
        return f"--{self.plugin}-{self.name}".replace("_", "-")

    @property
    def variable(self) -> str:
        return f"ROOP_{self.plugin}_{self.name}".upper().replace("-", "_")

    @property
    def taken_names(self) -> tuple[str, ...]:
        """What it takes among all flags and variables: its name, and for yes or no the one that says no."""
        name = f"{self.plugin}_{self.name}".lower().replace("-", "_")
        return (name, f"no_{name}") if self.kind is bool else (name,)


def describe(plugin: str, cls: type[Any]) -> tuple[OptionField, ...]:
    """The options of a plugin. Raises ``TypeError`` for a class that is no frozen dataclass or a field of an odd type."""
    if not (dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__name__} must be a frozen dataclass")
    hints = typing.get_type_hints(cls)
    out = []
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING:
            raise TypeError(f"{cls.__name__}.{field.name} needs a default")
        _check_kind(hints[field.name])
        out.append(OptionField(plugin, field.name, hints[field.name], field.default, field.metadata.get("help", "")))
    return tuple(out)


def resolve(plugin: str, cls: type[_T], values: Mapping[str, Any]) -> _T:
    """An instance of ``cls`` from plain values (text or JSON). Raises ``UsageError`` with what is known."""
    fields = {field.name: field for field in describe(plugin, cls)}
    for name in values:
        if name not in fields:
            raise UsageError(
                f"the plugin {plugin} has no option {name!r}{closest(name, fields)} (it has: {', '.join(fields) or 'none'})"
            )
    converted = {name: convert(fields[name].kind, value, fields[name].flag) for name, value in values.items()}
    try:
        return cls(**converted)
    except ValueError as error:  # a plugin may check in __post_init__
        raise UsageError(f"the options of {plugin} are refused: {error}") from error


def from_environment(fields: tuple[OptionField, ...], environment: Mapping[str, str]) -> dict[str, Any]:
    """The values that environment variables give, by field name. Raises ``UsageError`` naming the variable."""
    return {
        field.name: convert(field.kind, environment[field.variable], field.variable)
        for field in fields
        if field.variable in environment
    }


def convert(kind: Any, value: Any, flag: str) -> Any:
    """``value`` as ``kind``: bool, int, float, str, Path, None, Literal, tuple, or a union of these."""
    try:
        return _convert(kind, value)
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"{flag} takes {show_kind(kind)}, not {value!r}") from error


def show_kind(kind: Any) -> str:
    """A type in words for help and errors."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (Union, types.UnionType):
        return " or ".join(show_kind(part) for part in inner if part is not type(None))
    if origin is tuple:
        return f"values of {show_kind(inner[0])} separated by commas"
    return {bool: "yes or no", int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(kind, str(kind))


def closest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a suggestion where a known one is near."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _convert(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        for choice in inner:
            if value == choice or (isinstance(value, str) and value == str(choice)):
                return choice
        raise ValueError(value)
    if origin in (Union, types.UnionType):
        return _convert_union(inner, value)
    if origin is tuple:
        parts = [part for part in value.split(",") if part] if isinstance(value, str) else list(value)
        kinds = [inner[0]] * len(parts) if inner[1:] == (...,) else list(inner)
        if len(kinds) != len(parts):
            raise ValueError(value)
        return tuple(_convert(each, part) for each, part in zip(kinds, parts, strict=True))
    return _convert_plain(kind, value)


def _convert_union(inner: tuple[Any, ...], value: Any) -> Any:
    if type(None) in inner and (value is None or value == ""):
        return None
    for part in inner:
        if part is not type(None):
            try:
                return _convert(part, value)
            except (ValueError, TypeError):
                continue
    raise ValueError(value)


def _convert_plain(kind: Any, value: Any) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ValueError(value)
    if isinstance(value, bool) or value is None:
        raise ValueError(value)
    if kind is int and isinstance(value, float):
        raise ValueError(value)
    if kind in (int, float, str, Path):
        if kind in (str, Path) and not isinstance(value, (str, Path)):
            raise ValueError(value)
        return kind(value)
    raise TypeError(kind)


def _check_kind(kind: Any) -> None:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal or kind in (bool, int, float, str, Path, type(None), ...):
        return
    if origin in (tuple, Union, types.UnionType):
        for part in inner:
            _check_kind(part)
        return
    raise TypeError(f"an option cannot be of type {kind}")
