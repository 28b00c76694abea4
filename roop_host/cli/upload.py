"""``roop upload``: outputs that exist already are sent, by the uploaders and with the flags of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roop_host.cli.run import FILES, command, file_flags, layers_of, option_flag, plugins_for
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.types.job import job_fields

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.host import Control, Host, OnProgress
    from roop_host.plugins.found import Plugins
    from roop_host.types.job import Job
    from roop_host.types.options import OptionField
    from roop_host.types.report import Report

_ABOUT = "Send outputs that roop made and screened here, unchanged since: what was sent in part before is gone on with."
_EPILOG = (
    "The files are known by their content, so they may have been moved or renamed. What is not known can be sent by "
    "roop run with --upload, which makes and screens it."
)


def build(asked: Asked, words: Sequence[str]) -> Any:
    """The command, with the flags of all plugins that can send."""
    plugins = plugins_for(asked, words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.cli.execute import carry_out

        def work(host: Host, control: Control, on_progress: OnProgress) -> Report:
            job = _job(asked, plugins, values, given)
            return host.upload(
                values["files"],
                job.uploads,
                plugin_options=job.plugin_options,
                execution=job.execution,
                control=control,
                on_progress=on_progress,
            )

        return carry_out(work, _tell, plugins, values)

    return command("upload", _ABOUT, upload_flags(plugins.uploaders), _fields(plugins), plugins, asked, call, _EPILOG)


def upload_flags(installed: Sequence[str] | Mapping[str, Any] = ()) -> dict[str, tuple[Any, Any]]:
    """Files and where they go."""
    about = "Outputs that roop made and screened here."
    files = typer.Argument(metavar="FILE", rich_help_panel=FILES, help=about, show_default=False)
    there = ", ".join(sorted(installed)) or "none"
    to = option_flag(
        str | None, "--to", panel=FILES, metavar="A,B", help=f"The uploaders that send them: a,b (installed: {there})."
    )
    return {"files": (Annotated[list[str], files], ...), "to": (to, None), "plugin": file_flags()["plugin"]}


def _fields(plugins: Plugins) -> Iterator[OptionField]:
    """The time-out, and those of plugins that send."""
    yield from (option for option in host_fields() if option.key == "timeout")
    senders = {one.plugin.name for one in plugins.uploaders.values()}
    yield from (option for option in plugin_fields(plugins) if option.owner in senders)


def _job(asked: Asked, plugins: Plugins, values: Mapping[str, Any], given: Mapping[str, Any]) -> Job:
    from roop_host.config.files import read_files
    from roop_host.config.jobs import make_sending
    from roop_host.config.required import require

    files = read_files(asked.config)
    plugins.require_healthy()
    require(files, plugins)
    layers = layers_of(plugins, given, files)
    field = next(field for field in job_fields() if field.key == "upload")
    to = field.read(values["to"], "--to") if values["to"] else ()
    return make_sending(plugins, layers, tuple(values["files"]), to)


def _tell(report: Report, show: Mapping[str, Any]) -> None:
    from roop_host.cli.execute import tell_report

    tell_report(report, show)
