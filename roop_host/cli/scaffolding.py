"""``roop plugins new``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roop_host.cli.app import plain
from roop_host.errors import UsageError
from roop_host.plugins.names import bare
from roop_host.scaffold import Scaffold, write
from roop_host.scaffold.names import names_of, require_free
from roop_host.scaffold.parts import KINDS, ROLES
from roop_host.types.options import closest
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.plugins.found import Plugins

_EPILOG = (
    "NAME is a word like my-filter: the package is roop-my-filter. What is written works and is tested at once; "
    "change it into what you want."
)
_NAME = typer.Argument(metavar="NAME", help="What it is called.", show_default=False)
_KIND = typer.Option("--kind", metavar="KIND", help=f"What it is: {', '.join(KINDS)}.", show_default=False)
_ROLE = typer.Option(
    "--role", metavar="ROLE", help=f"What an exporter does: {', '.join(ROLES)} (default: sidecar).", show_default=False
)
_FOLDER = typer.Option("--folder", metavar="FOLDER", help="Where its folder is made (default: here).", show_default=False)


def build(asked: Asked) -> Any:
    """The command."""

    def call(
        name: Annotated[str, _NAME],
        kind: Annotated[str, _KIND],
        role: Annotated[str | None, _ROLE] = None,
        folder: Annotated[str | None, _FOLDER] = None,
    ) -> None:
        """Write a package with a plugin that works, its tests and its checks on GitHub."""
        names, part = names_of(name), _part(kind, role)
        plugins = asked.plugins()
        require_free(names, _taken(plugins), _flags(plugins))
        if folder == "":
            raise UsageError("--folder is empty; name a folder, or leave it out for the working folder")
        scaffold = Scaffold(names, part)
        _tell(scaffold, write(scaffold, Path(folder or ".")))

    return plain("new", call, _EPILOG)


def _part(kind: str, role: str | None) -> str:
    """The name of what is written. Raises ``UsageError``."""
    if kind not in KINDS:
        raise UsageError(f"--kind takes {', '.join(KINDS)}, not {kind!r}{closest(kind, KINDS)}")
    if role is None:
        return "sidecar" if kind == "exporter" else kind
    if kind != "exporter":
        raise UsageError(f"--role is for --kind exporter; leave it out for a {kind}")
    if role not in ROLES:
        raise UsageError(f"--role takes {', '.join(ROLES)}, not {role!r}{closest(role, ROLES)}")
    return role


def _taken(plugins: Plugins) -> Iterator[tuple[str, str]]:
    for status in plugins.statuses:
        whose = f"an installed plugin ({status.describe()})"
        yield bare(status.name), whose
        yield from ((declares.rpartition(" ")[2], f"declared by {whose}") for declares in status.declares)


def _flags(plugins: Plugins) -> Iterator[tuple[str, str]]:
    for owner, options in plugins.options.items():
        yield from ((name, f"the plugin {owner}") for option in options for name in option.taken_names)


def _tell(scaffold: Scaffold, made: Path) -> None:
    typer.echo(f"{made}: the {scaffold.kind} {scaffold.declared}, package {scaffold.names.distribution}")
    typer.echo(f"  install: {pip('install', '-e', f'{made}[test]')}")
    typer.echo(f"  check:   {scaffold.check}")
    typer.echo(f"  use:     {scaffold.example}")
    if scaffold.kind == "analyser":
        typer.echo("  note:    with two analysers installed, runs that need faces stop; switch one off with -p no:NAME")
