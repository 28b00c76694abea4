"""Plugins and what they bring: screeners and models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

from roop_host.doctor.check import Check, note, ok, problem, reason
from roop_host.doctor.installed import owners
from roop_host.errors import ModelError, PluginError, ScreeningError
from roop_host.plugins.found import Plugins
from roop_host.plugins.status import Declared, PluginStatus
from roop_host.types.models import ModelSpec
from roop_host.types.packages import pip

_SLOW_S = 0.2


def plugins_found(plugins: Plugins) -> Iterator[Check]:
    """Every plugin, usable or not."""
    for status in plugins.statuses:
        if not status.usable:
            without = f"run without it: roop -p no:{status.name} run ..." if status.installed else "leave it out"
            says = f"{status.describe()} is {status.state}: {status.reason}; repair it, or {without}"
            yield problem("Plugins", status.name, says, status.repair, PluginError.exit_code)
        elif status.state == "off":
            yield note("Plugins", status.name, f"{status.describe()} is switched off")
        else:
            yield _usable(plugins, status)
    if not plugins.statuses:
        yield note(
            "Plugins",
            "none",
            "no plugin is installed, so there is nothing to run",
            pip("install", "roop-swapper", "roop-nsfw"),
        )


def screening(plugins: Plugins) -> Iterator[Check]:
    """Who would look at every picture, and whether that is enough."""
    from roop_host.gate import effective_limit, require_cover

    for declared in plugins.screeners.values():
        covers, limit = ", ".join(sorted(declared.spec.covers)), effective_limit(declared.spec.threshold)
        says = f"{declared.plugin.describe()} looks at every picture for {covers}, and stops a job from {limit:.2f} on"
        yield ok("Screening", declared.spec.name, says)
    try:
        require_cover([declared.spec.covers for declared in plugins.screeners.values()])
    except ScreeningError as error:
        yield problem("Screening", "cover", str(error), pip("install", "roop-nsfw"), error.exit_code)


def models(plugins: Plugins) -> Iterator[Check]:
    """Every model of every plugin, each read and hashed once."""
    users: dict[tuple[str, str], list[tuple[ModelSpec, Declared[Any]]]] = {}
    for table in plugins.declared.values():
        for declared in table.values():
            for model in getattr(declared.spec, "models", ()):
                users.setdefault((model.name, model.sha256), []).append((model, declared))
    for uses in users.values():
        model, declared = uses[0]
        yield _model(model, declared.plugin, ", ".join(dict.fromkeys(user.label for _, user in uses)))


def _usable(plugins: Plugins, status: PluginStatus) -> Check:
    declares = [*status.declares, *(["observer of finished jobs"] if status.name in plugins.observers else [])]
    says = f"{status.describe()}: {', '.join(declares) or 'declares nothing'}"
    says += "; uses the network" if status.network else ""
    if status.seconds <= _SLOW_S:
        return ok("Plugins", status.name, says)
    slow = f"importing it took {status.seconds:.1f} s, at every command; its heavy imports belong into load()"
    return note("Plugins", status.name, f"{says}; {slow}")


def _model(model: ModelSpec, plugin: PluginStatus, users: str) -> Check:
    from roop_host.models.store import Store

    try:
        Store().read(model)
    except ModelError as error:
        return problem("Models", model.name, str(error), _brought_again(model, plugin), error.exit_code)
    except Exception as error:  # noqa: BLE001  (where it lies is said by the plugin's own code)
        says = f"{plugin.describe()} can't say where it lies ({reason(error)}); install the plugin again"
        return problem("Models", model.name, says, plugin.reinstall(), PluginError.exit_code)
    return ok("Models", model.name, f"verified, {model.size / 1e6:.1f} MB, licence {model.licence}; for {users}")


def _brought_again(model: ModelSpec, plugin: PluginStatus) -> str:
    """The command that brings the file anew: it may lie in a package of weights that the plugin depends on."""
    if plugin.editable or not plugin.installed:  # then it lies in its author's own folder
        return ""
    from roop_host.models.store import Store

    try:
        path = Store().path(model)
    except OSError:
        return plugin.reinstall()
    tops = {path.relative_to(entry).parts[0] for entry in map(Path, sys.path) if path.is_relative_to(entry)}
    for name in chain.from_iterable(owners(tops).values()):
        wanted = plugin.requirement() if name == plugin.distribution else f"{name}=={metadata.version(name)}"
        return pip("install", "--force-reinstall", "--no-deps", wanted)
    return plugin.reinstall()
