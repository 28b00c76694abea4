"""Finding and loading plugins: own loop, one scan; a failure becomes a status, never a crash of ``roop plugins``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from roop_host import hookspecs
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.options import OptionField, describe, did_you_mean
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
            if point.name in off:
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
            raise UsageError(
                f"no processor is called {name!r}{did_you_mean(name, self.processors).replace('it has', 'installed:')} "
                f"(if it comes from a plugin, install that: pip install roop-{name})"
            )
        return self.processors[name]

    def notify_finished(self, job: Job, report: Report) -> None:
        """Tell observers; their errors are logged and change nothing."""
        for name, call in self._observers:
            try:
                call(job, report)
            except Exception:
                logging.getLogger("roop").exception("the plugin %s failed after the job", name)


class _Loader:
    """Fills a ``Plugins`` one entry point at a time."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._statuses: list[PluginStatus] = []
        self._declared: list[tuple[str, Declared[Any]]] = []

    def note(self, status: PluginStatus) -> None:
        self._statuses.append(status)

    def add(self, status: PluginStatus, load: Callable[[], Any]) -> None:
        try:
            module = load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (a plugin may even call sys.exit at import)
            self.note(replace(status, state="broken", reason=f"{type(error).__name__} at import: {error}"))
            return
        api = getattr(module, "ROOP_API", None)
        if api != hookspecs.ROOP_API:
            reason = f"it is written for plugin API {api}, and this roop has {hookspecs.ROOP_API}; update it or roop-host"
            self.note(replace(status, state="incompatible", reason=reason))
            return
        try:
            status, declared, fields = _declarations(status, module)
        except Exception as error:  # noqa: BLE001  (whatever a plugin raises is its status)
            self.note(replace(status, state="broken", reason=f"{type(error).__name__}: {error}"))
            return
        self.note(status)
        self._declared += declared
        self._plugins.options[status.name] = fields
        observer = getattr(module, "roop_job_finished", None)
        if observer is not None:
            self._plugins._observers.append((status.name, _with_known_arguments(module)))

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
        self._plugins.statuses = tuple(self._statuses)
        return self._plugins

    def _spoil(self, names: set[str], reason: str) -> None:
        self._statuses = [
            replace(status, state="duplicate", reason=reason) if status.name in names else status
            for status in self._statuses
        ]


def _declarations(
    status: PluginStatus, module: Any
) -> tuple[PluginStatus, list[tuple[str, Declared[Any]]], tuple[OptionField, ...]]:
    """What one module declares; every plugin has a manager of its own, so each value is known to be this plugin's."""
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module, status.name)
    manager.check_pending()
    options_class = getattr(module, "ROOP_OPTIONS", NoOptions)
    fields = describe(status.name, options_class)
    specs: list[tuple[str, Any]] = []
    for hook, kind in _KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            for spec in implementation.function():
                if not isinstance(spec, kind):
                    raise TypeError(f"{hook} gave {spec!r}, not a {kind.__name__}")
                specs.append((hook, spec))
    status = replace(
        status,
        declares=tuple(f"{_word(hook)} {spec.name}" for hook, spec in specs),
        network=any(spec.network for _, spec in specs),
    )
    return status, [(hook, Declared(spec, status, options_class)) for hook, spec in specs], fields


def _with_known_arguments(module: Any) -> Callable[..., object]:
    """The observer, called with those of job and report that it declares, as pluggy would."""
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    return lambda job, report: manager.hook.roop_job_finished(job=job, report=report)


def _giver(module: Any) -> Callable[[], Any]:
    return lambda: module


def _word(hook: str) -> str:
    return hook.removeprefix("roop_").removesuffix("s")


def _status(point: EntryPoint) -> PluginStatus:
    dist = point.dist
    return PluginStatus(point.name, dist.name if dist else "unknown", dist.version if dist else "?")


def _disabled(asked: Iterable[str], known: Sequence[str]) -> frozenset[str]:
    variable = os.environ.get("ROOP_DISABLE_PLUGINS", "")
    names = {name.strip().removeprefix("roop-") for name in (*asked, *variable.split(",")) if name.strip()}
    for name in sorted(names):
        if name not in known:
            hint = did_you_mean(name, dict.fromkeys(known)).replace("it has", "installed:")
            raise UsageError(f"no plugin is called {name!r}, so it can't be switched off{hint}")
    return frozenset(names)
