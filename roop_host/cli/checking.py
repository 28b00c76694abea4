"""``roop plugins check``: the kit's checks on what a plugin declares, without pytest."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roop_host.cli.run import FILES, command, file_flags, layers_of, option_flag, plugins_for
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.names import OWN_PLUGINS, bare
from roop_host.types.options import closest, plain
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.cli.results import Checked
    from roop_host.config.layers import Layers
    from roop_host.plugins.found import Plugins
    from roop_host.plugins.status import PluginStatus
    from roop_host.testing import Check, Subject
    from roop_host.types.options import OptionField

_ABOUT = "Check what a plugin declares against what the host relies on, and say what to do where it doesn't hold."
_EPILOG = (
    "The plugin's own flags stand in the help that names it: roop plugins check swapper --help. Nothing is fetched: what "
    "lacks a model is not run, and says so. An uploader really sends small files to where its options say, and they stay "
    "there. Exit code 7: a check failed."
)
_LATE = "Seconds one check may take."


def build(asked: Asked, words: Sequence[str]) -> Any:
    """The command, with the flags of the plugin that ``words`` name."""
    plugins = plugins_for(asked, words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.config.files import read_files

        status = _chosen(plugins, values["name"], values["plugin"] or ())
        if not status.usable:
            return _unusable(status, plugins.errors.get(status.name), values)
        layers = layers_of(plugins, given, read_files(asked.config))
        chosen = tuple(_with_checks(_subjects(plugins, status, layers, values["address"]), values["only"]))
        if values["list"]:
            from roop_host.cli.results import tell_list
            from roop_host.cli.streams import printing

            return printing(0, lambda: tell_list(chosen, as_json=values["json"]))
        return _check(status, chosen, _limit(layers), values)

    return command("check", _ABOUT, _flags(), _fields(plugins, words), plugins, asked, call, _EPILOG)


def _flags() -> dict[str, tuple[Any, Any]]:
    name = typer.Argument(
        metavar="NAME", rich_help_panel=FILES, help="A plugin, or none with one --plugin.", show_default=False
    )
    only = option_flag(list[str] | None, "--only", panel="Checks", metavar="CHECK", help="Run this check; may come twice.")
    shown = option_flag(bool, "--list", panel="Checks", help="List the checks, and run none.")
    address = option_flag(
        str, "--address", panel="Checks", metavar="ADDRESS", help="What a source opens here, for example camera:0."
    )
    return {
        "name": (Annotated[str | None, name], None),
        "plugin": file_flags()["plugin"],
        "only": (only, None),
        "list": (shown, False),
        "address": (address, ""),
    }


def _fields(plugins: Plugins, words: Sequence[str]) -> Iterator[OptionField]:
    """The time-out, and those of plugins that are named, or given as a file."""
    yield from (replace(option, help=_LATE) for option in host_fields() if option.key == "timeout")
    named = set(map(bare, words))
    owners = {status.name for status in plugins.statuses if bare(status.name) in named or not status.installed}
    yield from (option for option in plugin_fields(plugins) if option.owner in owners)


def _chosen(plugins: Plugins, name: str | None, files: Sequence[str]) -> PluginStatus:
    """What to check, which may be one that can't be used. Raises ``UsageError`` for what is no plugin or off."""
    if name is None:
        found = [status for status in plugins.statuses if not status.installed]
        if len(found) != 1 or len(files) != 1:
            raise UsageError("NAME is missing; name the plugin to check, roop plugins lists them, or one --plugin FILE.py")
    else:
        exact = [status for status in plugins.statuses if status.name == name]
        found = exact or [status for status in plugins.statuses if bare(status.name) == bare(name)]
    if not found:
        raise UsageError(_unknown(plugins, str(name)))
    status = found[0]
    if status.state == "off":
        back = f"leave -p no:{status.name} out, or take it out of ROOP_DISABLE_PLUGINS"
        raise UsageError(f"the plugin {status.name} is switched off; {back}")
    return status


def _unusable(status: PluginStatus, cause: BaseException | None, show: Mapping[str, Any]) -> int:
    """Tell of one of which nothing can be checked. Raises ``PluginError`` where people read it."""
    from roop_host.cli.results import tell_unusable
    from roop_host.cli.streams import printing

    repair = f"repair it ({status.repair})" if status.repair else "repair it"
    who = f"the plugin {status.name} ({status.describe()})"
    error = PluginError(f"{who} is {status.state}: {status.reason}; {repair}, then check it again")
    error.__cause__ = cause
    if not show["json"]:
        raise error
    if show["debug"]:
        traceback.print_exception(error)
    return printing(error.exit_code, lambda: tell_unusable(status, error))


def _unknown(plugins: Plugins, name: str) -> str:
    from roop_host.plugins.found import word

    for hook, table in plugins.declared.items():
        if name in table:
            owner, what = table[name].plugin.name, f"the {word(hook)} {name}"
            return f"no plugin is called {name!r}; {what} comes from the plugin {owner}: roop plugins check {owner}"
    names = [status.name for status in plugins.statuses]
    there = f"installed: {', '.join(names) or 'none'}"
    if bare(name) in OWN_PLUGINS:
        return f"the plugin {bare(name)} is not installed ({there}); install it: {pip('install', f'roop-{bare(name)}')}"
    return f"no plugin is called {name!r} ({there}){closest(bare(name), names)}"


def _subjects(plugins: Plugins, status: PluginStatus, layers: Layers, address: str) -> Iterator[Subject]:
    """The plugin as a whole, then each of its declarations with the options that flags, variables and files say."""
    from roop_host.testing import Subject

    yield Subject.whole(plugins, status)
    said = {option.name: layers.settle(option) for option in plugins.options.get(status.name, ())}
    options = {name: plain(one.value) for name, one in said.items() if one is not None}
    for hook, table in plugins.declared.items():
        for declared in table.values():
            if declared.plugin.name == status.name:
                yield Subject(plugins, hook, declared, options, None, address)


def _limit(layers: Layers) -> float:
    option = next(option for option in host_fields() if option.key == "timeout")
    said = layers.settle(option)
    return float(option.default if said is None else said.value)


def _with_checks(subjects: Iterator[Subject], only: Sequence[str] | None) -> Iterator[tuple[Subject, tuple[Check, ...]]]:
    """Each that has any with its checks. Raises ``UsageError`` for one of ``only`` that none of them has."""
    from roop_host.testing import checks_of
    from roop_host.testing.subject import WHOLE

    once = checks_of(WHOLE)
    pairs = [
        (subject, tuple(check for check in checks_of(subject.hook) if subject.hook == WHOLE or check not in once))
        for subject in subjects
    ]
    known = {check.id for _, checks in pairs for check in checks}
    for name in only or ():
        if name not in known:
            hint = closest(name, known) or "; --list shows them"
            raise UsageError(f"--only {name}: no check of what this plugin declares is called so{hint}")
    for subject, checks in pairs:
        chosen = tuple(check for check in checks if not only or check.id in only)
        if chosen:
            yield subject, chosen


def _check(
    status: PluginStatus, chosen: Sequence[tuple[Subject, Sequence[Check]]], limit_s: float, show: Mapping[str, Any]
) -> int:
    from roop_host.cli.results import Checked, tell
    from roop_host.cli.streams import flush, printing

    checked = Checked(status, sum(len(checks) for _, checks in chosen))
    with _progress(checked, show) as began, _aside(debug=show["debug"]):
        _run(checked, chosen, limit_s, began)
    if show["debug"]:
        for _, result in checked.results:
            if result.cause is not None:
                traceback.print_exception(result.cause)
    code = printing(checked.exit_code, lambda: tell(checked, show))
    if checked.hangs is not None:
        # The thread of that call still runs, and a normal exit might wait for it.
        os._exit(flush(code))
    return code


def _run(
    checked: Checked, chosen: Sequence[tuple[Subject, Sequence[Check]]], limit_s: float, began: Callable[[str], None]
) -> None:
    """Run them in order, to the first call that hangs."""
    from roop_host.testing import run_check

    for subject, checks in chosen:
        checked.subjects.append(subject)
        for check in checks:
            began(f"{subject.name}: {check.id}")
            result = run_check(check, subject, limit_s=limit_s)
            checked.results.append((subject, result))
            if result.hangs:
                return


@contextmanager
def _aside(*, debug: bool) -> Iterator[None]:
    """What plugins print goes to stderr, what they log is shown for ``--debug`` only, and what they leave in the folder for
    temporary files is removed, also what a call that hangs has left.
    """
    import logging

    from roop_host.cli.log import log_to_stderr

    log_to_stderr(debug=debug)
    if not debug:  # checks make plugins warn on purpose
        logging.getLogger("roop").setLevel(logging.CRITICAL + 1)
    before = tempfile.tempdir
    # Both streams: a call that hangs may have put others in their place.
    with (
        tempfile.TemporaryDirectory(prefix="roop-check-", ignore_cleanup_errors=True) as folder,
        redirect_stderr(sys.stderr),
        redirect_stdout(sys.stderr),
    ):
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextmanager
def _progress(checked: Checked, show: Mapping[str, Any]) -> Iterator[Callable[[str], None]]:
    """A bar that names the check that runs; nothing where nobody looks."""
    if show["quiet"] or show["json"] or not sys.stderr.isatty():
        yield lambda what: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.completed}/{task.total}"), BarColumn(), TextColumn("{task.description}", markup=False))
    # The streams stay whose they are: plugins' checks look at them.
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
    task = bar.add_task("", total=checked.total)
    with bar:
        yield lambda what: bar.update(task, description=what, completed=len(checked.results))
