"""The plugins of one process: what they declare, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roop_host.errors import PluginError, UsageError, told
from roop_host.plugins.names import DECLARED_BY, OWN_PLUGINS, bare
from roop_host.plugins.status import Declared, PluginStatus
from roop_host.types.options import OptionField, closest
from roop_host.types.packages import pip
from roop_host.types.specs import (
    AnalyserSpec,
    CommandSpec,
    ExporterSpec,
    ProcessorSpec,
    ScreenerSpec,
    SourceSpec,
    UploaderSpec,
)

if TYPE_CHECKING:
    from roop_host.types.job import Job
    from roop_host.types.report import Report

#: Every hook that declares, and what it gives.
KINDS: dict[str, type[Any]] = {
    "roop_processors": ProcessorSpec,
    "roop_screeners": ScreenerSpec,
    "roop_analysers": AnalyserSpec,
    "roop_exporters": ExporterSpec,
    "roop_uploaders": UploaderSpec,
    "roop_sources": SourceSpec,
    "roop_commands": CommandSpec,
}


def word(hook: str) -> str:
    """What a hook's values are called: "processor"."""
    return hook.removeprefix("roop_").removesuffix("s")


@dataclass
class Plugins:
    """Statuses of all that was found; specs, options and observers of what is usable. ``load_plugins`` makes one."""

    statuses: tuple[PluginStatus, ...] = ()
    declared: dict[str, dict[str, Declared[Any]]] = field(default_factory=lambda: {hook: {} for hook in KINDS})
    options: dict[str, tuple[OptionField, ...]] = field(default_factory=dict)
    #: By plugin, the class whose fields ``options`` are.
    options_classes: dict[str, type[Any]] = field(default_factory=dict)
    observers: dict[str, Callable[..., object]] = field(default_factory=dict)
    #: By plugin, which standard checks need not hold and why: its module's ``ROOP_WAIVED``.
    waived: dict[str, Mapping[str, str]] = field(default_factory=dict)
    #: What was raised while an unusable plugin was loaded.
    errors: dict[str, BaseException] = field(default_factory=dict)

    @property
    def processors(self) -> dict[str, Declared[ProcessorSpec]]:
        """By name."""
        return self.declared["roop_processors"]

    @property
    def screeners(self) -> dict[str, Declared[ScreenerSpec]]:
        """By name."""
        return self.declared["roop_screeners"]

    @property
    def analysers(self) -> dict[str, Declared[AnalyserSpec]]:
        """By name."""
        return self.declared["roop_analysers"]

    @property
    def exporters(self) -> dict[str, Declared[ExporterSpec]]:
        """By name."""
        return self.declared["roop_exporters"]

    @property
    def uploaders(self) -> dict[str, Declared[UploaderSpec]]:
        """By name."""
        return self.declared["roop_uploaders"]

    @property
    def sources(self) -> dict[str, Declared[SourceSpec]]:
        """By name."""
        return self.declared["roop_sources"]

    @property
    def commands(self) -> dict[str, Declared[CommandSpec]]:
        """By name."""
        return self.declared["roop_commands"]

    def require_healthy(self) -> None:
        """Raise ``PluginError`` while an installed plugin is unusable: it might be a screener."""
        for status in self.statuses:
            if not status.usable:
                repair = f"repair it ({status.repair})" if status.repair else "repair it"
                raise PluginError(
                    f"the plugin {status.name} ({status.describe()}) is {status.state}: {status.reason}; as it may be a "
                    f"screener, nothing runs until then: {repair}, or run without it ({status.without()})"
                ) from self.errors.get(status.name)

    def processor(self, name: str) -> Declared[ProcessorSpec]:
        """The processor of that name. Raises ``UsageError`` with what is installed and what to install."""
        found: Declared[ProcessorSpec] = self.named("roop_processors", name)
        return found

    def named(self, hook: str, name: str) -> Declared[Any]:
        """What a hook declares under ``name``. Raises ``UsageError`` with what is installed and what to install."""
        table = self.declared[hook]
        if name not in table:
            self.require_healthy()  # what is missing may be the broken plugin's
            there = f"installed: {', '.join(sorted(table)) or 'none'}"
            off = ", ".join(status.name for status in self.statuses if status.state == "off")
            package = pip("install", f"roop-{name.replace('_', '-')}")
            # Who mistyped a name must not be led to install whatever somebody has put under the mistyped one.
            hint = self.brought_by(hook, name) or closest(name, table)
            hint = hint or f"; if it comes from a plugin, install that: {package}"
            raise UsageError(f"no {word(hook)} is called {name!r} ({there}{'; switched off: ' + off if off else ''}){hint}")
        return table[name]

    def absence(self, name: str) -> str:
        """What a plugin that takes no part is: "switched off", "not installed", "broken"; empty for one that does."""
        state = next((status.state for status in self.statuses if bare(status.name) == bare(name)), "not installed")
        return {"ok": "", "off": "switched off"}.get(state, state)

    def brought_by(self, hook: str, name: str) -> str:
        """The end of a sentence about what one of roop's own plugins declares that takes no part; empty for all else."""
        owner = DECLARED_BY.get((hook, name), name)
        return self._from_absent(owner) if owner in OWN_PLUGINS else ""

    def option_brought_by(self, flag: str) -> str:
        """The end of a sentence about a flag of a plugin that takes no part; empty for all else."""
        owner = self.owner_of(flag.removeprefix("--").removeprefix("no-"))
        return self._from_absent(owner) if owner else ""

    def owner_of(self, option: str) -> str:
        """The plugin, installed or one of roop's own, whose name an option like "provenance-label" begins with."""
        names = {status.name for status in self.statuses} | OWN_PLUGINS
        return max((name for name in names if option.startswith(f"{name.replace('_', '-')}-")), key=len, default="")

    def _from_absent(self, owner: str) -> str:
        absence = self.absence(owner)
        if not absence:
            return ""
        repairs = {
            "switched off": f"leave -p no:{owner} out, or take it out of ROOP_DISABLE_PLUGINS",
            "not installed": f"install that: {pip('install', f'roop-{owner}')}",
        }
        return f"; it comes from the plugin {owner}, which is {absence}; {repairs.get(absence, 'see roop plugins')}"

    def notify_finished(self, job: Job, report: Report) -> None:
        """Tell observers; their errors are logged and change nothing."""
        for name, call in self.observers.items():
            try:
                call(job=job, report=report)
            except BaseException as error:
                log = logging.getLogger("roop")
                trace = log.isEnabledFor(logging.DEBUG)
                log.warning("the plugin %s failed after the job (%s)", name, told(error), exc_info=trace)
