"""Plugins and what they bring: screeners and models."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host.doctor.check import Check, note, ok, problem, reason
from roop_host.doctor.installed import owners
from roop_host.errors import ModelError, PluginError, ScreeningError
from roop_host.plugins.found import Plugins
from roop_host.plugins.status import PluginStatus
from roop_host.plugins.wanted import Wanted, wanted_models
from roop_host.types.models import ModelSpec, megabytes
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.models.store import Store

_SLOW_S = 0.2
#: The distributions of the screeners that roop ships.
_OURS = frozenset({"roop-nsfw"})


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
    from roop_host.gate import REQUIRED, effective_limit, require_cover

    for declared in plugins.screeners.values():
        covers, limit = ", ".join(sorted(declared.spec.covers)), effective_limit(declared.spec.threshold)
        says = f"{declared.plugin.describe()} looks at every picture for {covers}, and stops a job from {limit:.2f} on"
        yield ok("Screening", declared.spec.name, says)
    able = [declared.plugin for declared in plugins.screeners.values() if REQUIRED in declared.spec.covers]
    if able and not any(plugin.distribution in _OURS for plugin in able):
        names = " and ".join(plugin.describe() for plugin in able)
        says = f"nudity is looked for by {names} alone, and by no screener that roop ships: what that lets through is made"
        yield note("Screening", "whose", says, pip("install", "roop-nsfw"))
    try:
        require_cover([declared.spec.covers for declared in plugins.screeners.values()])
    except ScreeningError as error:
        yield problem("Screening", "cover", str(error), pip("install", "roop-nsfw"), error.exit_code)


def models(plugins: Plugins) -> Iterator[Check]:
    """Every model of every plugin that is here, each read and hashed once, those that can be fetched, and the store."""
    from roop_host.models.store import Store

    store, wanted = Store(), wanted_models(plugins)
    for one in wanted:
        if one.model.embedded or store.state(one.model) != "missing":
            yield _model(store, one)
        elif not all(use.half for use in one.uses):  # the full one stands for its half
            says = f"is not here, {megabytes(one.model.size)}, licence {one.model.licence}; for {one.label}"
            yield note("Models", one.model.name, says, f"roop models pull {one.model.name}")
    if any(not one.model.embedded for one in wanted):
        yield _store(store)


def _usable(plugins: Plugins, status: PluginStatus) -> Check:
    declares = [*status.declares, *(["observer of finished jobs"] if status.name in plugins.observers else [])]
    says = f"{status.describe()}: {', '.join(declares) or 'declares nothing'}"
    says += "; uses the network" if status.network else ""
    says += f" only with {status.network}" if isinstance(status.network, str) else ""
    lacks = [why for why in map(_why_missing, status.rests_on) if why]
    if lacks:
        return note("Plugins", status.name, f"{says}; it can't do its work: {', '.join(lacks)}", status.reinstall())
    if status.seconds <= _SLOW_S:
        return ok("Plugins", status.name, says)
    slow = f"importing it took {status.seconds:.1f} s, at every command; its heavy imports belong into load()"
    return note("Plugins", status.name, f"{says}; {slow}")


def _why_missing(module: str) -> str:
    """Why a module can't be imported: it is not here, or the library within it is for another machine."""
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001  (its own loader of a native library may raise anything)
        return f"{module} can't be imported ({reason(error)})"
    return ""


def _store(store: Store) -> Check:
    from roop_host.models.places import free_bytes

    free = free_bytes(store.root)
    room = "" if free is None else f", {free / 1e9:.1f} GB free"
    place = next(folder for folder in (store.root, *store.root.parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        says = f"{store.root} can't be written, so no model can be fetched; name another folder by ROOP_MODELS"
        return note("Models", "store", says)
    return ok("Models", "store", f"{store.root}{room}")


def _model(store: Store, wanted: Wanted) -> Check:
    model, plugin = wanted.model, wanted.uses[0].declared.plugin
    try:
        store.verify(model)
    except ModelError as error:
        repair = _brought_again(store, model, plugin) if model.embedded else _pulled_again(store, model)
        return problem("Models", model.name, str(error), repair, error.exit_code)
    return ok("Models", model.name, f"verified, {megabytes(model.size)}, licence {model.licence}; for {wanted.label}")


def _pulled_again(store: Store, model: ModelSpec) -> str:
    """Only where that is all: a file of the user's must be moved away first, as the row says."""
    return f"roop models pull {model.name}" if store.is_own(model) else ""


def _brought_again(store: Store, model: ModelSpec, plugin: PluginStatus) -> str:
    """The command that brings the file anew: it may lie in a package of weights that the plugin depends on."""
    if plugin.editable or not plugin.installed:  # then it lies in its author's own folder
        return ""
    try:
        path = store.path(model)
    except ModelError:
        return plugin.reinstall()
    tops = {path.relative_to(entry).parts[0] for entry in map(Path, sys.path) if path.is_relative_to(entry)}
    for name in chain.from_iterable(owners(tops).values()):
        wanted = plugin.requirement() if name == plugin.distribution else f"{name}=={metadata.version(name)}"
        return pip("install", "--force-reinstall", "--no-deps", wanted)
    return plugin.reinstall()
