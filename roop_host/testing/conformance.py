"""The checks as test classes for pytest: subclass one, set ``name``, and its tests are yours.

Example::

    class TestMyFilter(ProcessorConformance):
        name = "my_filter"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from roop_host.errors import UsageError
from roop_host.plugins.found import Plugins, word
from roop_host.plugins.loader import load_plugins
from roop_host.testing.causes import advice_of, told_with_place
from roop_host.testing.checking import Check, checks_of, hanging, run_check
from roop_host.testing.subject import WHOLE, Subject

_TEST = "test_"


class _Conformance:
    """What all have in common: ``name`` is what the plugin declares, ``options`` are the plugin's as a user says them.

    ``models`` is the folder of the model store, None for this machine's; nothing is fetched into it. ``address`` is what a
    source opens. Override ``plugins`` where the plugin is not installed, with ``plugins_of({"my-filter": module})``, or
    ``subject`` for what is only known at run time, such as the address of a server. A class with a test that is named as a
    standard one is refused: waive the check. Whoever gets around that is found by ``roop plugins check``, which runs all.
    After a call that hangs no other check is begun in that process.
    """

    hook: ClassVar[str] = ""
    name: ClassVar[str] = ""
    options: Mapping[str, Any] = {}
    models: Path | None = None
    address: str = ""

    def __init_subclass__(cls) -> None:
        """No standard test is replaced: it is waived, with a reason, by ``ROOP_WAIVED`` of the plugin's module."""
        super().__init_subclass__()
        if cls.__module__ == __name__:
            for check in checks_of(cls.hook):
                setattr(cls, _TEST + check.id, _test_of(check))
            return
        if "hook" in vars(cls):
            raise TypeError(f"{cls.__name__}.hook is said by the class that it comes from; take it out")
        for check in checks_of(cls.hook):
            if getattr(cls, _TEST + check.id) is not getattr(_base(cls), _TEST + check.id):
                raise TypeError(_replaced(cls, check))

    def plugins(self) -> Plugins:
        """Among which ``name`` is looked for: those that are installed."""
        return load_plugins()

    def subject(self) -> Subject:
        """What is checked."""
        if not self.name:
            raise UsageError(f"{type(self).__name__} does not say what to check; set name to what the plugin declares")
        plugins = self.plugins()
        declared = plugins.named(self.hook, self.name)
        return Subject(plugins, self.hook, declared, self.options, self.models, self.address)


def _base(cls: type[_Conformance]) -> type[_Conformance]:
    """The class of this module that ``cls`` comes from."""
    return next(one for one in cls.__mro__ if "hook" in vars(one))


def _replaced(cls: type[_Conformance], check: Check) -> str:
    """What to do in the place of a test that stands for a standard one."""
    told = f"{cls.__name__}.{_TEST}{check.id} stands for a standard check; leave it"
    if not check.waivable:
        return f"{told}, and repair what it finds: it can't be waived"
    whole = check in checks_of(WHOLE)
    whose = f"{word(WHOLE)}.PLUGIN" if whole else f"{word(cls.hook)}.{cls.name or 'NAME'}"
    return (
        f"{told}, and waive it with a reason: ROOP_WAIVED = {{{f'{whose}.{check.id}'!r}: 'why'}} in the module of the plugin"
    )


def _test_of(check: Check) -> Callable[[_Conformance], None]:
    def test(self: _Conformance) -> None:
        hung = hanging()
        if hung is not None:
            raise AssertionError(
                f"it is not begun: a call of the check {hung} did not come back, and still runs in this process; "
                "mend that first"
            )
        result = run_check(check, self.subject())
        if result.state == "waived":
            import pytest

            pytest.xfail(result.told)
        if not result.good:
            raise AssertionError(f"{check.says} {told_with_place(result)}. {advice_of(result)}") from result.cause

    test.__doc__ = f"{check.says}\n\n{check.advice}"
    test.__name__ = _TEST + check.id
    return test


class ProcessorConformance(_Conformance):
    """For a step of ``--processors``."""

    hook = "roop_processors"


class ScreenerConformance(_Conformance):
    """For a screener."""

    hook = "roop_screeners"


class AnalyserConformance(_Conformance):
    """For an analyser."""

    hook = "roop_analysers"


class ExporterConformance(_Conformance):
    """For a writer, a sidecar or a finisher."""

    hook = "roop_exporters"


class UploaderConformance(_Conformance):
    """For an uploader. ``options`` say where to, if it must be told."""

    hook = "roop_uploaders"


class SourceConformance(_Conformance):
    """For a source. ``address`` is one that it can open here: ``camera:0``."""

    hook = "roop_sources"


class CommandConformance(_Conformance):
    """For a command."""

    hook = "roop_commands"
