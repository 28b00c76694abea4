"""What is checked: one declaration of a plugin, with what its object needs to live."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store
from roop_host.plugins.found import word
from roop_host.plugins.status import Declared
from roop_host.testing.checking import MISSING, Check, NotRun, checks_of
from roop_host.types.choices import decided_by_gives, decided_in_turn
from roop_host.types.job import Job, Step
from roop_host.types.job_context import JobContext
from roop_host.types.models import Choice
from roop_host.types.objects import Context, SourceFace
from roop_host.types.options import resolve

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins
    from roop_host.plugins.status import PluginStatus

#: Stands in the place of a hook for the plugin as a whole, whatever it declares.
WHOLE = "roop_plugins"


@dataclass(frozen=True, slots=True)
class _Whole:
    """In the place of a declaration."""

    name: str


@dataclass(frozen=True)
class Subject:
    """``declared`` is what the ``hook`` of one of ``plugins`` gave. ``values`` are the plugin's options as a user says them.

    ``models`` is the folder of the model store, None for this machine's; nothing is fetched into it. ``address`` is what a
    source opens.
    """

    plugins: Plugins
    hook: str
    declared: Declared[Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    models: Path | None = None
    address: str = ""
    cancel: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def whole(cls, plugins: Plugins, status: PluginStatus) -> Subject:
        """A usable plugin as a whole, which may declare nothing: what ``checks_of("roop_plugins")`` are of."""
        options_class = plugins.options_classes[status.name]
        return cls(plugins, WHOLE, Declared(_Whole(status.name), status, options_class))

    @property
    def spec(self) -> Any:
        return self.declared.spec

    @property
    def name(self) -> str:
        """What is declared is called."""
        return str(self.declared.spec.name)

    @property
    def packaged(self) -> bool:
        """It comes from an installed package, and not from a file or an object."""
        plugin = self.declared.plugin
        return bool(plugin.where) and plugin.installed

    def waiver_key(self, check: Check) -> str:
        """Under which its plugin's ``ROOP_WAIVED`` would have the reason: ``KIND.NAME.CHECK``.

        What is of the plugin as a whole has ``plugin`` and the plugin's name in their place.
        """
        if check in checks_of(WHOLE):
            return f"{word(WHOLE)}.{self.declared.plugin.name}.{check.id}"
        return f"{word(self.hook)}.{self.name}.{check.id}"

    def waiver(self, check: Check) -> str | None:
        """Why a check need not hold, as the plugin says; None where it must."""
        return self.plugins.waived.get(self.declared.plugin.name, {}).get(self.waiver_key(check))

    def options(self, **values: Any) -> Any:
        """An instance of the plugin's options class; an ``auto`` is what the host would decide here, offline and alone.

        ``values`` are said beside those of the user. Raises ``UsageError``.
        """
        return self._resolved({**self._settled({**self.values, **values})})

    def context(self, options: Any = None, *, models: Path | None = None) -> Context:
        """What ``setup`` is given, with these options or those of ``options()``."""
        sessions = OrtSessions("cpu", 1, store=Store(models or self.models, offline=True))
        given = self.options() if options is None else options
        return Context(given, sessions, "cpu", 1, logging.getLogger(f"roop.{self.declared.plugin.name}"), self.cancel)

    def job(self, *sources: SourceFace, width: int, height: int, media_type: str = "image/png") -> JobContext:
        """What ``begin`` is given."""
        steps = (Step(self.name, dict(self.values)),) if self.hook == "roop_processors" else ()
        job = Job(tuple(source.name for source in sources), "target.png", "output.png", steps)
        return JobContext(job, sources, width, height, media_type=media_type)

    def fresh(self) -> Any:
        """An object that was not set up."""
        return self.declared.spec.load()()

    @contextmanager
    def made(self, context: Context | None = None) -> Iterator[Any]:
        """An object that is set up, and torn down at the end. Raises ``NotRun`` where it lacks something here."""
        item = self.fresh()
        try:
            try:
                item.setup(self.context() if context is None else context)
            except MISSING as error:
                raise NotRun(error) from error
            yield item
        finally:
            item.teardown()

    def _resolved(self, values: Mapping[str, Any]) -> Any:
        return resolve(self.declared.plugin.name, self.declared.options_class, values)

    def _settled(self, values: dict[str, Any]) -> dict[str, Any]:
        """``values`` with each ``auto`` that choices stand for decided, as the host decides it before a job."""
        choices: tuple[Choice, ...] = getattr(self.spec, "choices", ())
        if self.hook != "roop_analysers":
            return decided_in_turn(choices, values, self._resolved, self._first_here)
        decided = decided_by_gives(choices, self.spec.gives, self._resolved(values), frozenset())
        return {**values, **{choice.option: choice.value for choice in decided}}

    def _first_here(self, choices: list[Choice]) -> Choice:
        """The first whose models lie in the store, or what remains: the last."""
        store = Store(self.models, offline=True)
        able = (one for one in choices[:-1] if not store.missing(model for model in one.models if not model.embedded))
        return next(able, choices[-1])
