"""The job that flags, variables, files or a job file make."""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.config.fields import PROCESSORS, host_fields, plugin_fields
from roop_host.config.layers import Layers
from roop_host.errors import InputError, UsageError
from roop_host.plugins.taking_part import beside_steps, destinations
from roop_host.types.job import Job, OptionValue, Step
from roop_host.types.options import OptionField, plain

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

_Options = dict[str, dict[str, OptionValue]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a door was asked for: files, what was said of options, and the job file that it begins with."""

    layers: Layers
    sources: tuple[str, ...] = ()
    target: str | None = None
    output: str | None = None
    base: Job | None = None
    references: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


def make_job(plugins: Plugins, request: Request) -> Job:
    """The job. Raises ``UsageError`` for what can't be, also for a flag of a plugin that the job does not use."""
    job = _begin(request)
    job = _with_host_options(job, request.layers)
    job = _with_plugin_options(job, plugins, request.layers, set(beside_steps(job, plugins)))
    _refuse_without_step(job, plugins, request.layers)
    return job


def make_look(plugins: Plugins, layers: Layers, target: str, sources: tuple[str, ...], likes: tuple[str, ...]) -> Job:
    """A job without steps: its target, sources and references are only looked at. Raises ``UsageError``."""
    job = _with_host_options(Job(sources, target, "faces.png", (), likes), layers)
    return _with_plugin_options(job, plugins, layers, set(beside_steps(job, plugins)))


def make_sending(plugins: Plugins, layers: Layers, files: tuple[str, ...], to: tuple[str, ...]) -> Job:
    """A job without steps whose outputs exist: it says how they are sent, and where. Raises ``UsageError``."""
    owners = {declared.plugin.name for declared in destinations(plugins, to)}
    job = _with_host_options(Job((), files[0], files[0], (), uploads=to), layers)
    return _with_plugin_options(job, plugins, layers, owners)


def read_job(path: Path) -> Job:
    """A job file: the JSON of ``Job.to_json``, also as it stands in a report. Raises ``InputError``."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the job file {path} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the job file {path} is not JSON ({error}); repair it") from error
    if isinstance(data, dict) and "exit_code" in data and isinstance(data.get("job"), dict):
        data = data["job"]  # a whole report was given
    try:
        if not isinstance(data, dict):
            raise ValueError("this is not a job but a list or a single value")
        return Job.from_json(data)
    except ValueError as error:
        raise InputError(f"the job file {path}: {error}; repair it") from error


def _begin(request: Request) -> Job:
    base = request.base
    if base is not None:
        if PROCESSORS.flag in request.layers.given:
            raise UsageError("the job file says which processors run; leave out --processors or --job")
        target, output = request.target or base.target, request.output or base.output
        named = {name: getattr(request, name) or getattr(base, name) for name in ("sources", "references", "pairs")}
        return replace(base, **named, target=target, output=output)
    for flag, value in (("--target", request.target), ("--output", request.output)):
        if not value:
            raise UsageError(f"{flag} is missing; a run needs a target to change and an output, see roop run --help")
    said = request.layers.settle(PROCESSORS)
    names = PROCESSORS.default if said is None else said.value
    steps = tuple(map(Step, names))
    files = (request.sources, request.target or "", request.output or "")
    return Job(*files, steps, request.references, request.pairs)


def _with_host_options(job: Job, layers: Layers) -> Job:
    changed: dict[str, dict[str, Any]] = {}
    for option in host_fields():
        said = None if option is PROCESSORS else layers.settle(option)
        if said is not None:
            held = getattr(job, option.group) if option.group else job
            changed.setdefault(option.group, {})[option.name] = _settled(option, said.value, getattr(held, option.name))
    own = changed.pop("", {})
    return replace(job, **own, **{group: replace(getattr(job, group), **values) for group, values in changed.items()})


def _settled(option: OptionField, said: Any, held: Any) -> Any:
    """What was said goes over what a job file holds, unless it would loosen a limit."""
    return min(said, held) if option.is_limit and isinstance(held, (int, float)) else said


def _with_plugin_options(job: Job, plugins: Plugins, layers: Layers, beside: Set[str]) -> Job:
    """``beside`` are the plugins that take part beside the job's steps."""
    owners = [plugins.processor(step.name).plugin.name for step in job.steps]
    used = beside | set(owners)  # a variable set for good must not stop jobs that have no use for it
    options: _Options = {}
    for option in plugin_fields(plugins):
        if option.owner not in used:
            _refuse_unused(option, layers)
            continue
        said = layers.settle(option)
        if said is not None:
            held = job.plugin_options.get(option.owner, {}).get(option.name)
            options.setdefault(option.owner, {})[option.name] = plain(_settled(option, said.value, held))
    steps = tuple(
        replace(step, options={**step.options, **options.get(owner, {})})
        for step, owner in zip(job.steps, owners, strict=True)
    )
    kept = {name: dict(values) for name, values in job.plugin_options.items()}
    for name in sorted(beside & set(options)):
        kept[name] = {**kept.get(name, {}), **options[name]}
    return replace(job, steps=steps, plugin_options=kept)


def _refuse_unused(option: OptionField, layers: Layers) -> None:
    if option.flag in layers.given:
        raise UsageError(f"{option.flag} belongs to the plugin {option.owner}, which no step of this job uses; leave it out")


def _refuse_without_step(job: Job, plugins: Plugins, layers: Layers) -> None:
    """Raise ``UsageError`` for a flag that says how a step is, such as a label, where nothing says that it is added.

    A file and a variable may say so for the day when it is: whoever says it with a run believes that it is now.
    """
    named = {step.name for step in job.steps}
    for name, declared in plugins.processors.items():
        adding, owner = declared.spec.added_by, declared.plugin.name
        if not adding or name in named:
            continue
        fields = {option.name: option for option in plugins.options.get(owner, ())}
        said = [one.flag for one in fields.values() if one.name.startswith(f"{adding}_") and one.flag in layers.given]
        if said and not job.plugin_options.get(owner, {}).get(adding, fields[adding].default):
            raise UsageError(f"{said[0]} does nothing without {fields[adding].flag}; say that too, or leave {said[0]} out")
