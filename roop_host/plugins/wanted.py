"""The models that the plugins know of, and what wants each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from roop_host.errors import UsageError
from roop_host.plugins.found import Plugins
from roop_host.plugins.status import Declared
from roop_host.types.models import ModelSpec, says
from roop_host.types.options import OptionField, closest


@dataclass(frozen=True, slots=True)
class Use:
    """A declaration that needs a model: always, or where the option behind ``flag`` is ``value``; ``half`` in fp16 only.

    ``others`` are what else must be said for that, flag and value; a flag that says yes or no has none.
    """

    declared: Declared[Any]
    flag: str = ""
    value: str = ""
    half: bool = False
    others: tuple[tuple[str, str], ...] = ()

    @property
    def said(self) -> str:
        """The flags that choose it; empty where none is needed."""
        return " ".join(" ".join(filter(None, pair)) for pair in ((self.flag, self.value), *self.others) if pair[0])

    @property
    def label(self) -> str:
        """For people: "swapper (roop-swapper 0.1.0) with --swapper-model inswapper_128"."""
        flags = [*([self.said] if self.said else []), *(["--precision fp16"] if self.half else [])]
        return " with ".join([self.declared.label, *([" ".join(flags)] if flags else [])])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model and its uses, of which there is at least one."""

    model: ModelSpec
    uses: tuple[Use, ...]

    @property
    def label(self) -> str:
        return ", ".join(dict.fromkeys(use.label for use in self.uses))


def wanted_models(plugins: Plugins) -> tuple[Wanted, ...]:
    """Every model of every usable plugin, each once."""
    found: dict[tuple[str, str], tuple[ModelSpec, list[Use]]] = {}
    for table in plugins.declared.values():
        for declared in table.values():
            for model, use in _uses(plugins, declared):
                found.setdefault((model.name, model.sha256), (model, []))[1].append(use)
    return tuple(Wanted(model, tuple(uses)) for model, uses in found.values())


def models_named(plugins: Plugins, names: Iterable[str]) -> list[ModelSpec]:
    """Those of these names, where that of a pack stands for all of it. Raises ``UsageError`` with what there is."""
    known: dict[str, list[ModelSpec]] = {}
    for wanted in wanted_models(plugins):
        known.setdefault(wanted.model.name, []).append(wanted.model)
        if wanted.model.pack is not None:
            known.setdefault(wanted.model.pack.name, []).append(wanted.model)
    chosen: list[ModelSpec] = []
    for name in names:
        if name not in known:
            broken = ", ".join(status.name for status in plugins.statuses if not status.usable)
            raise UsageError(
                f"no model is called {name!r}{closest(name, known)} (there are: {', '.join(sorted(known)) or 'none'}"
                f"{'; plugins that cannot be used: ' + broken if broken else ''})"
            )
        chosen += known[name]
    return list(dict.fromkeys(chosen))


def _uses(plugins: Plugins, declared: Declared[Any]) -> Iterator[tuple[ModelSpec, Use]]:
    for model in getattr(declared.spec, "models", ()):
        yield from _with_half(model, Use(declared))
    options = {option.name: option for option in plugins.options.get(declared.plugin.name, ())}
    for choice in getattr(declared.spec, "choices", ()):
        others = ((options[name], value) for name, value in choice.with_options)
        said = tuple(_flag(option, value) for option, value in others if not says(option.default, value))
        use = Use(declared, options[choice.option].flag, choice.value, others=said)
        for model in choice.models:
            yield from _with_half(model, use)


def _flag(option: OptionField, value: object) -> tuple[str, str]:
    """What is said on a command line."""
    flag, *words = option.said(value)
    return flag, "".join(words)


def _with_half(model: ModelSpec, use: Use) -> Iterator[tuple[ModelSpec, Use]]:
    yield model, use
    if model.half is not None:
        yield model.half, replace(use, half=True)
