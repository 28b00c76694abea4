"""Sub-commands that plugins declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from roop_host.cli.streams import is_lost
from roop_host.errors import PluginError, RoopError, UsageError, from_outside, named, one_line, told
from roop_host.plugins.names import HOST_COMMANDS
from roop_host.types.options import closest

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins


#: What a system hands on of an exit code.
_MOST = 255


def call_command(plugins: Plugins, name: str, words: list[str]) -> int:
    """The exit code of a plugin's command. Raises ``UsageError`` for an unknown one, ``PluginError`` for one that fails."""
    declared = plugins.commands.get(name)
    if declared is None:
        known = sorted({*HOST_COMMANDS, *plugins.commands})
        broken = ", ".join(status.name for status in plugins.statuses if not status.usable)
        off = ", ".join(status.name for status in plugins.statuses if status.state == "off")
        there = f"there are: {', '.join(known)}{'; switched off: ' + off if off else ''}"
        there += f"; plugins that cannot be used: {broken}" if broken else ""
        hint = plugins.brought_by("roop_commands", name) or closest(name, known)
        raise UsageError(f"no command is called {name!r} ({there}){hint}")
    try:
        code: object = declared.spec.load()(words)
    except RoopError as error:
        if error.report is not None:  # of a job that the command ran: the host's own words
            raise
        raise named(error, f"the command {declared.label}", PluginError) from error
    except SystemExit as error:  # as argparse and typer end
        code = error.code
        if isinstance(code, str):
            typer.echo(f"roop: {one_line(code)}", err=True)
            code = 1
    except BaseException as error:
        if from_outside(error) or is_lost(error):
            raise
        raise PluginError(f"the command {declared.label} failed ({told(error)}); report it to its authors") from error
    if code is None:
        return 0
    if isinstance(code, bool) or not isinstance(code, int):
        raise PluginError(f"the command {declared.label} gave {code!r} and not an exit code; report it to its authors")
    return code & _MOST
