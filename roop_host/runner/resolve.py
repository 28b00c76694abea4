"""What a job names, found among the plugins: before anything is loaded, and before any file is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roop_host import gate
from roop_host.errors import InputError, ScreenerFailed, UsageError
from roop_host.media.kinds import SUFFIXES, suffix_of
from roop_host.plugins.found import Plugins
from roop_host.plugins.status import Declared
from roop_host.plugins.taking_part import beside_steps, scheme_of, source_of, uploaders_of, writer_of
from roop_host.types.job import Job, Step
from roop_host.types.options import closest, resolve
from roop_host.types.packages import pip
from roop_host.types.specs import AnalyserSpec, ExporterSpec, ProcessorSpec, SourceSpec, UploaderSpec


@dataclass(frozen=True, slots=True)
class Names:
    """The declarations behind a job's names. ``writer`` is None where the host itself writes the output."""

    steps: tuple[tuple[Step, Declared[ProcessorSpec]], ...]
    analyser: Declared[AnalyserSpec] | None
    source: Declared[SourceSpec] | None
    writer: Declared[ExporterSpec] | None
    sidecars: tuple[Declared[ExporterSpec], ...]
    finishers: tuple[Declared[ExporterSpec], ...]
    uploaders: tuple[Declared[UploaderSpec], ...]


def resolve_names(job: Job, plugins: Plugins) -> Names:
    """Raises ``UsageError`` for what nobody is called, ``InputError`` for a target that nobody can open."""
    if not job.steps:
        raise UsageError("no processor was named; name at least one, for example --processors swapper")
    writer = _writer(plugins, Path(job.output), job.target)
    _check_options(job, plugins)
    _require_cover(plugins)
    steps = tuple((step, plugins.processor(step.name)) for step in job.steps)
    with_faces = any(declared.spec.needs_faces or declared.spec.needs_source for _, declared in steps)
    source = _source(plugins, job.target)
    if writer is not None and job.uploads:
        raise UsageError(
            f"an output in {Path(job.output).suffix} cannot hold the mark that says that it is synthetic, so it is not "
            "uploaded; leave out --upload, or name an output of another kind"
        )
    if source is not None and job.execution.resumable:
        raise UsageError(f"a stream such as {job.target} can't be asked for again; leave --resumable out")
    return Names(
        steps=steps,
        analyser=_analyser(plugins) if with_faces else None,
        source=source,
        writer=writer,
        sidecars=tuple(_sidecar(plugins, name) for name in job.exports),
        finishers=tuple(declared for declared in plugins.exporters.values() if declared.spec.role == "finisher"),
        uploaders=uploaders_of(plugins, job.uploads),
    )


def resolve_lookers(job: Job, plugins: Plugins) -> Names:
    """Of a job without steps: who screens and who finds faces. Raises ``UsageError``, ``ScreenerFailed``."""
    if source_of(plugins, job.target) is not None:
        raise UsageError(f"a stream such as {job.target} is not looked at before a run; take a file")
    _check_options(job, plugins)
    _require_cover(plugins)
    return Names((), _analyser(plugins), None, None, (), (), ())


def _require_cover(plugins: Plugins) -> None:
    # A file for quick use may look as well, but the screener that must be there is one that was installed.
    try:
        gate.require_cover([one.spec.covers for one in plugins.screeners.values() if one.plugin.installed])
    except ScreenerFailed as error:
        off = ", ".join(status.name for status in plugins.statuses if status.state == "off")
        if not off:
            raise
        raise ScreenerFailed(f"{error} (switched off: {off})") from error


def _check_options(job: Job, plugins: Plugins) -> None:
    steps = [(step, plugins.processor(step.name)) for step in job.steps]
    used = {declared.plugin.name for _, declared in steps}
    check_plugin_options(job, plugins, beside_steps(job, plugins), used)
    for step, declared in steps:
        name = declared.plugin.name
        resolve(name, declared.options_class, {**job.plugin_options.get(name, {}), **step.options})


def check_plugin_options(
    job: Job, plugins: Plugins, beside: Mapping[str, Declared[Any]], used: Collection[str] = frozenset()
) -> None:
    """Options that do nothing are refused, whichever door they came through, and those that do not fit before any work.

    By plugin's name ``beside`` take part beside the job's steps, and ``used`` make these.
    """
    installed = [status.name for status in plugins.statuses]
    for name, values in job.plugin_options.items():
        if name in beside:
            resolve(name, beside[name].options_class, values)
        elif name in used:
            continue  # the options of its steps complete these
        elif name in installed:
            raise UsageError(f"there are options for the plugin {name}, which takes no part in this job; leave them out")
        else:
            raise UsageError(
                f"there are options for a plugin {name!r}, and none of that name is installed{closest(name, installed)}"
            )


def _analyser(plugins: Plugins) -> Declared[AnalyserSpec]:
    found = plugins.analysers
    if not found:
        raise UsageError(f"a step needs faces, but no analyser is installed; install one: {pip('install', 'roop-vision')}")
    if len(found) > 1:
        names = ", ".join(declared.label for declared in found.values())
        raise UsageError(f"{len(found)} analysers are installed ({names}); switch off all but one with -p no:NAME")
    return next(iter(found.values()))


def _writer(plugins: Plugins, output: Path, target: str) -> Declared[ExporterSpec] | None:
    writer = writer_of(plugins, output)
    if writer is None and suffix_of(output) is None and not Path(target).is_dir():
        declared = [one for one in plugins.exporters.values() if one.spec.role == "writer"]
        known = [*SUFFIXES, *(suffix for one in declared for suffix in one.spec.suffixes)]
        raise UsageError(f"the output {output} ends in {output.suffix or 'no suffix'}; known are {', '.join(known)}")
    return writer


def _sidecar(plugins: Plugins, name: str) -> Declared[ExporterSpec]:
    found: Declared[ExporterSpec] = plugins.named("roop_exporters", name)
    if found.spec.role != "sidecar":
        when = {"writer": f"for an output in {', '.join(found.spec.suffixes)}", "finisher": "on every output"}
        raise UsageError(f"the exporter {found.label} works by itself {when[found.spec.role]}; leave it out of --export")
    return found


def _source(plugins: Plugins, target: str) -> Declared[SourceSpec] | None:
    scheme, source = scheme_of(target), source_of(plugins, target)
    if scheme is not None and source is None:
        schemes = sorted(f"{name}:" for declared in plugins.sources.values() for name in declared.spec.schemes)
        raise InputError(
            f"the target {target} is no file, and no installed plugin opens {scheme}: (what can be opened: "
            f"{', '.join(schemes) or 'none'}); check the path or install one that does"
        )
    return source
