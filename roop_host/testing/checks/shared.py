"""What must hold for any object that lives with setup and teardown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any, get_args

from roop_host.errors import ModelError, UsageError, told
from roop_host.testing.checking import MISSING, DoesNotApply, Failed, checks
from roop_host.testing.checks.main_calls import main_call
from roop_host.testing.checks.process import offline, process_state, put_back, stdout_of
from roop_host.testing.subject import Subject
from roop_host.types.models import Choice, ModelSpec
from roop_host.types.objects import Session, Sessions

#: So many models an object may open before its set-up fails, in the check that lets it fail.
_MODELS = 4
_MUTABLE = (list, dict, set, bytearray)


def setup_changes_no_process_state(subject: Subject) -> None:
    """Loading and setting up leave the process as it was.

    Working folder, environment, signals, locale, logging, warnings of numpy, threads of OpenCV and the like are everybody's.
    Take threads from ``ctx.threads``, a logger from ``ctx.log``; what a library needs in the environment, put back at once.
    """
    before = process_state()
    try:
        with subject.made():
            after = process_state()
    finally:
        put_back(before)
    _require_same(before, after, "setting it up")


def work_changes_no_process_state(subject: Subject) -> None:
    """A job leaves the process as it was before the job.

    Other jobs and other plugins are at work in it meanwhile. What ``begin`` has to set for all, ``end`` puts back; better
    give it to the call that needs it.
    """
    found = process_state()
    try:
        with subject.made() as item:
            before = process_state()
            main_call(subject, item)
            after = process_state()
    finally:
        put_back(found)
    _require_same(before, after, "a job")


def _require_same(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    for name, value in before.items():
        if after[name] != value:
            raise Failed(f"{what} changed {name}{_change(value, after[name])}")


def _change(before: object, after: object) -> str:
    """What of it, where that can be told shortly. Values of the environment may be secrets."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return f" ({', '.join(names)})"
    shown = f" from {before!r} to {after!r}"
    return shown if len(shown) < 120 else ""


def load_gives_a_fresh_object(subject: Subject) -> None:
    """Each object is its own: what one sets up, no other has.

    ``load`` gives a class, or a function that makes a new object each time; models, caches and counters belong to ``self``
    and are made in ``__init__`` or ``setup``, not in the class.
    """
    make = subject.spec.load()
    other, again = make(), subject.spec.load()()
    if other is again:
        raise Failed("its load gave the same object twice")
    before = _state(other)
    with subject.made():
        changed = [name for name, value in _state(other).items() if before.get(name, _NOTHING) != value]
    if changed:
        raise Failed(f"setting up one object changed {', '.join(changed)} of another")


_NOTHING = object()


def _state(item: Any) -> dict[str, object]:
    """What an object and its classes hold, so that a change is seen: containers by what they hold."""
    owners = [item, *(cls for cls in type(item).__mro__ if not cls.__module__.startswith(("roop_host.types", "builtins")))]
    return {
        name: _shown(value)
        for owner in reversed(owners)
        for name, value in getattr(owner, "__dict__", {}).items()
        if not isinstance(value, (FunctionType, property, classmethod, staticmethod)) and not name.startswith("__")
    }


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return tuple((repr(key), id(one)) for key, one in value.items())
    return (type(value), tuple(map(id, value))) if isinstance(value, _MUTABLE) else id(value)


class _Failing:
    """Sessions that fail from the call on that they are told."""

    def __init__(self, sessions: Sessions, good: int) -> None:
        self._sessions, self._good = sessions, good
        self.failed = False

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Session:
        self._count(model)
        return self._sessions.open(model, threads=threads)

    def read(self, model: ModelSpec) -> bytes:
        self._count(model)
        return self._sessions.read(model)

    def _count(self, model: ModelSpec) -> None:
        if not self._good:
            self.failed = True
            raise ModelError(f"the model {model.name} is refused by the kit")
        self._good -= 1


def teardown_after_a_failed_setup(subject: Subject) -> None:
    """``teardown`` is no error wherever ``setup`` stopped.

    It is called even after a failed ``setup``: give attributes their empty values in ``__init__``, and release what is
    there.
    """
    _torn_down(subject.fresh(), "before any setup")
    item = subject.fresh()
    with suppress(Exception):
        item.setup(replace(subject.context(), options=object()))
    _torn_down(item, "after a setup that did not like its options")
    for good in range(_MODELS):
        context = subject.context()
        sessions = _Failing(context.sessions, good)
        item = subject.fresh()
        with suppress(Exception):
            item.setup(replace(context, sessions=sessions))
        _torn_down(item, f"after a setup that failed at model {good + 1}" if sessions.failed else "after a setup")
        if not sessions.failed:
            return


def _torn_down(item: Any, when: str) -> None:
    try:
        item.teardown()
    except Exception as error:
        raise Failed(f"its teardown {when} raised {told(error)}") from error


def missing_model_is_named(subject: Subject) -> None:
    """A model that is not here is told by its name, and nothing is done without it.

    Open models in ``setup`` by ``ctx.sessions.open(MODEL)`` and let the ``ModelError`` pass: it names the file and the
    command that brings it. Who catches it runs without what the user asked for.
    """
    asked = [*_asked(subject)]
    if not asked:
        raise DoesNotApply("it declares no model that is pulled")
    with tempfile.TemporaryDirectory() as empty:
        for said, models, options in asked:
            _is_named(subject, said, models, subject.context(options, models=Path(empty)))


def _asked(subject: Subject) -> Iterator[tuple[str, tuple[ModelSpec, ...], Any]]:
    """What chooses models that are pulled, in words; the models; the options that say so."""
    always = tuple(model for model in getattr(subject.spec, "models", ()) if not model.embedded)
    if always:
        yield "", always, subject.options()
    choices: tuple[Choice, ...] = getattr(subject.spec, "choices", ())
    # A file of the user's own goes with one choice: the others would call it no network of theirs.
    no_files = dict.fromkeys(name for choice in choices for name in choice.own_files)
    for choice in choices:
        pulled = tuple(model for model in choice.models if not model.embedded)
        if pulled:
            values = {**no_files, choice.option: choice.value, **dict(choice.with_options)}
            with suppress(UsageError):  # the plugin knows that this goes with nothing else that is said
                options = subject.options(**values)
                wanted = tuple(model for model in choice.models_for(options) if not model.embedded)
                if wanted:
                    other = (model for one in choices if one.made_by(options) for model in one.models_for(options))
                    yield f" with {choice.option} {choice.value}", (*always, *wanted, *other), options


def _is_named(subject: Subject, said: str, models: tuple[ModelSpec, ...], context: Any) -> None:
    names = " or ".join(dict.fromkeys(model.name for model in models))
    item = subject.fresh()
    try:
        item.setup(context)
    except ModelError as error:
        if not any(model.name in str(error) for model in models):
            raise Failed(f"without {names}{said} its setup raised a ModelError that does not name it: {error}") from error
    except MISSING:  # a package, or an own file, is missing before any model is
        return
    except Exception as error:
        raise Failed(f"without {names}{said} its setup raised {told(error)}, and no ModelError") from error
    else:
        raise Failed(f"without {names}{said} its setup was no error")
    finally:
        with suppress(Exception):  # another check's
            item.teardown()


def every_word_of_an_option_is_taken(subject: Subject) -> None:
    """Each word that an option offers can be set up, or says what is missing.

    A ``Literal`` is a promise: ``setup`` takes each of its words, or raises ``ModelError`` or ``UsageError`` with what to
    do.
    """
    tried = False
    for option in subject.plugins.options.get(subject.declared.plugin.name, ()):
        for word in get_args(option.kind):
            if not isinstance(word, (str, int)) or isinstance(word, bool):
                continue
            tried = True
            item = subject.fresh()
            try:
                item.setup(subject.context(subject.options(**{option.name: word})))
            except MISSING:
                continue
            except Exception as error:
                raise Failed(f"with {option.flag} {word} it raised {told(error)}") from error
            finally:
                with suppress(Exception):  # another check's
                    item.teardown()
    if not tried:
        raise DoesNotApply("none of its options offers words")


def stdout_stays_clean(subject: Subject) -> None:
    """Nothing is printed.

    On standard output stands what the user asked for, JSON among it: tell people by ``ctx.log``, and keep libraries from
    printing.
    """
    with stdout_of() as printed, subject.made() as item:
        main_call(subject, item)
    if printed.text.strip():
        raise Failed(f"it printed {printed.text.strip()[:200]!r}")


def no_network_unless_declared(subject: Subject) -> None:
    """Who does not say that it uses the network opens no connection.

    ``network=True`` in the spec tells the user so in ``roop plugins``, ``network="option"`` that only this option does.
    Models are brought by the host: declare them. This very machine (localhost, 127.0.0.1, ::1) counts as no network.
    """
    network = subject.spec.network
    if network is True:
        raise DoesNotApply("it says that it uses the network")
    options = subject.options()
    if network and getattr(options, network):
        raise DoesNotApply(f"it says that it uses the network with the option {network}, which is said")
    with offline() as reached:
        try:
            with subject.made() as item:
                main_call(subject, item)
        except Exception:
            if not reached:  # else it is for want of an answer
                raise
    if reached:
        raise Failed(f"it asked for {', '.join(dict.fromkeys(reached))}, and its spec says network={network!r}")


CHECKS = checks(
    setup_changes_no_process_state,
    work_changes_no_process_state,
    load_gives_a_fresh_object,
    teardown_after_a_failed_setup,
    missing_model_is_named,
    every_word_of_an_option_is_taken,
    stdout_stays_clean,
    no_network_unless_declared,
)
