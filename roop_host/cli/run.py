"""``roop run``: flags of the host and of every installed plugin, made into a job."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import ConfigFile, check_plugin_tables, read_files
from roop_host.config.jobs import Request, make_job, read_job
from roop_host.config.layers import Layers, idle_variables
from roop_host.config.required import require
from roop_host.errors import UsageError, visible
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins
from roop_host.types.job import Job
from roop_host.types.options import OptionField

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.config.unasked import Unasked

FILES, _SHOW = "Files", "Display"
_MAP = "--map"
_EPILOG = (
    "Every option but those of one run can stand in roop.toml (roop config init writes one) or in a variable: "
    "ROOP_QUALITY for --quality, ROOP_NSFW_THRESHOLD for --nsfw-threshold. A flag stands above a variable, a variable "
    "above the file."
)


class _Command(TyperCommand):
    """Help under the headings of the host and of each plugin, in plain text: it starts twice as fast as with colours."""

    plugins = Plugins()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises ``UsageError`` for a flag of a plugin that takes no part: typer only knows that there is none."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            flag = getattr(error, "option_name", "")
            owner = self.plugins.option_brought_by(flag)
            if not owner:
                raise
            raise UsageError(f"no such option: {flag}{owner}") from error

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and parameter.param_type_name == "argument":
                record = str(parameter.metavar), record[1]  # what it is to Python is nothing to users
            if record:
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or _SHOW, []).append(record)
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def build(asked: Asked, words: Sequence[str]) -> Any:
    """The command with the flags of all plugins that are used. ``words`` are looked at for ``--plugin``."""
    plugins = plugins_for(asked, words)
    check_pairs(words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.cli.execute import execute
        from roop_host.config.unasked import Unasked

        unasked = Unasked()
        return execute(lambda: job_of(asked, plugins, values, given, unasked), plugins, values, unasked)

    about = "Run a job: sources, target, processors, output."
    made = command("run", about, file_flags(), (*host_fields(), *plugin_fields(plugins)), plugins, asked, call, _EPILOG)
    return with_pairs(made)


def plugins_for(asked: Asked, words: Sequence[str]) -> Plugins:
    """The plugins whose flags are shown."""
    plugins = load_plugins(asked.off, _plugin_files(words))
    if {"-h", "--help"} & set(words):  # the command itself refuses
        for status in plugins.statuses:
            if not (status.usable or status.installed):
                _note(f"the options of {status.where} are not shown, as it is {status.state}: {status.reason}")
    return plugins


def command(
    name: str,
    about: str,
    files: Mapping[str, tuple[Any, Any]],
    fields: Iterable[OptionField],
    plugins: Plugins,
    asked: Asked,
    call: Callable[[Mapping[str, Any], Mapping[str, Any]], int],
    epilog: str = "",
) -> Any:
    """A command of these flags and options. ``call`` is given all values, and by flag those of options that were said."""
    # Named by number: what a plugin is called need not be a name of Python.
    options = {f"option_{number}": option for number, option in enumerate(fields)}
    flags = {
        **files,
        **{key: _flag(option, _choices(option, plugins)) for key, option in options.items()},
        **display_flags(),
    }

    def called(**values: Any) -> int:
        given = {option.flag: values[key] for key, option in options.items() if values[key] is not None}
        return call({**values, "debug": values["debug"] or asked.debug}, given)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in flags.items()
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = {"max_content_width": 110, "help_option_names": ["-h", "--help"]}
    single.command(name, cls=_Command, context_settings=settings, help=about, epilog=epilog)(called)
    made: Any = typer.main.get_command(single)
    made.plugins = plugins
    return made


def check_pairs(words: Sequence[str]) -> None:
    """Raise ``UsageError`` for a ``--map`` that would take a flag for its second word."""
    for word, *pair in zip(words, words[1:], words[2:], strict=False):
        if word == "--":
            return
        flag = next((one for one in pair if one.startswith("-")), None)
        if word == _MAP and flag is not None:
            what = "REFERENCE" if flag == pair[1] else "SOURCE"
            raise UsageError(f"{_MAP} takes SOURCE and REFERENCE, and {what} is missing before {flag} (a file: ./{flag})")


def with_pairs(made: Any) -> Any:
    """A command that has ``--map``."""
    for parameter in made.params:
        if _MAP in parameter.opts:
            parameter.nargs = 2  # typer knows no list of pairs
    return made


def job_of(asked: Asked, plugins: Plugins, values: Mapping[str, Any], given: Mapping[str, Any], unasked: Unasked) -> Job:
    """The job that was asked for. A job file says everything itself: no variable and no config file changes it."""
    files = read_files(asked.config)
    plugins.require_healthy()
    require(files, plugins)
    base = read_job(Path(values["job"])) if values["job"] else None
    layers = Layers(given, {}, ()) if base else layers_of(plugins, given, files)
    unasked.look(layers, plugins)
    sources, references, pairs = (tuple(values[name] or ()) for name in ("source", "reference_face", "map"))
    return make_job(plugins, Request(layers, sources, values["target"], values["output"], base, references, pairs))


def layers_of(plugins: Plugins, given: Mapping[str, Any], files: Sequence[ConfigFile]) -> Layers:
    for notice in check_plugin_tables(files, plugins):
        _note(notice)
    for name, instead in idle_variables(plugins, os.environ).items():
        _note(f"the variable {name} sets nothing; {instead}")
    return Layers(given, os.environ, files)


def _note(text: str) -> None:
    """Whether anybody hears it changes nothing of the job."""
    with suppress(OSError):
        typer.echo(f"roop: {text}", err=True)


def _plugin_files(words: Sequence[str]) -> Iterator[Path]:
    """Their flags belong to the command, so they are looked for before it is parsed."""
    for word, following in zip_longest(words, words[1:]):
        if word == "--":
            return
        if word == "--plugin" and following is not None:
            yield Path(following)
        elif word.startswith("--plugin="):
            yield Path(word.removeprefix("--plugin="))


def option_flag(kind: Any, *names: str, panel: str, help: str, **more: Any) -> Any:  # noqa: A002  (typer's own word)
    return Annotated[kind, typer.Option(*names, rich_help_panel=panel, help=help, show_default=False, **more)]


def file_flags() -> dict[str, tuple[Any, Any]]:
    """Name to annotation and default. Text, not paths: whether a file can be read is for the host to say."""
    many = list[str] | None
    source = option_flag(
        many,
        "-s",
        "--source",
        panel=FILES,
        metavar="FILE",
        help="Picture of the face to put in, or face:NAME; of several faces the largest; several are one person.",
    )
    reference = option_flag(
        many,
        "--reference-face",
        panel="Faces",
        metavar="FILE",
        help="Picture of whom to change, or face:NAME; several are one person.",
    )
    pairs = option_flag(
        many,
        _MAP,
        panel="Faces",
        metavar="SOURCE REFERENCE",
        parser=tuple,
        help="Put this face in place of that person; once for each of several people, in place of --source.",
    )
    target = option_flag(
        str | None, "-t", "--target", panel=FILES, metavar="FILE", help="Picture, clip or folder to change."
    )
    output = option_flag(
        str | None,
        "-o",
        "--output",
        panel=FILES,
        metavar="FILE",
        help="Where the result goes: .mp4 .mov .mkv .webm .gif .jpg .png ..., or a folder.",
    )
    job = option_flag(
        str | None, "--job", panel=FILES, metavar="FILE", help="A job as JSON (or a report with one); flags stand above it."
    )
    plugin = option_flag(many, "--plugin", panel="Processors", metavar="FILE.py", help="A plugin that is a single file.")
    return {
        "source": (source, None),
        "target": (target, None),
        "output": (output, None),
        "job": (job, None),
        "reference_face": (reference, None),
        "map": (pairs, None),
        "plugin": (plugin, None),
    }


def display_flags() -> dict[str, tuple[Any, Any]]:
    return {
        "json": (option_flag(bool, "--json", panel=_SHOW, help="Print the report as JSON."), False),
        "quiet": (option_flag(bool, "-q", "--quiet", panel=_SHOW, help="No progress, no summary."), False),
        "debug": (
            option_flag(bool, "--debug", panel=_SHOW, help="Show an error's traceback, and what plugins log."),
            False,
        ),
    }


def _choices(option: OptionField, plugins: Plugins) -> str:
    """What plugins offer to choose from."""
    sidecars = [name for name, one in plugins.exporters.items() if one.spec.role == "sidecar"]
    tables = {"--processors": plugins.processors, "--export": sidecars, "--upload": plugins.uploaders}
    return f"installed: {', '.join(sorted(tables[option.flag])) or 'none'}" if option.flag in tables else ""


def _flag(option: OptionField, choices: str) -> tuple[Any, Any]:
    """Text, read by the one converter; only yes and no are flags without a value. None means not said."""
    said = visible(option.help)
    notes = (choices, option.limits, f"default: {_show(option.default)}")
    text = f"{said} ({'; '.join(filter(None, notes))})"
    panel = option.panel or f"Plugin {option.owner}"
    if option.kind is bool:
        names = option.flag if option.per_run else f"{option.flag}/--no-{option.flag[2:]}"
        return option_flag(bool | None, names, panel=panel, help=text), None
    return option_flag(str | None, option.flag, panel=panel, help=text, metavar=_metavar(option)), None


def _metavar(option: OptionField) -> str:
    kind = option.kind
    if get_origin(kind) is Literal:
        return "[" + "|".join(map(str, get_args(kind))) + "]"
    if get_origin(kind) is tuple:
        return "A,B"
    words = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return next((word for part, word in words.items() if kind is part or part in get_args(kind)), "TEXT")


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, tuple):
        return ",".join(map(_show, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
