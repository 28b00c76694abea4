"""What a new plugin is called, and which names can't be had."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from roop_host.errors import UsageError
from roop_host.plugins.names import DECLARED_BY, HOST_COMMANDS, HOST_NAMES, OWN_PLUGINS

#: ``roop-host`` is the host's package; a test of that name would be the conformance test's file; the others are to come.
_RESERVED = frozenset({"host", "conformance", "camera", "ray", "web"})
#: Windows takes these for devices, whatever the ending.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))})
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Names:
    """``plugin`` is the entry point's: ``my-filter``."""

    plugin: str

    @property
    def tail(self) -> str:
        """For names of Python: ``my_filter``."""
        return self.plugin.replace("-", "_")

    @property
    def distribution(self) -> str:
        return f"roop-{self.plugin}"

    @property
    def module(self) -> str:
        return f"roop_{self.tail}"

    @property
    def camel(self) -> str:
        """Of a class: ``MyFilter``."""
        return "".join(word.capitalize() for word in self.plugin.split("-"))

    def declared(self, kind: str) -> str:
        """What the hook's record is called: as people type it, with ``_`` in ``--processors`` and ``-`` of a command."""
        return self.plugin if kind == "command" else self.tail


def names_of(word: str) -> Names:
    """The names that follow from what a person said. Raises ``UsageError`` for a word that is no name of a plugin."""
    plugin = word.removeprefix("roop-").removeprefix("roop_").replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", plugin) or len(plugin) > _LONGEST:
        raise UsageError(
            f"{word!r} can't be the name of a plugin, which is a word like my-filter: lower-case letters and digits, with - "
            f"between them, {_LONGEST} at most"
        )
    return Names(plugin)


def require_free(names: Names, taken: Iterable[tuple[str, str]], flags: Iterable[tuple[str, str]]) -> None:
    """Raise ``UsageError`` where the name, or the flags that would begin with it, are somebody else's.

    ``taken`` are names that are in use, ``flags`` those of options in the form of variables; each with whose it is.
    """
    for name, whose in (*_own(), *taken):
        if name.replace("_", "-") == names.plugin:
            raise UsageError(f"{names.plugin} is {whose}; take another name")
    for flag, whose in (*((name, "roop itself") for name in sorted(HOST_NAMES)), *flags):
        if flag == names.tail or flag.startswith(f"{names.tail}_"):
            shown = flag.replace("_", "-")
            raise UsageError(f"the flags of {names.plugin} would be mixed up with --{shown} of {whose}; take another name")


def _own() -> Iterator[tuple[str, str]]:
    yield from ((name, "the name of a plugin of roop's own") for name in sorted(OWN_PLUGINS))
    yield from ((name, "a name that roop needs itself") for name in sorted(_RESERVED))
    yield from ((name, "the name of a device on Windows") for name in sorted(_DEVICES))
    yield from ((name, f"a name of the plugin {owner}") for (_, name), owner in DECLARED_BY.items())
    yield from ((name, "a command of roop") for name in sorted(HOST_COMMANDS))
