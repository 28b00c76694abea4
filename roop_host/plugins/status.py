"""What is known of one plugin, and the command that repairs it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Generic, Literal, TypeVar

from roop_host.types.packages import pip
from roop_host.types.specs import (
    AnalyserSpec,
    CommandSpec,
    ExporterSpec,
    NoOptions,
    ProcessorSpec,
    ScreenerSpec,
    SourceSpec,
    UploaderSpec,
)

State = Literal["ok", "off", "broken", "incompatible", "duplicate", "colliding"]
Spec = TypeVar(
    "Spec", ProcessorSpec, AnalyserSpec, ScreenerSpec, ExporterSpec, UploaderSpec, SourceSpec, CommandSpec, covariant=True
)


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One plugin that was found. ``declares`` is like "processor swapper", ``repair`` a command to paste,
    ``network`` yes, no or the flags without which it uses none, ``rests_on`` the modules without which a part does nothing.

    ``where`` is the address it was installed from, else the folder it lies in, or the file. ``installed`` is False for a
    single file given by ``--plugin``; ``seconds`` is what importing it took.
    """

    name: str
    distribution: str
    version: str
    state: State = "ok"
    reason: str = ""
    repair: str = ""
    declares: tuple[str, ...] = ()
    network: bool | str = False
    where: str = ""
    installed: bool = True
    editable: bool = False
    rests_on: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def usable(self) -> bool:
        """Nothing is wrong with it; it may be switched off."""
        return self.state in ("ok", "off")

    @property
    def _has_address(self) -> bool:
        """It came from a folder or an address, not from a registry."""
        return self.installed and "://" in self.where

    def describe(self) -> str:
        """Distribution and version, as reports show them."""
        return f"{self.distribution} {self.version}"

    def requirement(self) -> str:
        """What installs this very version again."""
        if not self._has_address:
            return f"{self.distribution}=={self.version}"
        return f"-e {self.where}" if self.editable else f"{self.distribution} @ {self.where}"

    def reinstall(self, *, damaged: bool = False) -> str:
        """The command that installs it again with all that it needs; its own files too where they are ``damaged``."""
        if not self.installed:
            return ""
        again = ["--force-reinstall", "--no-deps"] if damaged else []
        if self._has_address:
            return pip("install", *again, *(["-e"] if self.editable else []), self.where)
        return pip("install", "--upgrade", *again, self.distribution)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Those of ``rests_on`` that are not here, without importing them."""
        return tuple(name for name in self.rests_on if not _is_here(name))

    def told_lack(self) -> str:
        """What it can't do, as the rest of a sentence about it."""
        return f"can't do its work, as {' and '.join(self.lacks)} can't be imported"

    def without(self) -> str:
        """How to run without it."""
        return f"roop -p {shlex.quote('no:' + self.name)} run ..." if self.installed else "leave --plugin out"


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that is not here, and of what was hidden
        return False


@dataclass(frozen=True, slots=True)
class Declared(Generic[Spec]):
    """A spec and whose it is."""

    spec: Spec
    plugin: PluginStatus
    options_class: type[Any] = NoOptions

    @property
    def label(self) -> str:
        """For people: "swapper (roop-swapper 0.1.0)"."""
        return f"{self.spec.name} ({self.plugin.describe()})"


def uninstall_all_but_one(statuses: Iterable[PluginStatus], name: str) -> str:
    """Keeps the one whose package is called as what they all claim is, else the first."""
    called = f"roop-{name.replace('_', '-')}"
    rivals = sorted(statuses, key=lambda status: (status.distribution != called, status.distribution))
    return pip("uninstall", *(status.distribution for status in rivals[1:]))
