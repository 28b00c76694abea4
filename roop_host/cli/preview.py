"""``roop preview``: the flags of ``roop run``, for one frame of what it would make."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from roop_host.cli.run import (
    FILES,
    check_pairs,
    command,
    file_flags,
    job_of,
    option_flag,
    plugins_for,
    with_pairs,
)
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.errors import UsageError

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.host import Control, Host, OnProgress
    from roop_host.plugins.found import Plugins
    from roop_host.types.options import OptionField
    from roop_host.types.people import Preview

_ABOUT = "Show one frame as a run would make it: before, after, and what was changed, beside each other."
_EPILOG = "All other flags are those of roop run, but for how its output is written."


def build(asked: Asked, words: Sequence[str]) -> Any:
    """The command, with the flags of all plugins that are used."""
    plugins = plugins_for(asked, words)
    check_pairs(words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.cli.execute import carry_out
        from roop_host.config.unasked import Unasked
        from roop_host.types.people import Wish

        unasked = Unasked()

        def work(host: Host, control: Control, on_progress: OnProgress) -> Preview:
            if not values["output"]:
                raise UsageError("--output is missing; name the picture to make, such as -o preview.png")
            job = job_of(asked, plugins, values, given, unasked)
            wish = Wish(_frame(values), values["at"] or "", values["output"])
            return host.preview(job, wish, control=control, on_progress=on_progress)

        return carry_out(work, _tell, plugins, values, unasked)

    return with_pairs(command("preview", _ABOUT, preview_flags(), _fields(plugins), plugins, asked, call, _EPILOG))


def preview_flags() -> dict[str, tuple[Any, Any]]:
    """The files of a run, and which frame."""
    output = option_flag(
        str | None, "-o", "--output", panel=FILES, metavar="PICTURE", help="The picture to make: .png .jpg .webp ..."
    )
    frame = option_flag(
        int | None, "--frame", panel=FILES, metavar="NUMBER", help="Which frame of what is used, from 0 on (default: 0)."
    )
    at = option_flag(str | None, "--at", panel=FILES, metavar="TIME", help="The frame that is shown then: seconds, 1:02.5.")
    return {**file_flags(), "output": (output, None), "frame": (frame, None), "at": (at, None)}


def _fields(plugins: Plugins) -> Iterator[OptionField]:
    """All but those that say how an output is written or a run is continued."""
    for option in (*host_fields(), *plugin_fields(plugins)):
        if option.owner or (option.panel != "Output" and option.key != "resumable") or option.key == "overwrite":
            yield option


def _frame(values: Mapping[str, Any]) -> int:
    if values["frame"] is not None and values["at"]:
        raise UsageError("--frame and --at both say which frame; leave one out")
    return values["frame"] or 0


def _tell(preview: Preview, show: Mapping[str, Any]) -> None:
    from roop_host.cli.execute import tell_notices

    tell_notices(preview.report, show)
    if show["json"]:
        typer.echo(json.dumps(preview.to_json(), indent=2))
    elif not show["quiet"]:
        count = len(preview.faces)
        faces = f"{len(preview.edited)} of {count} face{'' if count == 1 else 's'} changed"
        loading_s = preview.report.loading_seconds
        made_s = preview.report.seconds - loading_s
        typer.echo(
            f"{preview.picture}: frame {preview.frame} at {preview.time_s:.2f} s, {faces}, "
            f"made in {made_s:.1f} s after {loading_s:.1f} s of loading; marked as synthetic",
            err=True,
        )
