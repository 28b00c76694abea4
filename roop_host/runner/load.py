"""Names to objects: screeners, analyser and steps of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from roop_host import gate
from roop_host.errors import UsageError
from roop_host.runner.state import LoadedStep, Run
from roop_host.types.options import closest, resolve

if TYPE_CHECKING:
    from roop_host.plugins.status import Declared
    from roop_host.types.objects import Analyser, Screener
    from roop_host.types.specs import AnalyserSpec, ScreenerSpec


def load(run: Run) -> None:
    """Names to objects. Screeners first: without them nothing else is worth loading."""
    job, host = run.job, run.host
    plugins = host.plugins
    installed = [status.name for status in plugins.statuses]
    for name in job.plugin_options:
        if name not in installed:
            raise UsageError(
                f"there are options for a plugin {name!r}, and none of that name is installed{closest(name, installed)}"
            )
    # A file for quick use may look as well, but the screener that must be there is one that was installed.
    gate.require_cover([one.spec.covers for one in plugins.screeners.values() if one.plugin.installed])
    chain = [(step, plugins.processor(step.name)) for step in job.steps]
    places: list[tuple[gate.Watcher, ...]] = []
    for place in (0, 1):
        watchers = []
        for declared in plugins.screeners.values():
            values = dict(job.plugin_options.get(declared.plugin.name, {}))
            screener: Screener = host.object("screener", declared, values, job, place)
            limit = gate.effective_limit(job.screen_limit, declared.spec.threshold, _own_limit(declared, values))
            spec = declared.spec
            watchers.append(gate.Watcher(spec.name, declared.label, screener, limit, spec.batch_size))
        places.append(tuple(watchers))
    run.before, run.after = places
    if any(declared.spec.needs_faces or declared.spec.needs_source for _, declared in chain):
        run.analyser = _load_analyser(run)
    turns: dict[tuple[str, str], int] = {}
    steps = []
    for step, processor in chain:
        key = (step.name, repr(sorted(step.options.items())))
        turn = turns[key] = turns.get(key, -1) + 1
        values = {**job.plugin_options.get(processor.plugin.name, {}), **step.options}
        steps.append(LoadedStep(processor, host.object("processor", processor, values, job, turn)))
    run.steps = tuple(steps)


def _own_limit(declared: Declared[ScreenerSpec], values: Mapping[str, Any]) -> float:
    """A screener plugin's option ``threshold``, where it has one, tightens too."""
    value = getattr(resolve(declared.plugin.name, declared.options_class, values), "threshold", gate.HIGHEST_LIMIT)
    return float(value)


def _load_analyser(run: Run) -> tuple[Declared[AnalyserSpec], Analyser]:
    found = run.host.plugins.analysers
    if not found:
        raise UsageError("a step needs faces, but no analyser is installed; install one: pip install roop-vision")
    if len(found) > 1:
        names = ", ".join(declared.label for declared in found.values())
        raise UsageError(f"{len(found)} analysers are installed ({names}); switch off all but one with -p no:NAME")
    declared = next(iter(found.values()))
    values = dict(run.job.plugin_options.get(declared.plugin.name, {}))
    analyser: Analyser = run.host.object("analyser", declared, values, run.job)
    return declared, analyser
