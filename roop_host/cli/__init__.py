"""The command line: one of the doors to a job, with no rule of its own.

Nothing heavy is imported before a job runs: ``roop --help`` must stay fast with any number of plugins.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from roop_host.cli.telling import tell_error
from roop_host.errors import RoopError


class _Group(TyperGroup):
    """Builds ``run`` only when it was asked for, since its flags are those of the installed plugins."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] == "run":
            from roop_host.cli.run import build

            try:
                return "run", build(_off(ctx.params)), args[1:]
            except RoopError as error:
                tell_error(error, as_json="--json" in args)
                raise typer.Exit(error.exit_code) from error
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Put the face of one picture into pictures and videos, through plugins. With the consent of the people shown.",
)


def _show_version(value: bool) -> None:
    if value:
        from roop_host import __version__

        typer.echo(f"roop {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    plugin: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="no:NAME", help="Switch a plugin off; comes before the sub-command.", show_default=False),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Checks what stands before the sub-command."""
    ctx.obj = _off(ctx.params)


@app.command(help="Run a job: sources, target, processors, output.")
def run() -> None:
    """Stands in the group's help; ``_Group`` builds the real one."""


@app.command(help="List the installed plugins: what they declare, what is off or broken, what uses the network.")
def plugins(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Never fails because of a plugin."""
    from roop_host.cli.listing import show

    try:
        show(ctx.obj, as_json=as_json)
    except RoopError as error:
        tell_error(error)
        raise typer.Exit(error.exit_code) from error


def _off(params: dict[str, Any]) -> tuple[str, ...]:
    """The names after ``-p no:``."""
    names = []
    for word in params.get("plugin") or ():
        if not word.startswith("no:") or not word[3:]:
            raise typer.BadParameter(f"-p takes no:NAME, for example -p no:enhancer, not {word!r}")
        names.append(word[3:])
    return tuple(names)


def main() -> None:
    """The console script."""
    app()
