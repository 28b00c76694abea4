"""The commands of ``roop`` and what stands before them. Each command's own module is imported when it is called."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from roop_host.cli.asked import Asked
from roop_host.cli.streams import is_lost, printing
from roop_host.cli.telling import tell_error
from roop_host.errors import Interrupted, RoopError, UsageError, told
from roop_host.plugins.names import HOST_COMMANDS

_JSON = typer.Option("--json", help="Print JSON.")
#: Options that stand before the sub-command, as they are said.
_BEFORE = {"-p": "-p no:NAME", "--config": "--config FILE"}
_NAMES = typer.Argument(metavar="NAME...", help="Models or packs.", show_default=False)


@contextmanager
def _stop_is_told() -> Iterator[None]:
    """A Ctrl-C, after which typer would end without a word."""
    try:
        yield
    except KeyboardInterrupt as error:
        where = next(iter(getattr(error, "__notes__", ())), "stopped before the end of the command")
        raise Interrupted(where) from error


class _Group(TyperGroup):
    """Builds those commands when they are asked for whose flags are those of the installed plugins."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        with _stop_is_told():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        with _stop_is_told():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, asked = args[0], _asked(ctx.params)
        if name == "run":
            from roop_host.cli.run import build

            return "run", build(asked, args[1:]), args[1:]
        if name == "preview":
            from roop_host.cli import preview

            return "preview", preview.build(asked, args[1:]), args[1:]
        if name == "faces":
            from roop_host.cli import faces

            return faces.build(asked, args[1:])
        if name == "upload":
            from roop_host.cli import upload

            return "upload", upload.build(asked, args[1:]), args[1:]
        if name == "plugins":
            from roop_host.cli import listing

            return listing.build(asked, args[1:])
        if name in HOST_COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        raise typer.Exit(_plugin_command(asked, name, args[1:]))


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Put the face of one picture into pictures and videos, through plugins. With the consent of the people shown.",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Installed plugins may add commands: roop plugins lists them. roop verify comes with roop-provenance.",
)
config_app = typer.Typer(rich_markup_mode=None, help="Options: what holds and who said it, their files, a first file.")
app.add_typer(config_app, name="config")
models_app = typer.Typer(rich_markup_mode=None, help="Models: what there is, fetch, bring your own, verify, remove.")
app.add_typer(models_app, name="models")


def plain(name: str, call: Callable[..., Any], epilog: str | None = None) -> Any:
    """The command of a function, whose docstring is the help: no plugin adds a flag."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    words = {"help_option_names": ["-h", "--help"]}
    single.command(name, context_settings=words, help=call.__doc__, epilog=epilog)(call)
    return typer.main.get_command(single)


def call(words: Sequence[str]) -> int:
    """Run a command line; the exit code. Every error is one sentence."""
    try:
        result = app(list(words) or ["--help"], prog_name="roop", standalone_mode=False)
    except TyperException as error:
        return _failed(UsageError(_sentence(error, words)), words)
    except RoopError as error:
        return _failed(error, words)
    except (SystemExit, OSError) as error:
        lost = error if isinstance(error, OSError) else error.__context__  # typer ends where a pipe has no reader
        if is_lost(lost):
            return printing(0, partial(_raise, lost))
        return _failed(RoopError(f"an unexpected {told(error)}; run again with --debug"), words)
    return result if isinstance(result, int) else 0


def _failed(error: RoopError, words: Sequence[str]) -> int:
    return printing(error.exit_code, partial(_tell, error, words))


def _tell(error: RoopError, words: Sequence[str]) -> None:
    if "--debug" in words:
        traceback.print_exception(error)
    tell_error(error, as_json="--json" in words)


def _raise(error: BaseException) -> None:
    raise error


def _sentence(error: TyperException, words: Sequence[str]) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)  # the parser of words has none
    inner = next((f"roop {word}" for word in words if word in HOST_COMMANDS), "roop")
    path = context.command_path if context is not None else inner
    option = getattr(error, "option_name", "")
    if option in _BEFORE and path != "roop":
        return (
            f"{option} stands before the sub-command: roop {_BEFORE[option]} {path.removeprefix('roop ')}; see roop --help"
        )
    return f"{message[:1].lower()}{message[1:]}; see {path} --help"


def _show_version(value: bool) -> None:
    """Among other words; alone it is answered before typer is imported."""
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
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="FILE", help="Read this file in place of roop.toml; '' reads none.", show_default=False
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Checks what stands before the sub-command."""
    ctx.obj = _asked(ctx.params)


@app.command(help="Run a job: sources, target, processors, output.")
def run() -> None:
    """Stands in the group's help; ``_Group`` builds the real one."""


@app.command("preview", help="Show one frame as a run would make it, before any work.")
def preview_stand_in() -> None:
    """As ``run``."""


@app.command("faces", help="Show who is seen in a target; keep faces under a name.")
def faces_stand_in() -> None:
    """As ``run``."""


@app.command("upload", help="Send outputs that roop made and screened here.")
def upload_stand_in() -> None:
    """As ``run``."""


@app.command("plugins", help="List the installed plugins, what they declare, what is wrong.")
def plugins_stand_in() -> None:
    """As ``run``."""


@app.command(help="Look at all that a run needs, and say what to repair.")
def doctor(ctx: typer.Context, as_json: Annotated[bool, _JSON] = False) -> int:
    from roop_host.cli.doctor import tell
    from roop_host.doctor import examine

    return tell(examine(ctx.obj.plugins(), ctx.obj.config), as_json=as_json)


@app.command(help="List the video encoders, and which really open on this machine.")
def encoders(as_json: Annotated[bool, _JSON] = False) -> None:
    from roop_host.cli.encoders import show

    show(as_json=as_json)


@config_app.command("show", help="Every option, the value that holds, and who said it.")
def config_show(ctx: typer.Context, as_json: Annotated[bool, _JSON] = False) -> None:
    from roop_host.cli.config import show

    show(ctx.obj.plugins(), ctx.obj.config, as_json=as_json)


@config_app.command("path", help="The files that are read, the strongest first.")
def config_path(ctx: typer.Context) -> None:
    from roop_host.cli.config import show_paths

    show_paths(ctx.obj.config)


@config_app.command("init", help="Write a roop.toml with every option as a comment.")
def config_init(
    ctx: typer.Context,
    user: Annotated[bool, typer.Option("--user", help="In your config folder, not in the working folder.")] = False,
) -> None:
    from roop_host.cli.config import init

    init(ctx.obj.plugins(), ctx.obj.config, user=user)


@config_app.command("schema", help="JSON Schema of roop.toml, or of a job file.")
def config_schema(
    ctx: typer.Context, job: Annotated[bool, typer.Option("--job", help="Of what roop run --job reads.")] = False
) -> None:
    from roop_host.cli.config import show_schema

    show_schema(ctx.obj.plugins(), job=job)


@models_app.command("list", help="Every model, its licence, and whether it is here.")
def models_list(ctx: typer.Context, as_json: Annotated[bool, _JSON] = False) -> None:
    from roop_host.cli.models import show

    show(ctx.obj, as_json=as_json)


@models_app.command("pull", help="Fetch models and verify them; what was begun is gone on with.")
def models_pull(
    ctx: typer.Context,
    names: Annotated[list[str] | None, _NAMES] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that plugins know.")] = False,
) -> int:
    from roop_host.cli.models import pull

    return pull(ctx.obj, names or (), everything=everything)


@models_app.command("import", help="Copy files that you have into the store, recognised by their hash.")
def models_import(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="A model, or a zip archive with models.")],
) -> int:
    from roop_host.cli.models import bring

    return bring(ctx.obj, files)


@models_app.command("verify", help="Read and hash models: those named, or all that are here.")
def models_verify(
    ctx: typer.Context,
    names: Annotated[list[str] | None, _NAMES] = None,
) -> int:
    from roop_host.cli.models import verify

    return verify(ctx.obj, names or ())


@models_app.command("path", help="The folder of the store, or where a model lies.")
def models_path(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A model or a pack.", show_default=False)] = None,
) -> None:
    from roop_host.cli.models import show_path

    show_path(ctx.obj, name)


@models_app.command("rm", help="Delete what roop put into the store; your own stay.")
def models_rm(ctx: typer.Context, names: Annotated[list[str], _NAMES]) -> int:
    from roop_host.cli.models import remove

    return remove(ctx.obj, names)


def _asked(params: dict[str, Any]) -> Asked:
    names = []
    for word in params.get("plugin") or ():
        if not word.startswith("no:") or not word[3:]:
            raise UsageError(f"-p takes no:NAME, for example -p no:enhancer, not {word!r}")
        names.append(word[3:])
    return Asked(tuple(names), params.get("config"), bool(params.get("debug")))


def _plugin_command(asked: Asked, name: str, words: list[str]) -> int:
    """Run a sub-command that a plugin declares."""
    from roop_host.cli.commands import call_command

    return call_command(asked.plugins(), name, words)
