"""Objects of plugins: set up with a context, and what a host keeps of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from roop_host.errors import Interrupted, RoopError, ScreenerFailed, named, told
from roop_host.types.objects import Context, Pulse, StageObject

if TYPE_CHECKING:
    from roop_host.models.sessions import OrtSessions
    from roop_host.plugins.status import Declared
    from roop_host.types.models import ModelSpec
    from roop_host.types.objects import Session


@dataclass(frozen=True, slots=True)
class Loaded:
    """An object that was set up; ``label`` is for people, ``limit_s`` what a call of it may take."""

    item: StageObject
    label: str
    limit_s: float
    opened: list[ModelSpec]
    pulse: Pulse


class Noting:
    """The sessions of one object, noting what it opens and what data it reads: a report tells the models of its own job."""

    def __init__(self, sessions: OrtSessions, opened: list[ModelSpec]) -> None:
        self._sessions, self._opened = sessions, opened

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Session:
        session = self._sessions.open(model, threads=threads)
        self._opened.append(model)
        return session

    def read(self, model: ModelSpec) -> bytes:
        data = self._sessions.read(model)
        if model.form == "data":  # a network counts when it is opened
            self._opened.append(model)
        return data


def set_up(declared: Declared[Any], context: Context, label: str, failure: type[RoopError], made: list[StageObject]) -> None:
    """Load the object, and put it into ``made`` before its ``setup``: one whose set-up fails is torn down too."""
    try:
        made.append(cast(StageObject, declared.spec.load()()))
        made[0].setup(context)
    except RoopError as error:
        if isinstance(error, Interrupted) and context.cancel.is_set():
            raise
        raise named(error, f"the {label}", failure) from error
    except BaseException as error:  # not in the main thread: even a KeyboardInterrupt is the plugin's doing
        repair = f"update or uninstall it, or run without it ({declared.plugin.without()})"
        if failure is ScreenerFailed:
            repair = "nothing is produced without it, so repair or update it"
        if isinstance(error, ImportError):
            repair += "; roop doctor looks at the packages that it may need"
        raise failure(f"the {label} could not be loaded ({told(error)}); {repair}") from error


def quietly(call: Callable[[], None], label: str) -> None:
    """What ``call`` raises is logged. Not for the main thread, where a KeyboardInterrupt may be a person's."""
    log = logging.getLogger("roop")
    try:
        call()
    except BaseException as error:
        log.warning("the %s failed at its end (%s)", label, told(error), exc_info=log.isEnabledFor(logging.DEBUG))
