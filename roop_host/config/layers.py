"""Which of several words holds: flag over variable over file over default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from roop_host.config.files import ConfigFile, user_file
from roop_host.errors import UsageError
from roop_host.plugins.names import HOST_NAMES
from roop_host.types.options import OptionField

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
        if option.flag in self.given:
            return Said(option.read(self.given[option.flag], option.flag), option.flag)
        if option.per_run:
            return None
        if self.environment.get(option.variable):  # empty is unset, as shells have it
            return Said(option.read(self.environment[option.variable], option.variable), option.variable)
        said = self._in_files(option)
        if option.tightens:  # a file that came along with somebody's folder must not loosen what the user's own says
            limits = [one for one in said if one.value is not None]
            return min(limits, key=lambda one: not one.value if option.kind is bool else one.value, default=None)
        return next(said, None)

    def _in_files(self, option: OptionField) -> Iterator[Said]:
        for file in self.files:
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


def idle_variables(options: Iterable[OptionField], environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that set nothing, and what to do instead. Others may be a plugin's secrets."""
    known = {option.variable for option in options if not option.per_run} | _OTHERS
    flags = {f"ROOP_{name}".upper(): "--" + name.replace("_", "-") for name in HOST_NAMES}
    by_rest = {name.removeprefix("ROOP_"): name for name in known}
    out = {}
    for name in sorted(environment):
        if name.upper().startswith("ROOP_") and name not in known:
            near = get_close_matches(name.upper().removeprefix("ROOP_"), by_rest, n=1, cutoff=_NEAR)
            if name.upper() in flags:
                out[name] = f"it is asked for anew at each run: {flags[name.upper()]}"
            elif near:
                out[name] = f"did you mean {by_rest[near[0]]}?"
    return out
