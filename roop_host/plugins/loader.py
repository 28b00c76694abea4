"""Loading plugins in a loop of our own: a failure becomes a status, never a crash of ``roop plugins``.

A plugin is the module its entry point in the group ``roop`` names. It states ``ROOP_API``, implements hooks, and may name
its options class, a frozen dataclass, as ``ROOP_OPTIONS``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from roop_host import hookspecs
from roop_host.errors import told
from roop_host.plugins.found import KINDS, Plugins, word
from roop_host.plugins.names import HOST_COMMANDS, HOST_NAMES, HOST_SUFFIXES, SHOWN_SUFFIXES, bare
from roop_host.plugins.scan import Found, installed, single_file, switched_off
from roop_host.plugins.status import Declared, PluginStatus, uninstall_all_but_one
from roop_host.types.models import says
from roop_host.types.options import OptionField, describe
from roop_host.types.packages import pip
from roop_host.types.specs import NoOptions, check_name, models_of


def load_plugins(disabled: Iterable[str] = (), files: Iterable[Path] = ()) -> Plugins:
    """All installed plugins and those of ``files``, but the ``disabled`` ones, which are not even imported.

    Raises ``UsageError`` for a name or a file that is none.
    """
    found = installed()
    off = switched_off(disabled, [one.status.name for one in found])
    found += [single_file(path) for path in dict.fromkeys(path.absolute() for path in files)]
    loader = _Loader()
    for one in found:
        rivals = [other.status for other in found if bare(other.status.name) == bare(one.status.name)]
        if bare(one.status.name) in off:
            loader.note(replace(one.status, state="off", reason="switched off"))
        elif len(rivals) > 1 and (not one.status.installed or all(rival.installed for rival in rivals)):
            loader.note(_duplicate(one.status, rivals))
        else:
            loader.add(one)
    return loader.done()


def plugins_of(modules: Mapping[str, Any]) -> Plugins:
    """Plugins from objects with hook implementations, by name: for tests and for programs that embed roop."""
    loader = _Loader()
    for name, module in modules.items():
        loader.add(Found(PluginStatus(name, f"roop-{name}", "0"), partial(_same, module)))
    return loader.done()


_OF_THE_HOST = {"roop_commands": HOST_COMMANDS, "roop_exporters": HOST_SUFFIXES}


class _Manager(pluggy.PluginManager):
    """Refuses implementations that could change what others say."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        opts = super().parse_hookimpl_opts(plugin, name)
        if opts and (opts["wrapper"] or opts["hookwrapper"]):
            raise TypeError(f"it wraps the hook {opts['specname'] or name}, and no hook of roop may be wrapped")
        return opts


class _Incompatible(Exception):
    """Written for another plugin API; ``repair`` is what to do."""

    def __init__(self, reason: str, repair: str) -> None:
        super().__init__(reason)
        self.repair = repair


@dataclass(frozen=True, slots=True)
class _Read:
    """What a healthy module says."""

    status: PluginStatus
    specs: tuple[tuple[str, Declared[Any]], ...]
    options_class: type[Any]
    options: tuple[OptionField, ...]
    observer: Callable[..., object] | None
    waived: Mapping[str, str]


class _Loader:
    """Fills a ``Plugins`` one plugin at a time."""

    def __init__(self) -> None:
        self._statuses: list[PluginStatus] = []
        self._read: list[_Read] = []
        self._errors: dict[str, BaseException] = {}

    def note(self, status: PluginStatus) -> None:
        self._statuses.append(status)

    def add(self, found: Found) -> None:
        begun, status = time.perf_counter(), found.status
        try:
            # What a plugin prints must not stand in the JSON on stdout.
            with redirect_stdout(sys.stderr):
                check_name(status.name)
                read = _read(status, found.load())
        except KeyboardInterrupt as error:  # a person's, or the plugin's own: who is told its name can tell
            error.add_note(f"stopped while the plugin {status.name} ({status.describe()}) was imported")
            raise
        except BaseException as error:  # noqa: BLE001  (a plugin may even call sys.exit, at import or in a hook)
            self.note(_unusable(found, error))
            self._errors[status.name] = error
        else:
            self._read.append(read)
            self.note(replace(read.status, seconds=time.perf_counter() - begun))

    def done(self) -> Plugins:
        self._settle_names()
        self._settle_flags()
        self._settle_models()
        good = {status.name: status for status in self._statuses if status.state == "ok"}
        plugins = Plugins(tuple(self._statuses), errors=self._errors)
        for read in self._read:
            status = good.get(read.status.name)
            if status is None:
                continue
            for hook, declared in read.specs:
                plugins.declared[hook][declared.spec.name] = replace(declared, plugin=status)
            plugins.options[status.name] = read.options
            plugins.options_classes[status.name] = read.options_class
            plugins.waived[status.name] = read.waived
            if read.observer is not None:
                plugins.observers[status.name] = read.observer
        return plugins

    def _settle_names(self) -> None:
        """Two packages that declare one thing: neither is used, since either may be the one that shadows the other."""
        owners: dict[tuple[str, str], list[PluginStatus]] = {}
        for read in self._read:
            for hook, declared in read.specs:
                for name in _names(hook, declared.spec):
                    owners.setdefault((hook, name), []).append(read.status)
        for (hook, name), rivals in owners.items():
            if len(rivals) > 1:
                said = " and ".join(status.describe() for status in rivals)
                reason = f"the {word(hook)} {name} is declared by {said}; take one away"
                files = {status.name for status in rivals if not status.installed}
                # A file is the newcomer: what is installed may be the screener that is needed.
                self._spoil(
                    files or {status.name for status in rivals}, reason, "" if files else uninstall_all_but_one(rivals, name)
                )
            if name in _OF_THE_HOST.get(hook, ()):
                reason = f"its {word(hook)} takes {name}, which is roop's own; uninstall it"
                for status in rivals:
                    self._spoil({status.name}, reason, _remove(status))

    def _settle_flags(self) -> None:
        """A flag has one owner, first the host: a plugin that took ``--screen-limit`` over would loosen a rule."""
        owners = dict.fromkeys(HOST_NAMES, "roop itself")
        for read in self._read:
            for option in read.options:
                for name in option.taken_names:
                    if name in owners:
                        reason = f"its option {option.flag} is taken by {owners[name]}; rename or uninstall one"
                        self._spoil({read.status.name}, reason, _remove(read.status))
                    owners.setdefault(name, f"the plugin {read.status.name}")

    def _settle_models(self) -> None:
        """A file of the model store has one owner: of two that differ, each pull would replace the other's."""
        owners: dict[str, tuple[str, str]] = {}
        for read in self._read:
            for kind, file, name, sha256 in _stored(read):
                known, owner = owners.setdefault(file, (sha256, read.status.name))
                if known != sha256:
                    other = "another one of its own" if owner == read.status.name else f"that of the plugin {owner}"
                    reason = f"its {kind} {name} is another file than {other}, under one name; rename or uninstall one"
                    self._spoil({read.status.name}, reason, _remove(read.status))

    def _spoil(self, names: set[str], reason: str, repair: str) -> None:
        self._statuses = [
            replace(status, state="colliding", reason=reason, repair=repair) if status.name in names else status
            for status in self._statuses
        ]


def _remove(status: PluginStatus) -> str:
    """The command that takes a plugin away."""
    return pip("uninstall", status.distribution) if status.installed else ""


def _duplicate(status: PluginStatus, rivals: list[PluginStatus]) -> PluginStatus:
    said = ", ".join(rival.describe() for rival in rivals)
    reason = f"several packages provide the plugin {status.name}: {said}; uninstall all but one"
    if not all(rival.installed for rival in rivals):
        reason = f"a file and an installed plugin are both called {status.name}: {said}; rename the file"
        return replace(status, state="duplicate", reason=reason)
    return replace(status, state="duplicate", reason=reason, repair=uninstall_all_but_one(rivals, bare(status.name)))


def _unusable(found: Found, error: BaseException) -> PluginStatus:
    status = found.status
    if isinstance(error, _Incompatible):
        return replace(status, state="incompatible", reason=str(error), repair=error.repair)
    said = told(error)
    if isinstance(error, ImportError) and _top(error.name or "") == "roop_host":
        reason = f"it asks for something that this roop-host does not have ({said}); update it or roop-host"
        return replace(status, state="incompatible", reason=reason, repair=_update_both(status))
    lacking = _top(error.name or "") if isinstance(error, ImportError) else ""
    damaged = lacking in ("", _top(found.module))  # else something that it needs is missing
    return replace(status, state="broken", reason=said + _place(error, status), repair=status.reinstall(damaged=damaged))


def _top(module: str) -> str:
    return module.partition(".")[0]


def _place(error: BaseException, status: PluginStatus) -> str:
    """The line of a single file that raised it: its author is who reads this."""
    trace, line = error.__traceback__, None
    while trace is not None and not status.installed:
        if trace.tb_frame.f_code.co_filename == status.where:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


def _update(status: PluginStatus) -> str:
    """The command that updates a plugin; its own author updates a file."""
    return pip("install", "--upgrade", status.distribution) if status.installed else ""


def _update_both(status: PluginStatus) -> str:
    return pip("install", "--upgrade", "roop-host", *([status.distribution] if status.installed else []))


def _read(status: PluginStatus, module: Any) -> _Read:
    api = getattr(module, "ROOP_API", None)
    if api is None:
        raise _Incompatible(f"its module does not state ROOP_API = {hookspecs.ROOP_API}; update it", _update(status))
    if type(api) is not int:
        raise _Incompatible(
            f"its module states ROOP_API = {api!r}, which is no whole number such as {hookspecs.ROOP_API}; update it",
            _update(status),
        )
    if api != hookspecs.ROOP_API:
        newer = api > hookspecs.ROOP_API
        raise _Incompatible(
            f"it is written for plugin API {api}, and this roop has {hookspecs.ROOP_API}; "
            f"update {'roop-host' if newer else 'it'}",
            _update_both(status) if newer else _update(status),
        )
    # Every plugin has a manager of its own, so each value is known to be this plugin's.
    manager = _manager(status, module)
    options_class = getattr(module, "ROOP_OPTIONS", NoOptions)
    fields = describe(status.name, options_class)
    specs = _specs(manager)
    _check_choices((spec for _, spec in specs), {field.name: field for field in fields})
    _check_added((spec for _, spec in specs), {field.name: field for field in fields})
    _check_beside(spec for _, spec in specs)
    status = replace(
        status,
        declares=tuple(f"{word(hook)} {spec.name}" for hook, spec in specs),
        rests_on=tuple(dict.fromkeys(name for _, spec in specs for name in getattr(spec, "rests_on", ()))),
        network=_network((spec for _, spec in specs), {field.name: field for field in fields}),
    )
    observes = bool(manager.hook.roop_job_finished.get_hookimpls())
    declared = tuple((hook, Declared(spec, status, options_class)) for hook, spec in specs)
    observer = manager.hook.roop_job_finished if observes else None
    return _Read(status, declared, options_class, fields, observer, _waived(module))


def _waived(module: Any) -> Mapping[str, str]:
    """What the module says of standard checks that it does not meet."""
    waived = getattr(module, "ROOP_WAIVED", {})
    if not isinstance(waived, Mapping) or not all(isinstance(word, str) for pair in waived.items() for word in pair):
        raise TypeError(f"its ROOP_WAIVED is {waived!r}, and not {{'KIND.NAME.CHECK': 'reason'}}")
    return waived


def _manager(status: PluginStatus, module: Any) -> _Manager:
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module, status.name)
    manager.check_pending()
    for hook in (*KINDS, "roop_job_finished"):
        if callable(getattr(module, hook, None)) and not getattr(manager.hook, hook).get_hookimpls():
            raise TypeError(f"its {hook} is not marked with @hookimpl, so nobody would ever ask it")
    return manager


def _specs(manager: _Manager) -> list[tuple[str, Any]]:
    """Hook and spec of everything that is declared."""
    specs: list[tuple[str, Any]] = []
    for hook, kind in KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            for spec in implementation.function():
                if not isinstance(spec, kind):
                    raise TypeError(f"{hook} gave {spec!r}, not a {kind.__name__}")
                specs.append((hook, spec))
    return specs


def _check_choices(specs: Iterable[Any], options: Mapping[str, OptionField]) -> None:
    """A choice that nobody can make would be found out by who wanted to make it."""
    for spec in specs:
        for choice in getattr(spec, "choices", ()):
            for name, value in ((choice.option, choice.value), *choice.with_options):
                if name not in options:
                    raise ValueError(f"{spec.name}: a choice is of the option {name!r}, which the plugin does not have")
                where = f"{spec.name}: a choice of the option {name}"
                held = options[name].read(value, where)
                if not says(held, value):
                    raise ValueError(f"{where} is of {value!r}, and the option holds {held!r}: no options would ever say it")


def _check_added(specs: Iterable[Any], options: Mapping[str, OptionField]) -> None:
    """A step that an option adds is added by one that says yes or no."""
    for spec in specs:
        name = getattr(spec, "added_by", "")
        if name and (name not in options or options[name].kind is not bool):
            raise ValueError(f"{spec.name}: added_by is {name!r}, which is no yes-or-no option of the plugin")


def _check_beside(specs: Iterable[Any]) -> None:
    """What a sidecar or a finisher makes is seen by no screener: under such a name it would be opened as if it were."""
    for spec in specs:
        if getattr(spec, "role", "writer") == "writer":
            continue
        for suffix in spec.suffixes:
            if Path(f"x{suffix}").suffix in SHOWN_SUFFIXES:
                raise ValueError(
                    f"{spec.name}: a {spec.role} may put no picture, clip or page beside an output, which no screener would "
                    f"have seen; {suffix} is the suffix of one"
                )


def _network(specs: Iterable[Any], options: Mapping[str, OptionField]) -> bool | str:
    """Whether anything of a plugin uses the network; the flags without which nothing does."""
    flags: list[str] = []
    for spec in specs:
        if spec.network is True:
            return True
        if spec.network:
            if spec.network not in options:
                raise ValueError(f"{spec.name}: network is {spec.network!r}, which is no option of the plugin")
            flags.append(options[spec.network].flag)
    return ", ".join(dict.fromkeys(flags)) or False


def _stored(read: _Read) -> Iterator[tuple[str, str, str, str]]:
    """Kind, file in the model store, name and hash of all that may be fetched; case does not tell files apart everywhere."""
    for _, declared in read.specs:
        for model in models_of(declared.spec):
            if not model.embedded:
                yield "model", model.file.lower(), model.name, model.sha256
            if model.pack is not None:
                yield "pack", f"{model.pack.name}.zip".lower(), model.pack.name, model.pack.sha256


def _names(hook: str, spec: Any) -> tuple[str, ...]:
    """What a declaration takes for itself among its kind: a scheme or a suffix has one owner too."""
    if hook == "roop_sources":
        return (spec.name, *(f"{scheme}:" for scheme in spec.schemes))
    if hook == "roop_exporters" and spec.role == "writer":
        return (spec.name, *spec.suffixes)
    return (spec.name,)


def _same(module: Any) -> Any:
    return module
