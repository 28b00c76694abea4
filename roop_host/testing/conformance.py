"""The checks as test classes for pytest: subclass one, set ``name``, and its tests are yours.

Example::

    class TestMyFilter(ProcessorConformance):
        name = "my_filter"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins
from roop_host.testing.causes import advice_of, told_with_place
from roop_host.testing.checking import Check, checks_of, run_check
from roop_host.testing.subject import Subject

_TEST = "test_"


class _Conformance:
    """What all have in common: ``name`` is what the plugin declares, ``options`` are the plugin's as a user says them.

    ``models`` is the folder of the model store, None for this machine's; nothing is fetched into it. ``address`` is what a
    source opens. Override ``plugins`` where the plugin is not installed, or ``subject`` for what is only known at run time,
    such as the address of a server. A test that is named as a standard one is refused: waive it.
    """

    hook: ClassVar[str] = ""
    name: ClassVar[str] = ""
    options: Mapping[str, Any] = {}
    models: Path | None = None
    address: str = ""

    def __init_subclass__(cls) -> None:
        """No standard test is replaced: it is waived, with a reason, by ``ROOP_WAIVED`` of the plugin's module."""
        super().__init_subclass__()
        if "hook" in vars(cls):
            for check in checks_of(cls.hook):
                setattr(cls, _TEST + check.id, _test_of(check))
            return
        for check in checks_of(cls.hook):
            if getattr(cls, _TEST + check.id) is not getattr(_base(cls), _TEST + check.id):
                raise TypeError(
                    f"{cls.__name__}.{_TEST}{check.id} stands for a standard check; leave it, and waive it with a reason: "
                    f"ROOP_WAIVED = {{{f'{cls.name}.{check.id}'!r}: 'why'}} in the module of the plugin"
                )

    def plugins(self) -> Plugins:
        """Among which ``name`` is looked for: those that are installed."""
        return load_plugins()

    def subject(self) -> Subject:
        """What is checked."""
        plugins = self.plugins()
        declared = plugins.named(self.hook, self.name)
        return Subject(plugins, self.hook, declared, self.options, self.models, self.address)


def _base(cls: type[_Conformance]) -> type[_Conformance]:
    """The class of this module that ``cls`` comes from."""
    return next(one for one in cls.__mro__ if "hook" in vars(one))


def _test_of(check: Check) -> Callable[[_Conformance], None]:
    def test(self: _Conformance) -> None:
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
