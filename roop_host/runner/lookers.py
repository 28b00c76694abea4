"""Who finds faces when nothing is changed, and in which pictures: what ``roop faces`` asks of a host."""

from __future__ import annotations

from dataclasses import replace

from roop_host.errors import UsageError
from roop_host.host import Question
from roop_host.plugins.status import Declared
from roop_host.runner.resolve import Names, resolve_lookers
from roop_host.runner.state import Run
from roop_host.types.models import Choice
from roop_host.types.options import resolve
from roop_host.types.specs import AnalyserSpec

_EMBEDDING = "embedding"
#: Of a job that changes nothing, before its analyser is known.
NOBODY = Names((), None, None, None, (), (), ())


def lookers(run: Run, *, compare: str = "") -> Names:
    """The names of a job without steps, its analyser one that tells people apart where that is at hand.

    ``compare`` is what can't be done without, in words: a person may be asked then for a recogniser that is not here.
    Raises ``UsageError`` where it must be and can't be.
    """
    names = resolve_lookers(run.job, run.host.plugins)
    assert names.analyser is not None
    choice = _recogniser(run, names.analyser)
    if choice is not None and _at_hand(run, names.analyser, choice, asked=bool(compare)):
        owner = names.analyser.plugin.name
        said = {**run.job.plugin_options.get(owner, {}), choice.option: choice.value}
        run.job = replace(run.job, plugin_options={**run.job.plugin_options, owner: said})
    elif compare and not _tells_apart(run, names.analyser):
        raise UsageError(f"{compare} needs a network that tells people apart; {how_to_tell_apart(names.analyser)}")
    return names


def how_to_tell_apart(analyser: Declared[AnalyserSpec]) -> str:
    """What to say so that the analyser tells people apart."""
    able = next((choice for choice in analyser.spec.choices if _EMBEDDING in choice.gives), None)
    if able is None:
        return f"the analyser {analyser.label} has none, so take another one"
    return f"say --{analyser.plugin.name}-{able.option} {able.value}".replace("_", "-")


def _recogniser(run: Run, analyser: Declared[AnalyserSpec]) -> Choice | None:
    """The choice that gives embeddings, of an option that is left to the host."""
    options = _options(run, analyser)
    able = (choice for choice in analyser.spec.choices if _EMBEDDING in choice.gives)
    return next((choice for choice in able if getattr(options, choice.option) == "auto"), None)


def _at_hand(run: Run, analyser: Declared[AnalyserSpec], choice: Choice, *, asked: bool) -> bool:
    missing = run.host.to_fetch(choice.models, run.job.execution)
    if not missing:
        return True
    if not asked or run.job.execution.offline:
        return False
    question = Question(analyser.spec.name, choice.option, choice.value, tuple(missing))
    if not run.host.ask(question):
        return False
    run.agreed.update(missing)
    return True


def _tells_apart(run: Run, analyser: Declared[AnalyserSpec]) -> bool:
    options = _options(run, analyser)
    spec = analyser.spec
    made = [choice for choice in spec.choices if choice.made_by(options)]
    given = {*spec.gives, *(name for choice in made for name in choice.gives)}
    return _EMBEDDING in given or not (spec.gives or any(choice.gives for choice in spec.choices))


def _options(run: Run, analyser: Declared[AnalyserSpec]) -> object:
    owner = analyser.plugin.name
    return resolve(owner, analyser.options_class, dict(run.job.plugin_options.get(owner, {})))
