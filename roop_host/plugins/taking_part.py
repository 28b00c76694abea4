"""Which plugins take part in a job, by its names, target and output."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.errors import UsageError
from roop_host.plugins.names import HOST_SUFFIXES
from roop_host.types.packages import pip
from roop_host.types.specs import ExporterSpec, SourceSpec, UploaderSpec

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins
    from roop_host.plugins.status import Declared
    from roop_host.types.job import Job


def scheme_of(target: str) -> str | None:
    """``camera`` of ``camera:0``; None for a file, which goes before a scheme of its name."""
    found = re.match(r"[a-z][a-z0-9+.-]+(?=:)", target, re.IGNORECASE)  # one letter is a drive
    return None if found is None or os.path.lexists(target) else found[0].lower()


def source_of(plugins: Plugins, target: str) -> Declared[SourceSpec] | None:
    """The plugin that opens a target that is no file."""
    scheme = scheme_of(target)
    return next((one for one in plugins.sources.values() if scheme in one.spec.schemes), None)


def writer_suffix(output: Path, writer: Declared[ExporterSpec]) -> str:
    """The longest suffix of the writer's that the output's name ends in; "" where there is none."""
    name = output.name.lower()
    fitting = [suffix for suffix in writer.spec.suffixes if name.endswith(suffix) and name != suffix]
    return max(fitting, key=len, default="")


def writer_of(plugins: Plugins, output: Path) -> Declared[ExporterSpec] | None:
    """The plugin that writes an output whose suffix the host does not know."""
    if output.suffix.lower() in HOST_SUFFIXES:
        return None
    able = [one for one in plugins.exporters.values() if one.spec.role == "writer" and writer_suffix(output, one)]
    return max(able, key=lambda one: len(writer_suffix(output, one)), default=None)


def uploaders_of(plugins: Plugins, names: Sequence[str]) -> tuple[Declared[UploaderSpec], ...]:
    """The uploaders of these names. Raises ``UsageError`` for one that is unknown or named twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"the uploader {twice} is named twice; name it once")
    return tuple(plugins.named("roop_uploaders", name) for name in names)


def destinations(plugins: Plugins, names: Sequence[str]) -> tuple[Declared[UploaderSpec], ...]:
    """The same, where at least one must be named."""
    if not names:
        there = ", ".join(sorted(plugins.uploaders))
        where = f"say where with --to (installed: {there})" if there else f"install one: {pip('install', 'roop-supabase')}"
        raise UsageError(f"no uploader was named; {where}")
    return uploaders_of(plugins, names)


def beside_steps(job: Job, plugins: Plugins) -> dict[str, Declared[Any]]:
    """By plugin's name, a declaration of each that takes part in a job beside its steps."""
    exporters = plugins.exporters.values()
    found: list[Declared[Any] | None] = [*plugins.screeners.values(), *plugins.analysers.values()]
    found += [one for one in plugins.processors.values() if one.spec.added_by]  # its options decide whether it does
    found += [one for one in exporters if one.spec.role == "finisher" or one.spec.name in job.exports]
    found += [one for name, one in plugins.uploaders.items() if name in job.uploads]
    found += [writer_of(plugins, Path(job.output)), source_of(plugins, job.target)]
    return {one.plugin.name: one for one in found if one is not None}
