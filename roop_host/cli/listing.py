"""``roop plugins``: what is installed, and the ways to what one can do about a plugin."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roop_host.cli.app import plain
from roop_host.plugins.scan import host_status
from roop_host.plugins.status import PluginStatus
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked

_EPILOG = (
    "roop plugins new NAME --kind KIND writes a package with a plugin to begin with; roop plugins check NAME checks what an "
    "installed one does."
)
_HEAD = ("NAME", "PACKAGE", "STATUS", "DECLARES", "NETWORK", "FROM")


def build(asked: Asked, words: Sequence[str]) -> tuple[str, Any, list[str]]:
    """The name, the command and its words: of the list itself, or of what is done with one plugin."""
    first, rest = (words[0], list(words[1:])) if words else ("", [])
    if first == "new":
        from roop_host.cli import scaffolding

        return "plugins new", scaffolding.build(asked), rest
    if first == "check":
        from roop_host.cli import checking

        return "plugins check", checking.build(asked, rest), rest
    return "plugins", _build_list(asked), list(words)


def _build_list(asked: Asked) -> Any:
    def call(
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        requirements: Annotated[
            bool, typer.Option("--requirements", help="Print what installs these again, for pip.")
        ] = False,
    ) -> None:
        """List the installed plugins, what they declare, what is wrong."""
        plugins = asked.plugins()
        if requirements:
            show_requirements(plugins.statuses)
        else:
            show(plugins.statuses, as_json=as_json)
        if asked.debug:
            for error in plugins.errors.values():
                traceback.print_exception(error)

    return plain("plugins", call, _EPILOG)


def show(statuses: Sequence[PluginStatus], *, as_json: bool) -> None:
    """Print every plugin with its state; what is wrong stands under the table with the command that repairs it."""
    if as_json:
        typer.echo(json.dumps([{**asdict(status), "lacks": status.lacks} for status in statuses], indent=2))
        return
    rows = [_HEAD]
    for status in statuses:
        network = f"with {status.network}" if isinstance(status.network, str) else "yes" if status.network else "no"
        declares = ", ".join(status.declares) or ("-" if status.state == "ok" else "?")
        rows.append((status.name, status.describe(), status.state, declares, network, status.where))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())
    for status in statuses:
        if status.lacks:
            typer.echo(f"\n{status.name} ({status.describe()}) {status.told_lack()}")
            typer.echo(f"  repair:      {status.reinstall()}" if status.installed else "  install it, then try again")
        if not status.usable:
            typer.echo(f"\n{status.name} ({status.describe()}) is {status.state}: {status.reason}")
            typer.echo(f"  repair:      {status.repair}" if status.repair else "  repair it, then try again")
            typer.echo(f"  run without: {status.without()}")
    if not statuses:
        typer.echo(f"no plugin is installed; begin with: {pip('install', 'roop-swapper', 'roop-nsfw')}")


def show_requirements(statuses: Iterable[PluginStatus]) -> None:
    """Print lines for ``pip install -r``: the host and every plugin, each at its version."""
    for line in sorted({status.requirement() for status in (host_status(), *statuses) if status.installed}):
        typer.echo(line)
