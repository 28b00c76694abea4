"""What ``auto`` stands for in this job, and which models it needs: settled before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from roop_host.errors import InputError, UsageError
from roop_host.host import Question
from roop_host.plugins.status import Declared
from roop_host.runner.casting import needs_of
from roop_host.runner.resolve import Names
from roop_host.runner.state import Run
from roop_host.types.choices import decided_by_gives, decided_in_turn
from roop_host.types.job import Step
from roop_host.types.models import Choice, ModelSpec, megabytes, names_to_pull
from roop_host.types.options import resolve
from roop_host.types.specs import AnalyserSpec, ProcessorSpec, models_of

_AUTO = "auto"
_EMBEDDING = "embedding:"


def settle(run: Run, names: Names) -> Names:
    """Put a value in the place of every ``auto`` that is the host's to decide; ``run.job`` is the job that says so.

    Raises ``UsageError`` where what was named does not go together, ``InputError`` for an own file that is not there.
    """
    _check_own_files(run, names)
    chooser = _Chooser(run, names.analyser)
    chooser.selection()
    steps = tuple((chooser.step(step, declared), declared) for step, declared in names.steps)
    plugin_options = dict(run.job.plugin_options)
    if names.analyser is not None:
        owner = names.analyser.plugin.name
        plugin_options[owner] = {**plugin_options.get(owner, {}), **chooser.backend()}
    run.step_needs, run.recogniser = frozenset(chooser.step_needs), chooser.recogniser()
    run.job = replace(run.job, steps=tuple(step for step, _ in steps), plugin_options=plugin_options)
    return replace(names, steps=steps)


def needed_models(run: Run, names: Names) -> tuple[ModelSpec, ...]:
    """Every model that the settled job will open."""
    found: list[ModelSpec] = []
    for declared, values in _everyone(run, names):
        found += _models(declared, _options(run, declared, values))
    return tuple(dict.fromkeys(found))


def uses_models(run: Run, names: Names) -> bool:
    """Whether any of those who take part may open a network, whatever the options."""
    return any(models_of(declared.spec) for declared, _ in _everyone(run, names))


def _check_own_files(run: Run, names: Names) -> None:
    for declared, values in _everyone(run, names):
        options = _options(run, declared, values)
        for name in dict.fromkeys(name for choice in getattr(declared.spec, "choices", ()) for name in choice.own_files):
            file = getattr(options, name)
            if file is None:
                continue
            flag = f"--{declared.plugin.name}-{name}".replace("_", "-")
            try:
                if not file.is_file():
                    raise InputError(f"{flag}: {file} is {'no file' if file.exists() else 'not there'}; check the path")
                with file.open("rb"):
                    pass
            except OSError as error:
                raise InputError(f"{flag}: {file} can't be read ({error.strerror}); check its permissions") from error


class _Chooser:
    """Decides step by step; what the steps need of faces decides the analyser's part."""

    def __init__(self, run: Run, analyser: Declared[AnalyserSpec] | None) -> None:
        self._run, self._analyser = run, analyser
        self._needs: set[str] = set()
        self.step_needs: set[str] = set()

    def selection(self) -> None:
        """What the choice among faces needs of them: before any step, whose engines depend on it."""
        for need, flag in needs_of(self._run.job.faces):
            self._needs.add(need)
            lacking = self._needs - self._given(self._needs)
            if lacking:
                raise UsageError(self._does_not_give(flag, lacking))

    def step(self, step: Step, declared: Declared[ProcessorSpec]) -> Step:
        """The step with its ``auto`` options decided."""
        read, pick = partial(_options, self._run, declared), partial(self._first, step.name)
        values = decided_in_turn(declared.spec.choices, step.options, read, pick)
        needs = set(declared.spec.needs)
        for choice in _made(declared, _options(self._run, declared, values)):
            needs |= choice.needs
        self.step_needs |= needs
        self._needs |= needs  # one analyser serves all steps
        lacking = self._needs - self._given(self._needs)
        if lacking:
            raise UsageError(self._does_not_give(f"the step {step.name}", lacking))
        return replace(step, options=values)

    def backend(self) -> dict[str, str]:
        """The analyser's own ``auto`` options: the first choice that gives what all steps need."""
        return {choice.option: choice.value for choice in self._decided(self._needs)}

    def recogniser(self) -> str | None:
        """Whose embeddings faces have, once all is decided; None where the analyser does not say or gives none."""
        if self._analyser is None:
            return None
        given = set(self._analyser.spec.gives)
        for choice in self._analyser_choices(self._needs):
            given |= choice.gives
        named = sorted(one.removeprefix(_EMBEDDING) for one in given if one.startswith(_EMBEDDING))
        return named[0] if len(named) == 1 else None

    def _first(self, step: str, choices: list[Choice]) -> Choice:
        """The first choice that can be had; a person may be asked. The last one is what remains."""
        for choice in choices[:-1]:
            needs = self._needs | choice.needs
            if needs - self._given(needs):
                continue
            models = (*choice.models, *self._brought_by_analyser(needs))
            missing = self._run.host.to_fetch(models, self._run.job.execution)
            question = Question(step, choice.option, choice.value, tuple(missing))
            if not missing:
                return choice
            self._run.check_cancel()
            if not self._run.job.execution.offline and self._run.host.ask(question):
                self._run.agreed.update(question.models)
                return choice
            self._tell_why_not(question, choices[-1].value)
        return choices[-1]

    def _tell_why_not(self, question: Question, instead: str) -> None:
        notice = (
            f"{question.step}: {question.option} {instead}, as the models of {question.value} are not here "
            f"(to get them, {megabytes(question.size)}: roop models pull {names_to_pull(question.models)})"
        )
        if notice not in self._run.notices:  # a step may come twice
            self._run.notices.append(notice)

    def _given(self, needs: set[str]) -> set[str]:
        """What of ``needs`` the analyser gives, with its ``auto`` options decided for just these needs."""
        if self._analyser is None:
            return set()
        spec = self._analyser.spec
        if not spec.gives and not any(choice.gives for choice in spec.choices):
            return set(needs)  # an analyser that does not say what it gives is taken at its word when the time comes
        given = set(spec.gives)
        for choice in self._analyser_choices(needs):
            given |= choice.gives
        return given & needs

    def _decided(self, needs: set[str]) -> Iterator[Choice]:
        """What each of the analyser's ``auto`` options would stand for."""
        assert self._analyser is not None
        spec = self._analyser.spec
        yield from decided_by_gives(spec.choices, spec.gives, _options(self._run, self._analyser, {}), needs)

    def _analyser_choices(self, needs: set[str]) -> Iterator[Choice]:
        """Those that its options make, and those that ``auto`` would stand for."""
        assert self._analyser is not None
        yield from self._decided(needs)
        yield from _made(self._analyser, _options(self._run, self._analyser, {}))

    def _brought_by_analyser(self, needs: set[str]) -> tuple[ModelSpec, ...]:
        """The models without which the analyser would not give ``needs``."""
        if self._analyser is None:
            return ()
        return tuple(model for choice in self._analyser_choices(needs) for model in choice.models)

    def _does_not_give(self, where: str, lacking: set[str]) -> str:
        what = ", ".join(map(_readable, sorted(lacking)))
        if self._analyser is None:
            return f"{where} needs faces with {what}, and no analyser takes part"
        spec, owner = self._analyser.spec, self._analyser.plugin.name
        able = next(
            (choice for name in sorted(lacking) for choice in spec.choices if name in choice.gives),
            None,
        )
        if able is None:
            return f"{where} needs faces with {what}, which the analyser {self._analyser.label} does not give"
        flag = f"--{owner}-{able.option}".replace("_", "-")
        said = getattr(_options(self._run, self._analyser, {}), able.option)
        needed = f"{where} needs faces with {what}, which "
        if isinstance(said, tuple):
            return f"{needed}come with {flag} {','.join((*said, able.value))}; say that"
        if said == _AUTO:
            return f"{needed}no single {flag} gives; say other options of {where}"
        return f"{needed}{flag} {said} does not give; say {flag} {able.value}, or auto"


def _readable(need: str) -> str:
    """A field of ``Face`` in words; the name of a recogniser as it is."""
    if need.startswith(_EMBEDDING):
        return f"the embedding of {need.removeprefix(_EMBEDDING)}"
    return need.replace("_", " ")


def _everyone(run: Run, names: Names) -> Iterator[tuple[Declared[Any], dict[str, Any]]]:
    """All that takes part, with the options that only its step says."""
    yield from ((declared, {}) for declared in run.host.plugins.screeners.values())
    yield from ((one, {}) for one in (names.analyser, names.writer) if one is not None)
    yield from ((declared, dict(step.options)) for step, declared in names.steps)
    yield from ((declared, {}) for declared in (*names.sidecars, *names.finishers))


def _options(run: Run, declared: Declared[Any], values: dict[str, Any]) -> Any:
    owner = declared.plugin.name
    return resolve(owner, declared.options_class, {**run.job.plugin_options.get(owner, {}), **values})


def _models(declared: Declared[Any], options: Any) -> Iterator[ModelSpec]:
    yield from declared.spec.models
    for choice in _made(declared, options):
        yield from choice.models_for(options)


def _made(declared: Declared[Any], options: Any) -> list[Choice]:
    return [choice for choice in getattr(declared.spec, "choices", ()) if choice.made_by(options)]
