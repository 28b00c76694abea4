"""Which of several words holds: flag over variable over file over default, and of limits the lowest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import ConfigFile, user_file
from roop_host.errors import UsageError
from roop_host.plugins.names import HOST_NAMES
from roop_host.types.options import OptionField
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

# Nearer than for a word that was typed: a plugin's secrets stand in variables too, and they are nobody's mistake.
_NEAR = 0.8
#: Variables that are read elsewhere.
_OTHERS = frozenset({"ROOP_CONFIG", "ROOP_DISABLE_PLUGINS", "ROOP_FACES", "ROOP_MODELS", "ROOP_MODELS_MIRROR"})


@dataclass(frozen=True, slots=True)
class Layers:
    """All that was said: ``given`` by flag, variables, and files with the strongest first."""

    given: Mapping[str, Any]
    environment: Mapping[str, str]
    files: Sequence[ConfigFile]

    def settle(self, option: OptionField) -> Said | None:
        """What was said of ``option``, or None.

        Raises ``UsageError`` for a value that it does not take, and for what a found file may not say.
        """
        spoken, files = self._spoken(option), self._in_files(option)
        if option.is_limit:  # whoever says it, nothing is loosened by it
            limits = [said for said in (*spoken, *files) if said.value is not None]
            return min(limits, key=lambda said: said.value, default=None)
        said = next(spoken, None)
        if said is None and option.tightens:  # a file that came along must not take back what the user's own says
            return max(files, key=lambda said: bool(said.value), default=None)
        return said or next(files, None)

    def _spoken(self, option: OptionField) -> Iterator[Said]:
        if option.flag in self.given:
            yield Said(option.read(self.given[option.flag], option.flag), option.flag)
        if not option.per_run and self.environment.get(option.variable):  # empty is unset, as shells have it
            yield Said(option.read(self.environment[option.variable], option.variable), option.variable)

    def _in_files(self, option: OptionField) -> Iterator[Said]:
        for file in () if option.per_run else self.files:
            table = file.table(option.owner)
            if option.key in table:
                if file.found and option.users_own:
                    raise UsageError(
                        f"{file.place(option)} is for you alone to say, and this file was only found; take it out, say "
                        f"{option.flag} or {option.variable}, or write it into {user_file()}"
                    )
                value = option.read(table[option.key], file.place(option), base=file.path.parent)
                yield Said(value, str(file.path), file.found)


@dataclass(frozen=True, slots=True)
class Said:
    """A value and who said it; ``found`` if only a file that nobody named."""

    value: Any
    where: str
    found: bool = False


def idle_variables(plugins: Plugins, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that set nothing, and why or what to do instead. Others may be a plugin's secrets."""
    options = (*host_fields(), *plugin_fields(plugins))
    known = {option.variable for option in options if not option.per_run} | _OTHERS
    flags = {f"ROOP_{name}".upper(): "--" + name.replace("_", "-") for name in HOST_NAMES}
    by_rest = {name.removeprefix("ROOP_"): name for name in known}
    out = {}
    for name in sorted(environment):
        if name.upper().startswith("ROOP_") and name not in known:
            absent = _absent_owner(name.upper(), plugins) if environment[name] else ""
            near = get_close_matches(name.upper().removeprefix("ROOP_"), by_rest, n=1, cutoff=_NEAR)
            if name.upper() in flags:
                out[name] = f"it is asked for anew at each run: {flags[name.upper()]}"
            elif absent:
                out[name] = absent
            elif near:
                out[name] = f"did you mean {by_rest[near[0]]}?"
    return out


def _absent_owner(variable: str, plugins: Plugins) -> str:
    """What is to be told where a variable is that of a plugin that takes no part."""
    owner = plugins.owner_of(variable.removeprefix("ROOP_").lower().replace("_", "-"))
    absence = plugins.absence(owner) if owner else ""
    package = f" ({pip('install', f'roop-{owner}')})" if absence == "not installed" else ""
    return f"the plugin {owner} is {absence}{package}" if absence else ""
