"""Options, declared once: the field of a frozen dataclass says type, default, limits and help for every door."""

from __future__ import annotations

import dataclasses
import inspect
import math
import os
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from roop_host.errors import PluginError, UsageError, from_outside, one_line, told

_T = TypeVar("_T")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def option(
    default: _T,
    help: str,  # noqa: A002  (the word every command line uses)
    *,
    least: float | None = None,
    most: float | None = None,
    tightens: bool = False,
    users_own: bool = False,
) -> _T:
    """A field of a plugin's options class: its default, the line that help shows, and the limits of a number.

    ``tightens`` is for limits of what is allowed: of a number the lowest holds that flag, variable, files or job file say,
    and of several config files any that says yes.
    ``users_own`` is for what nobody else may say, such as an address that is asked or a key that signs: a config file that
    was only found, maybe among somebody's pictures, can't set it.
    """
    said = {"help": help, "least": least, "most": most, "tightens": tightens, "users_own": users_own}
    field: _T = dataclasses.field(default=default, metadata=said)
    return field


@dataclass(frozen=True)
class OptionField:
    """One option as a door shows it. ``owner`` is the plugin's name, empty for the host; ``word`` is the name at doors."""

    owner: str
    name: str
    kind: Any
    default: Any
    help: str
    least: float | None = None
    most: float | None = None
    tightens: bool = False
    word: str = ""
    panel: str = ""
    #: Asked for anew at each run: no file and no variable sets it.
    per_run: bool = False
    #: No config file that was only found sets it.
    users_own: bool = False
    #: The part of the job that holds it; empty for the job itself.
    group: str = ""

    @cached_property
    def key(self) -> str:
        """The name in a file."""
        return self.word or self.name

    @cached_property
    def flag(self) -> str:
        return "--" + (f"{self.owner}-{self.key}" if self.owner else self.key).replace("_", "-")

    @cached_property
    def variable(self) -> str:
        return "_".join(("ROOP", *filter(None, (self.owner, self.key)))).upper().replace("-", "_")

    @cached_property
    def taken_names(self) -> tuple[str, ...]:
        """What it takes among all flags and variables: its name, and for yes or no the one that says no."""
        name = self.flag[2:].lower().replace("-", "_")
        return (name, f"no_{name}") if self.kind is bool else (name,)

    @property
    def is_limit(self) -> bool:
        """A number of which the lowest holds, whoever says it."""
        return self.tightens and self.kind is not bool

    @property
    def takes(self) -> str:
        """In words, what may be given."""
        words = show_kind(self.kind)
        return f"{words} ({self.limits})" if self.limits else words

    @property
    def limits(self) -> str:
        """The limits of a number, in words; empty where there are none."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        if self.least is not None:
            return f"{self.least:g} or more"
        return "" if self.most is None else f"{self.most:g} or less"

    def said(self, value: Any) -> tuple[str, ...]:
        """The words of a command line that say ``value``."""
        if self.kind is bool:
            return (self.flag if value else f"--no-{self.flag[2:]}",)
        return self.flag, ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)

    def read(self, value: Any, where: str, *, base: Path | None = None) -> Any:
        """``value`` (text, or plain data of a file) as this option. Raises ``UsageError`` that begins with ``where``.

        A relative path is taken from ``base``, the folder of the file that said it.
        """
        try:
            made = _convert(self.kind, value)
            self._check(made)
        except (ValueError, TypeError, OverflowError) as error:
            raise UsageError(f"{where} takes {self.takes}, not {value!r}{self._meant(value)}") from error
        return made if base is None else _from_folder(made, base)

    def _meant(self, value: Any) -> str:
        """The known word that is near to a wrong one, as the end of a sentence."""
        words = _words(self.kind)
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else ()
        wrong = (part.strip() for part in parts if isinstance(part, str) and part.strip() not in words)
        return next((said for part in wrong if (said := closest(part, words))), "")

    def _check(self, value: Any) -> None:
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                if not math.isfinite(number):
                    raise ValueError(number)
                if self.least is not None and number < self.least:
                    raise ValueError(number)
                if self.most is not None and number > self.most:
                    raise ValueError(number)


def describe(owner: str, cls: type[Any]) -> tuple[OptionField, ...]:
    """The options that a class declares, its own before those it inherits.

    Raises ``TypeError`` for no frozen dataclass, or a field of an odd type.
    """
    if not (dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__name__} must be a frozen dataclass")
    hints = typing.get_type_hints(cls)
    out = []
    own = inspect.get_annotations(cls)
    for field in sorted(dataclasses.fields(cls), key=lambda field: field.name not in own):
        if field.default is dataclasses.MISSING:
            raise TypeError(f"{cls.__name__}.{field.name} needs a default")
        _check_kind(hints[field.name])
        said = {"help": "", **field.metadata}
        made = OptionField(owner, field.name, hints[field.name], field.default, **said)
        made.read(field.default, f"the default of {cls.__name__}.{field.name}")
        out.append(made)
    return tuple(out)


def resolve(owner: str, cls: type[_T], values: Mapping[str, Any]) -> _T:
    """An instance of a plugin's options class from plain values (text or JSON). Raises ``UsageError`` with what is known."""
    fields = {field.name: field for field in describe(owner, cls)}
    for name in values:
        if name not in fields:
            raise UsageError(
                f"the plugin {owner} has no option {name!r}{closest(name, fields)} (it has: {', '.join(fields) or 'none'})"
            )
    converted = {name: fields[name].read(value, fields[name].flag) for name, value in values.items()}
    try:
        return cls(**converted)
    except ValueError as error:  # a plugin may check in __post_init__
        raise UsageError(f"the options of {owner} are refused: {one_line(str(error))}") from error
    except BaseException as error:
        if from_outside(error):
            raise
        raise PluginError(
            f"the options class of the plugin {owner} failed ({told(error)}); report it to its authors or leave it out"
        ) from error


def plain(value: Any) -> Any:
    """A converted value as plain data, as a job holds it."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return str(value) if isinstance(value, Path) else value


def show_kind(kind: Any) -> str:
    """A type in words for help and errors."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (Union, types.UnionType):
        return " or ".join(show_kind(part) for part in inner if part is not type(None))
    if origin is tuple:
        if inner[1:] == (...,):
            return ("texts" if inner[0] is str else f"values ({show_kind(inner[0])})") + " separated by commas"
        return f"{len(inner)} values separated by commas"
    return {bool: "yes or no", int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(kind, str(kind))


def _words(kind: Any) -> tuple[str, ...]:
    """All words of the literals in a type."""
    inner = get_args(kind)
    if get_origin(kind) is Literal:
        return tuple(map(str, inner))
    return tuple(word for part in inner for word in _words(part))


def closest(name: str, known: Iterable[str], near: float = 0.6) -> str:
    """The end of a sentence about an unknown name: a suggestion where a known one is ``near``, 1 being equal."""
    close = get_close_matches(name, list(known), n=1, cutoff=near)
    return f"; did you mean {close[0]!r}?" if close else ""


def _from_folder(value: Any, base: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_from_folder(part, base) for part in value)
    return base / value.expanduser() if isinstance(value, Path) else value


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
        if not isinstance(value, (str, list, tuple)):
            raise TypeError(value)
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) and value else list(value)
        if isinstance(value, str) and "" in parts:
            raise ValueError(value)
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


def said_folder(variable: str) -> Path | None:
    """The absolute folder that the variable names, which need not exist; None where it says nothing.

    Raises ``UsageError`` for the home folder of a user that is not known.
    """
    said = os.environ.get(variable, "").strip()
    if not said:
        return None
    try:
        return Path(said).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(
            f"{variable} begins with the home folder of a user that is not known here: {said}; write the whole path"
        ) from error
