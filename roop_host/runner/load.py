"""Names to objects: everything that takes part in a job is set up before its first frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from roop_host import gate
from roop_host.errors import PluginError, RoopError, ScreenerFailed
from roop_host.gate.known import Known
from roop_host.runner.state import Part, Run
from roop_host.types.options import resolve

if TYPE_CHECKING:
    from roop_host.plugins.status import Declared
    from roop_host.runner.resolve import Names
    from roop_host.types.specs import ScreenerSpec, UploaderSpec


def load(run: Run, names: Names) -> None:
    """Screeners first: without them nothing else is worth loading. Then what is cheap to fail before what is heavy."""
    run.before = _watchers(run, 0)
    run.after = _watchers(run, 1, tuple(watcher.known for watcher in run.before))
    load_uploaders(run, names.uploaders)
    run.source = _part(run, "source", names.source) if names.source is not None else None
    run.analyser = _part(run, "analyser", names.analyser) if names.analyser is not None else None
    turns: dict[tuple[str, str], int] = {}
    steps: list[Part[Any]] = []
    for step, declared in names.steps:
        key = (step.name, repr(sorted(step.options.items())))
        turn = turns[key] = turns.get(key, -1) + 1
        steps.append(_part(run, "processor", declared, step.options, turn))
    run.steps = tuple(steps)
    run.writer = _part(run, "writer", names.writer) if names.writer is not None else None
    run.sidecars = tuple(_part(run, "sidecar", declared) for declared in names.sidecars)
    run.finishers = tuple(_part(run, "finisher", declared) for declared in names.finishers)


def load_uploaders(run: Run, uploaders: Sequence[Declared[UploaderSpec]]) -> None:
    """These alone."""
    run.uploaders = tuple(_part(run, "uploader", declared) for declared in uploaders)


def _part(
    run: Run,
    kind: str,
    declared: Declared[Any],
    more: Mapping[str, Any] | None = None,
    turn: int = 0,
    failure: type[RoopError] = PluginError,
) -> Part[Any]:
    """The object with the options of its plugin and ``more``, noted among those that take part."""
    values = {**run.job.plugin_options.get(declared.plugin.name, {}), **(more or {})}
    item = run.host.object(kind, declared, values, run.job, turn)
    part: Part[Any] = Part(kind, declared, item, run.host.stop, failure, values)
    run.parts.append(part)
    return part


def _watchers(run: Run, place: int, known: Sequence[Known] = ()) -> tuple[gate.Watcher, ...]:
    """Every screener, for one place of the stream. ``known`` is what those of another place have looked at."""
    watchers = []
    adaptive = run.job.screen == "adaptive"
    for number, declared in enumerate(run.host.plugins.screeners.values()):
        spec = declared.spec
        screener = _part(run, "screener", declared, turn=place, failure=ScreenerFailed).item
        limit = gate.effective_limit(run.job.screen_limit, spec.threshold, _own_limit(run, declared))
        shared = known[number] if known else Known()
        watchers.append(gate.Watcher(spec.name, declared.label, screener, limit, spec.batch_size, adaptive, shared))
    return tuple(watchers)


def _own_limit(run: Run, declared: Declared[ScreenerSpec]) -> float:
    """The option that a screener names as its limit, where there is one and it says a number, tightens too."""
    values = dict(run.job.plugin_options.get(declared.plugin.name, {}))
    options = resolve(declared.plugin.name, declared.options_class, values)
    limit = getattr(options, declared.spec.limit_option, None)
    return gate.HIGHEST_LIMIT if isinstance(limit, bool) or not isinstance(limit, (int, float)) else float(limit)
