"""``roop run``: flags of the host and of every installed plugin, made into a job."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from roop_host.cli.telling import tell_json
from roop_host.errors import UsageError
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins
from roop_host.types.job import MOST_THREADS, ExecutionOptions, FaceSelection, Job, MediaOptions, Step
from roop_host.types.options import OptionField

_FILES, _CHAIN, _FACES, _MEDIA, _MACHINE, _SHOW = "Files", "Processors", "Faces", "Output", "Execution", "Display"
# Far above, decoders fail as if the file were broken.


def _opt(kind: Any, *names: str, panel: str, help: str, **more: Any) -> Any:  # noqa: A002  (typer's own word)
    # Whether a file can be read is for the host to say, in its own words: typer would call it bad usage.
    option = typer.Option(*names, rich_help_panel=panel, help=help, show_default=False, readable=False, **more)
    return Annotated[kind, option]


def _host_flags() -> dict[str, tuple[Any, Any]]:
    """Name to annotation and default. Defaults of what a job decides are None, so that the job's own holds."""
    many = list[Path]
    flags: dict[str, tuple[Any, Any]] = {
        "source": (
            _opt(many | None, "-s", "--source", panel=_FILES, help="Picture of the face to put in; may come twice."),
            None,
        ),
        "target": (_opt(Path, "-t", "--target", panel=_FILES, help="Picture or video to change."), ...),
        "output": (_opt(Path, "-o", "--output", panel=_FILES, help="Where the result goes: .mp4 .mov .mkv .jpg .png"), ...),
        "overwrite": (_opt(bool, "--overwrite", panel=_FILES, help="Replace an output that exists."), False),
        "processors": (
            _opt(str, "--processors", panel=_CHAIN, help="Steps in their order: a,b,c (default: swapper)"),
            "swapper",
        ),
        "face_selector_mode": (
            _opt(Literal["one", "many"] | None, panel=_FACES, help="The largest face, or all. (default: one)"),
            None,
        ),
        "on_no_face": (
            _opt(
                Literal["keep", "fail"] | None, panel=_FACES, help="A frame without a face: keep it or stop. (default: keep)"
            ),
            None,
        ),
        "quality": (_opt(int | None, min=0, max=100, panel=_MEDIA, help="0 to 100. (default: 80)"), None),
        "encoder": (_opt(str | None, panel=_MEDIA, help="libx264, libx265, ... (default: what loses nothing)"), None),
        "preset": (_opt(str | None, panel=_MEDIA, help="The encoder's own speed setting."), None),
        "device": (
            _opt(Literal["auto", "cpu", "cuda"] | None, panel=_MACHINE, help="Where networks run. (default: auto)"),
            None,
        ),
        "threads": (
            _opt(int | None, min=0, max=MOST_THREADS, panel=_MACHINE, help="Threads to use; 0 is one per core."),
            None,
        ),
        "timeout": (
            _opt(float | None, min=0.1, panel=_MACHINE, help="Seconds one call of a plugin may take. (default: 120)"),
            None,
        ),
        "resumable": (
            _opt(bool, "--resumable", panel=_MACHINE, help="Keep finished segments when stopped; the next run goes on."),
            False,
        ),
        "screen_limit": (_opt(float | None, min=0, max=1, panel=_MACHINE, help="Screen more strictly than 0.85."), None),
        "json": (_opt(bool, "--json", panel=_SHOW, help="Print the report as JSON."), False),
        "quiet": (_opt(bool, "-q", "--quiet", panel=_SHOW, help="No progress, no summary."), False),
        "debug": (_opt(bool, "--debug", panel=_SHOW, help="Show the traceback of an error."), False),
    }
    return flags


class _Command(TyperCommand):
    """Bad usage gives a report too, where one was asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = tuple(args)  # parsing empties the list
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            tell_json(UsageError(error.format_message()), "--json" in given)
            raise


def build(off: Iterable[str]) -> Any:
    """The command with the flags of all plugins that are not ``off``."""
    plugins = load_plugins(off)
    flags = _host_flags()
    fields = {field.flag[2:].replace("-", "_"): field for group in plugins.options.values() for field in group}
    for name, field in fields.items():
        text = f"{field.help} (default: {field.default})"
        panel = f"Plugin {field.owner}"
        names = (field.flag, f"--no-{field.flag[2:]}") if field.kind is bool else (field.flag,)
        flags[name] = (_opt(_flag_kind(field), "/".join(names), panel=panel, help=text), None)

    def command(**values: Any) -> None:
        from roop_host.cli.execute import execute

        given = {field: values.pop(name) for name, field in fields.items()}
        raise typer.Exit(execute(lambda: make_job(plugins, values, given, os.environ), plugins, values))

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=inspect.Parameter.empty if default is ... else default,
        )
        for name, (annotation, default) in flags.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    single = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    single.command("run", cls=_Command, help="Run a job: sources, target, processors, output.")(command)
    return typer.main.get_command(single)


def make_job(
    plugins: Plugins, values: Mapping[str, Any], given: Mapping[OptionField, Any], environment: Mapping[str, str]
) -> Job:
    """The job that the flags ask for; what was not said is left to the job's defaults. Raises ``UsageError``."""
    names = [name.strip() for name in values["processors"].split(",") if name.strip()]
    owners = {name: plugins.processor(name).plugin.name for name in names}
    always = {d.plugin.name for d in plugins.screeners.values()} | {d.plugin.name for d in plugins.analysers.values()}
    used = always | set(owners.values())  # a variable set for good must not stop jobs that have no use for it
    options: dict[str, dict[str, Any]] = {
        plugin: {
            field.name: _plain(field.read(environment[field.variable], field.variable))
            for field in group
            if field.variable in environment
        }
        for plugin, group in plugins.options.items()
        if plugin in used
    }
    for field, value in given.items():
        if value is None:
            continue
        if field.owner not in used:
            raise UsageError(
                f"{field.flag} belongs to the plugin {field.owner}, which no step of this job uses; leave it out"
            )
        options[field.owner][field.name] = _plain(field.read(value, field.flag))
    execution = {"device": "device", "threads": "threads", "timeout_s": "timeout", "resumable": "resumable"}
    media = {name: name for name in ("quality", "encoder", "preset", "overwrite")}
    others = {"on_no_face": "on_no_face", "screen_limit": "screen_limit"}
    selection = values["face_selector_mode"]
    return Job(
        sources=tuple(str(path) for path in values["source"] or ()),
        target=str(values["target"]),
        output=str(values["output"]),
        steps=tuple(Step(name, options.get(owners[name], {})) for name in names),
        faces=FaceSelection() if selection is None else FaceSelection(selection),
        media=MediaOptions(**_said(values, media)),
        execution=ExecutionOptions(**_said(values, execution)),
        plugin_options={name: chosen for name, chosen in options.items() if chosen and name in always},
        **_said(values, others),
    )


def _said(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {field: values[flag] for field, flag in names.items() if values[flag] is not None}


def _flag_kind(field: OptionField) -> Any:
    """What typer parses; anything it does not know comes as text and is converted later."""
    kind = field.kind
    simple = kind in (bool, int, float, str, Path)
    literal = get_origin(kind) is Literal and all(isinstance(choice, str) for choice in get_args(kind))
    return (kind if simple or literal else str) | None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return str(value) if isinstance(value, Path) else value
