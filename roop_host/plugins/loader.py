"""Finding and loading plugins: own loop, one scan; a failure becomes a status, never a crash of ``roop plugins``.

A plugin is the module its entry point in the group ``roop`` names. It states ``ROOP_API``, implements hooks, and may name
its options class, a frozen dataclass, as ``ROOP_OPTIONS``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from roop_host import hookspecs
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.options import HOST_NAMES, OptionField, closest, describe
from roop_host.types.specs import AnalyserSpec, NoOptions, ProcessorSpec, ScreenerSpec

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

    from roop_host.types.job import Job
    from roop_host.types.report import Report

_Spec = TypeVar("_Spec", ProcessorSpec, AnalyserSpec, ScreenerSpec)
_KINDS: dict[str, type[Any]] = {
    "roop_processors": ProcessorSpec,
    "roop_screeners": ScreenerSpec,
    "roop_analysers": AnalyserSpec,
}


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One installed plugin. ``state`` is ok, off, broken, incompatible or duplicate; ``declares`` is "processor swapper"."""

    name: str
    distribution: str
    version: str
    state: str = "ok"
    reason: str = ""
    declares: tuple[str, ...] = ()
    network: bool = False

    def describe(self) -> str:
        """Distribution and version, as reports show them."""
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Declared(Generic[_Spec]):
    """A spec and whose it is."""

    spec: _Spec
    plugin: PluginStatus
    options_class: type[Any] = NoOptions

    @property
    def label(self) -> str:
        """For people: "swapper (roop-swapper 0.1.0)"."""
        return f"{self.spec.name} ({self.plugin.describe()})"


class _Manager(pluggy.PluginManager):
    """Refuses implementations that could change what others say."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        opts = super().parse_hookimpl_opts(plugin, name)
        if opts and (opts["wrapper"] or opts["hookwrapper"]):
            raise TypeError(f"it wraps the hook {opts['specname'] or name}, and no hook of roop may be wrapped")
        return opts


@dataclass
class Plugins:
    """The installed plugins of one process. Build it with ``load``, or from modules with ``of``."""

    statuses: tuple[PluginStatus, ...] = ()
    processors: dict[str, Declared[ProcessorSpec]] = field(default_factory=dict)
    screeners: dict[str, Declared[ScreenerSpec]] = field(default_factory=dict)
    analysers: dict[str, Declared[AnalyserSpec]] = field(default_factory=dict)
    options: dict[str, tuple[OptionField, ...]] = field(default_factory=dict)
    _observers: list[tuple[str, Callable[..., object]]] = field(default_factory=list)

    @classmethod
    def load(cls, disabled: Iterable[str] = ()) -> Plugins:
        """All installed plugins but the ``disabled`` ones, which are not even imported. Raises ``UsageError``."""
        import importlib_metadata

        points = sorted(importlib_metadata.entry_points(group=hookspecs.PROJECT), key=lambda point: point.name)
        off = _disabled(disabled, [point.name for point in points])
        loader = _Loader(cls())
        names = [point.name for point in points]
        for point in points:
            status = _status(point)
            if _bare(point.name) in off:
                loader.note(replace(status, state="off", reason="switched off"))
            elif names.count(point.name) > 1:
                rivals = ", ".join(_status(other).describe() for other in points if other.name == point.name)
                reason = f"several packages provide the plugin {point.name}: {rivals}; uninstall all but one"
                loader.note(replace(status, state="duplicate", reason=reason))
            else:
                loader.add(status, point.load)
        return loader.done()

    @classmethod
    def of(cls, modules: Mapping[str, Any]) -> Plugins:
        """Plugins from objects with hook implementations, by name: for tests and for programs that embed roop."""
        loader = _Loader(cls())
        for name, module in modules.items():
            loader.add(PluginStatus(name, f"roop-{name}", "0"), _giver(module))
        return loader.done()

    def require_healthy(self) -> None:
        """Raise ``PluginError`` while an installed plugin is unusable: it might be a screener."""
        for status in self.statuses:
            if status.state not in ("ok", "off"):
                raise PluginError(
                    f"the plugin {status.name} ({status.describe()}) cannot be used: {status.reason}; as it may be a "
                    f"screener, nothing runs until it is repaired, uninstalled or switched off "
                    f"(roop -p no:{status.name} run ...)"
                )

    def processor(self, name: str) -> Declared[ProcessorSpec]:
        """The processor of that name. Raises ``UsageError`` with what is installed and what to install."""
        if name not in self.processors:
            self.require_healthy()  # what is missing may be the broken plugin's
            there = f"installed: {', '.join(sorted(self.processors)) or 'none'}"
            off = ", ".join(status.name for status in self.statuses if status.state == "off")
            raise UsageError(
                f"no processor is called {name!r}{closest(name, self.processors)} "
                f"({there}{'; switched off: ' + off if off else ''}; "
                f"if it comes from a plugin, install that: pip install roop-{name})"
            )
        return self.processors[name]

    def notify_finished(self, job: Job, report: Report) -> None:
        """Tell observers; their errors are logged and change nothing."""
        for name, call in self._observers:
            try:
                call(job=job, report=report)
            except KeyboardInterrupt:
                raise
            except BaseException:  # one that calls sys.exit must not change the exit code of a finished job
                logging.getLogger("roop").exception("the plugin %s failed after the job", name)


class _Loader:
    """Fills a ``Plugins`` one entry point at a time."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._statuses: list[PluginStatus] = []
        self._declared: list[tuple[str, Declared[Any]]] = []
        self._observers: dict[str, Callable[..., object]] = {}

    def note(self, status: PluginStatus) -> None:
        self._statuses.append(status)

    def add(self, status: PluginStatus, load: Callable[[], Any]) -> None:
        try:
            # What a plugin prints must not stand in the JSON on stdout.
            with redirect_stdout(sys.stderr):
                self._read(status, load())
        except KeyboardInterrupt:
            raise
        except _Incompatible as error:
            self.note(replace(status, state="incompatible", reason=str(error)))
        except BaseException as error:  # noqa: BLE001  (a plugin may even call sys.exit, at import or in a hook)
            reason = " ".join(f"{type(error).__name__}: {error}".split())  # a reason is one line
            self.note(replace(status, state="broken", reason=reason))

    def _read(self, status: PluginStatus, module: Any) -> None:
        api = getattr(module, "ROOP_API", None)
        if api is None:
            raise _Incompatible(f"its module does not state ROOP_API = {hookspecs.ROOP_API}; update it")
        if api != hookspecs.ROOP_API:
            raise _Incompatible(
                f"it is written for plugin API {api}, and this roop has {hookspecs.ROOP_API}; update it or roop-host"
            )
        # Every plugin has a manager of its own, so each value is known to be this plugin's.
        manager = _manager(status, module)
        options_class = getattr(module, "ROOP_OPTIONS", NoOptions)
        fields = describe(status.name, options_class)
        specs = _specs(manager)
        status = replace(
            status,
            declares=tuple(f"{_word(hook)} {spec.name}" for hook, spec in specs),
            network=any(spec.network for _, spec in specs),
        )
        self.note(status)
        self._declared += [(hook, Declared(spec, status, options_class)) for hook, spec in specs]
        self._plugins.options[status.name] = fields
        if manager.hook.roop_job_finished.get_hookimpls():
            self._observers[status.name] = manager.hook.roop_job_finished

    def done(self) -> Plugins:
        taken: dict[tuple[str, str], list[PluginStatus]] = {}
        for hook, declared in self._declared:
            taken.setdefault((hook, declared.spec.name), []).append(declared.plugin)
        for (hook, name), owners in taken.items():
            if len(owners) > 1:
                rivals = " and ".join(owner.describe() for owner in owners)
                self._spoil(
                    {owner.name for owner in owners}, f"the {_word(hook)} {name} is declared by {rivals}; uninstall one"
                )
        self._settle_flags()
        good = {status.name: status for status in self._statuses if status.state == "ok"}
        tables: dict[str, dict[str, Any]] = {
            "roop_processors": self._plugins.processors,
            "roop_screeners": self._plugins.screeners,
            "roop_analysers": self._plugins.analysers,
        }
        for hook, declared in self._declared:
            if declared.plugin.name in good:
                tables[hook][declared.spec.name] = declared
        self._plugins.options = {name: fields for name, fields in self._plugins.options.items() if name in good}
        self._plugins._observers = [(name, call) for name, call in self._observers.items() if name in good]
        self._plugins.statuses = tuple(self._statuses)
        return self._plugins

    def _settle_flags(self) -> None:
        """A flag has one owner, first the host: a plugin that took ``--screen-limit`` over would loosen a rule."""
        owners = dict.fromkeys(HOST_NAMES, "roop itself")
        for plugin, fields in self._plugins.options.items():
            for option in fields:
                for name in option.taken_names:
                    if name in owners:
                        self._spoil(
                            {plugin}, f"its option {option.flag} is taken by {owners[name]}; rename or uninstall one"
                        )
                    owners.setdefault(name, f"the plugin {plugin}")

    def _spoil(self, names: set[str], reason: str) -> None:
        self._statuses = [
            replace(status, state="duplicate", reason=reason) if status.name in names else status
            for status in self._statuses
        ]


class _Incompatible(Exception):
    """Written for another plugin API."""


def _manager(status: PluginStatus, module: Any) -> _Manager:
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module, status.name)
    manager.check_pending()
    for hook in (*_KINDS, "roop_job_finished"):
        if callable(getattr(module, hook, None)) and not getattr(manager.hook, hook).get_hookimpls():
            raise TypeError(f"its {hook} is not marked with @hookimpl, so nobody would ever ask it")
    return manager


def _specs(manager: _Manager) -> list[tuple[str, Any]]:
    """Hook and spec of everything that is declared."""
    specs: list[tuple[str, Any]] = []
    for hook, kind in _KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            for spec in implementation.function():
                if not isinstance(spec, kind):
                    raise TypeError(f"{hook} gave {spec!r}, not a {kind.__name__}")
                if not isinstance(spec.name, str) or not spec.name or set(spec.name) & set(", \n"):
                    raise ValueError(f"{hook} gave the name {spec.name!r}, which is not one word")
                specs.append((hook, spec))
    return specs


def _giver(module: Any) -> Callable[[], Any]:
    return lambda: module


def _word(hook: str) -> str:
    return hook.removeprefix("roop_").removesuffix("s")


def _status(point: EntryPoint) -> PluginStatus:
    dist = point.dist
    return PluginStatus(point.name, dist.name if dist else "unknown", dist.version if dist else "?")


def _disabled(asked: Iterable[str], known: Sequence[str]) -> frozenset[str]:
    variable = os.environ.get("ROOP_DISABLE_PLUGINS", "")
    names = {_bare(name.strip()) for name in (*asked, *variable.split(",")) if name.strip()}
    for name in sorted(names - {_bare(name) for name in known}):
        there = ", ".join(known) or "none"
        raise UsageError(
            f"no plugin is called {name!r}, so it can't be switched off{closest(name, known)} (installed: {there})"
        )
    return frozenset(names)


def _bare(name: str) -> str:
    """A plugin's name as it is compared: with or without the prefix it is the same plugin."""
    return name.removeprefix("roop-")
