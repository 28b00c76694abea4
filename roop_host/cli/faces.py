"""``roop faces``: who is seen in a target, and faces kept under a name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roop_host.cli.app import plain
from roop_host.cli.run import FILES, command, layers_of, option_flag, plugins_for
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.errors import UsageError, visible
from roop_host.types.job import job_fields

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked
    from roop_host.config.unasked import Unasked
    from roop_host.host import Control, Host, OnProgress
    from roop_host.plugins.found import Plugins
    from roop_host.types.job import Job
    from roop_host.types.options import OptionField
    from roop_host.types.people import Looked
    from roop_host.types.report import Report

_ABOUT = "Show who is seen in a picture, clip or folder: where, how well, and which frame shows each best."
_EPILOG = (
    "Below the people stand, for each of several, the flags that make roop run change just that one. "
    "roop faces save NAME PICTURE... keeps somebody for -s face:NAME; roop faces list and roop faces rm NAME go with it. "
    "A target that is called save, list or rm is ./save."
)
_SAVE = "Keep somebody under a name, for face:NAME in place of a picture."
_OF_A_LOOK = frozenset({"trim_start", "trim_end", "deinterlace", "folder", "salvage", "screen_limit"})
_OF_LOADING = frozenset({"device", "precision", "threads", "timeout", "offline"})
_Call = Callable[[Mapping[str, Any], Mapping[str, Any]], int]


def build(asked: Asked, words: Sequence[str]) -> tuple[str, Any, list[str]]:
    """The name, the command and its words: of the look itself, or of what is done with saved faces."""
    first, rest = (words[0], list(words[1:])) if words else ("", [])
    if first == "save":
        return "faces save", _build_save(asked, rest), rest
    if first in ("list", "rm"):
        return f"faces {first}", plain(first, _list if first == "list" else _rm), rest
    return "faces", _build_look(asked, words), list(words)


def look_flags() -> dict[str, tuple[Any, Any]]:
    """Files and what of them is looked at."""
    many, order = list[str] | None, next(field for field in job_fields() if field.key == "face_selector_order")
    like = option_flag(
        many, "--like", panel=FILES, metavar="FILE", help="Compare with this picture or face:NAME; may come twice."
    )
    drawn = option_flag(
        str | None, "-o", "--output", panel=FILES, metavar="PICTURE", help="Draw what was found: .png .jpg ..."
    )
    over = option_flag(bool, "--overwrite", panel=FILES, help="Replace a picture that exists.")
    every = option_flag(int, "--every", panel="Target", metavar="NUMBER", help="Look at one frame of so many.")
    most = option_flag(
        int, "--max-frames", panel="Target", metavar="NUMBER", help="Look at so many frames at most; 0 is all."
    )
    count = option_flag(
        str | None,
        "--order",
        panel="Faces",
        metavar="ORDER",
        help=f"How positions count ({order.takes}; default: large-small).",
    )
    target = Annotated[str, typer.Argument(metavar="INPUT", help="Picture, clip or folder.", show_default=False)]
    return {
        "target": (target, ...),
        "like": (like, None),
        "output": (drawn, None),
        "overwrite": (over, False),
        "every": (every, 1),
        "max_frames": (most, 0),
        "order": (count, None),
    }


def _build_look(asked: Asked, words: Sequence[str]) -> Any:
    plugins = plugins_for(asked, words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.cli.execute import carry_out
        from roop_host.config.unasked import Unasked
        from roop_host.types.people import Look

        unasked = Unasked()

        def work(host: Host, control: Control, on_progress: OnProgress) -> Looked:
            job = _job(asked, plugins, given, unasked, values["target"], (), tuple(values["like"] or ()))
            order = job.faces.order
            if values["order"]:
                field = next(field for field in job_fields() if field.key == "face_selector_order")
                order = field.read(values["order"], "--order")
            look = Look(values["every"], values["max_frames"], order, values["output"] or "", values["overwrite"])
            return host.look(job, look, control=control, on_progress=on_progress)

        return carry_out(work, _tell_look, plugins, values, unasked)

    fields = _fields(plugins, _OF_A_LOOK | _OF_LOADING)
    return command("faces", _ABOUT, look_flags(), fields, plugins, asked, call, _EPILOG)


def _build_save(asked: Asked, words: Sequence[str]) -> Any:
    plugins = plugins_for(asked, words)

    def call(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        from roop_host.cli.execute import carry_out
        from roop_host.config.unasked import Unasked

        unasked = Unasked()

        def work(host: Host, control: Control, on_progress: OnProgress) -> Report:
            pictures = tuple(values["pictures"])
            job = _job(asked, plugins, given, unasked, pictures[0], pictures, ())
            return host.save_face(job, values["name"], overwrite=values["overwrite"], control=control)

        return carry_out(work, _tell_saved, plugins, values, unasked)

    name = Annotated[str, typer.Argument(metavar="NAME", help="What face:NAME will say.", show_default=False)]
    pictures = Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Of one person.", show_default=False)]
    over = option_flag(bool, "--overwrite", panel=FILES, help="Replace a face that is saved under this name.")
    flags = {"name": (name, ...), "pictures": (pictures, ...), "overwrite": (over, False)}
    return command("save", _SAVE, flags, _fields(plugins, _OF_LOADING | {"screen_limit"}), plugins, asked, call)


def _list(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """List the faces that are saved, and who knows them."""
    from roop_host.errors import RoopError
    from roop_host.faces import saved

    rows: list[dict[str, Any]] = []
    for name in saved.names():
        try:
            face = saved.load(name)
        except RoopError as error:
            rows.append({"name": name, "error": visible(str(error))})
            continue
        about = {"pictures": len(face.pictures), "recognisers": list(face.recognisers), "created": face.created}
        rows.append({"name": name, **about, "path": str(face.path)})
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        if "error" in row:
            typer.echo(f"{row['name']}: {row['error']}")
            continue
        known = ", ".join(row["recognisers"]) or "no recogniser"
        typer.echo(f"face:{row['name']}  {_count(row['pictures'], 'picture')}  {known}  {row['created']}")
    if not rows:
        typer.echo(f"no face is saved in {saved.faces_folder()}; save one: roop faces save NAME PICTURE")
    return 0


def _rm(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Saved faces.", show_default=False)]) -> int:
    """Delete saved faces."""
    from roop_host.faces import saved

    for name in names:
        saved.remove(name)
        typer.echo(f"face:{name} is deleted", err=True)
    return 0


def _fields(plugins: Plugins, keys: frozenset[str]) -> Iterator[OptionField]:
    """The host's of these names, and those of plugins that look: analysers and screeners."""
    yield from (option for option in host_fields() if option.key in keys)
    lookers = {one.plugin.name for table in (plugins.analysers, plugins.screeners) for one in table.values()}
    yield from (option for option in plugin_fields(plugins) if option.owner in lookers)


def _job(
    asked: Asked,
    plugins: Plugins,
    given: Mapping[str, Any],
    unasked: Unasked,
    target: str,
    sources: tuple[str, ...],
    likes: tuple[str, ...],
) -> Job:
    from roop_host.config.files import read_files
    from roop_host.config.jobs import make_look
    from roop_host.config.required import require

    files = read_files(asked.config)
    plugins.require_healthy()
    require(files, plugins)
    layers = layers_of(plugins, given, files)
    unasked.look(layers, plugins)
    if not target:
        raise UsageError("INPUT is empty; name a picture, a clip or a folder")
    return make_look(plugins, layers, target, sources, likes)


def _tell_look(looked: Looked, show: Mapping[str, Any]) -> None:
    from roop_host.cli.execute import tell_notices
    from roop_host.cli.people import lines

    tell_notices(looked.report, show)
    if show["json"]:
        typer.echo(json.dumps(looked.to_json(), indent=2))
        return
    for line in lines(looked):
        typer.echo(line)
    if looked.drawn and not show["quiet"]:
        typer.echo(f"{looked.drawn}: the picture of {_count(len(looked.people), 'face')}", err=True)


def _tell_saved(report: Report, show: Mapping[str, Any]) -> None:
    from roop_host.cli.execute import tell_notices

    tell_notices(report, show)
    if show["json"]:
        typer.echo(json.dumps(report.to_json(), indent=2))
    elif not show["quiet"]:
        typer.echo(f"{report.output}: saved; use it as -s face:{show['name']}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
