"""Where plugins come from: one scan of entry points, and single files for quick use."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from roop_host.errors import UsageError
from roop_host.hookspecs import PROJECT
from roop_host.plugins.names import bare
from roop_host.plugins.status import PluginStatus
from roop_host.types.options import closest

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that was found and not yet imported. ``load`` imports its ``module`` and returns it."""

    status: PluginStatus
    load: Callable[[], Any]
    module: str = ""


def installed() -> list[Found]:
    """Every entry point of the group, sorted by name, so that the order is the same on every machine."""
    import importlib_metadata

    points = importlib_metadata.entry_points(group=PROJECT)
    found = [Found(_status(point), partial(_load, point), point.module) for point in points]
    return sorted(found, key=lambda one: (one.status.name, one.status.distribution, one.status.version))


def host_status() -> PluginStatus:
    """What is known of roop itself, told as of a plugin."""
    import importlib_metadata

    dist = importlib_metadata.distribution("roop-host")
    where, editable = _origin(dist)
    return PluginStatus("roop", "roop-host", dist.version, where=where, editable=editable)


def single_file(path: Path) -> Found:
    """A plugin that is one file: its name is the file's. Raises ``UsageError`` for a file that can't be one."""
    name = path.stem
    if path.suffix != ".py" or not name.isidentifier() or name != name.lower():
        raise UsageError(f"--plugin {path}: a plugin file is named like my_filter.py, in lower-case letters, digits and _")
    try:
        code = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--plugin {path} cannot be read ({error.strerror}); check the path") from error
    # The version is that of the content: a changed file must not continue what the old one began.
    version = hashlib.sha256(code).hexdigest()[:12]
    status = PluginStatus(name, path.name, version, where=str(path), installed=False)
    return Found(status, lambda: _execute(name, path, code))


def switched_off(asked: Iterable[str], known: Sequence[str]) -> frozenset[str]:
    """The plugins that ``-p no:`` and the variable name, without their prefix. Raises ``UsageError`` for an unknown one."""
    variable = os.environ.get("ROOP_DISABLE_PLUGINS", "")
    by = dict.fromkeys(filter(None, map(str.strip, variable.split(","))), "ROOP_DISABLE_PLUGINS")
    by |= dict.fromkeys(asked, "-p no:NAME")
    names = {bare(name) for name in known}
    for name, where in sorted(by.items()):
        if bare(name) not in names:
            there = ", ".join(known) or "none"
            raise UsageError(
                f"{where}: no plugin is called {name!r}, so it can't be switched off{closest(bare(name), known)} "
                f"(installed: {there})"
            )
    return frozenset(map(bare, by))


def _execute(name: str, path: Path, code: bytes) -> ModuleType:
    """The very bytes that were read, without leaving a cache beside a file that may lie anywhere."""
    module = ModuleType(f"roop_file_{name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # type hints of its classes are looked up there
    exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def _load(point: EntryPoint) -> Any:
    """The module, if it is the distribution's own: one of that name elsewhere on the path would act under its name.

    Of an editable one the finder decides, which is its author's.
    """
    dist, name = point.dist, point.module.partition(".")[0]
    known = sys.modules.get(name)
    spec = PathFinder.find_spec(name) if known is None else known.__spec__
    if dist is None or spec is None or _origin(dist)[1]:
        return point.load()
    places = [Path(place) for place in (spec.submodule_search_locations or [spec.origin or ""])]
    home = Path(str(dist.locate_file(""))).resolve()
    # An installer may put links there, to files in its cache.
    if not any(place.parent.resolve() == home or place.resolve().is_relative_to(home) for place in places):
        reason = f"its module {name} would come from {places[0]}, and it lies in {home}; take away what stands in its place"
        raise ImportError(reason, name=name)
    return point.load()


def _status(point: EntryPoint) -> PluginStatus:
    if point.dist is None:
        return PluginStatus(point.name, "unknown", "?")
    # Parsed at each access, and a package's long description stands in it too.
    metadata = point.dist.metadata
    where, editable = _origin(point.dist)
    return PluginStatus(
        point.name, metadata["Name"] or "unknown", metadata["Version"] or "?", where=where, editable=editable
    )


def _origin(dist: Any) -> tuple[str, bool]:
    """The address it was installed from (PEP 610), else the folder it lies in; and whether it is editable."""
    origin = dist.origin
    if origin is None:
        return str(dist.locate_file("")), False
    info = getattr(origin, "dir_info", None)
    vcs = getattr(origin, "vcs_info", None)
    where = f"{vcs.vcs}+{origin.url}@{vcs.commit_id}" if vcs else str(origin.url)
    return where, bool(getattr(info, "editable", False))
