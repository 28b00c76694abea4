"""``roop config``: what holds and who said it, where files are, a first file, the schema."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import NAME, candidates, check_plugin_tables, read_files, user_file, working_folder
from roop_host.config.layers import Layers, idle_variables
from roop_host.config.schema import config_schema, job_schema
from roop_host.errors import OutputError, UsageError
from roop_host.types.options import OptionField, plain

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins


def show(plugins: Plugins, asked: str | None, *, as_json: bool) -> None:
    """Print every option that a file or a variable can set. Raises ``UsageError`` for a value that does not fit."""
    files = read_files(asked)
    notices = check_plugin_tables(files, plugins)
    options = list(_settable(plugins))
    layers = Layers({}, os.environ, files)
    rows = []
    for option in options:
        said = layers.settle(option)
        rows.append((option, option.default if said is None else said.value, "default" if said is None else said.where))
    idle = idle_variables(plugins, os.environ)
    notices += [f"the variable {name} sets nothing; {instead}" for name, instead in idle.items()]
    if as_json:
        listed = [
            {"table": _table(option), "key": option.key, "value": plain(value), "from": where, "variable": option.variable}
            for option, value, where in rows
        ]
        typer.echo(json.dumps({"files": [str(file.path) for file in files], "options": listed}, indent=2))
    else:
        _print(rows)
    for notice in notices:
        typer.echo(f"roop: {notice}", err=True)


def _print(rows: list[tuple[OptionField, Any, str]]) -> None:
    table = ""
    width = max(len(option.key) + 3 + len(toml(value)) for option, value, _ in rows)
    for option, value, where in rows:
        if _table(option) != table:
            typer.echo(f"{chr(10) if table else ''}[{_table(option)}]")
            table = _table(option)
        typer.echo(f"{option.key} = {toml(value)}".ljust(width) + f"  # {where}")


def show_paths(asked: str | None) -> None:
    """Print the files that count, the strongest first, and which of them exist."""
    paths = candidates(asked, os.environ, working_folder())
    for path in paths:
        typer.echo(f"{path}  ({'not there' if not path.exists() else 'a folder' if path.is_dir() else 'read'})")
    if not paths:
        typer.echo("no file is read, as --config or ROOP_CONFIG says")


def init(plugins: Plugins, asked: str | None, *, user: bool) -> None:
    """Write a file in which every option stands as a comment. Raises ``UsageError`` where one exists already."""
    path = Path(asked) if asked else user_file() if user else working_folder() / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(_lines(plugins)) + "\n")
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; change it, or move it away first") from error
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}); check the folder and its permissions") from error
    typer.echo(str(path))


def show_schema(plugins: Plugins, *, job: bool) -> None:
    """Print the JSON Schema of the config file, or of a job file."""
    typer.echo(json.dumps(job_schema(plugins) if job else config_schema(plugins), indent=2))


def toml(value: Any) -> str:
    """A value as TOML. None has no word there; empty text is read as it."""
    return json.dumps("" if value is None else plain(value), ensure_ascii=False)


def _settable(plugins: Plugins) -> Iterator[OptionField]:
    yield from (option for option in host_fields() if not option.per_run)
    yield from plugin_fields(plugins)


def _table(option: OptionField) -> str:
    return f"plugin.{option.owner}" if option.owner else "run"


def _lines(plugins: Plugins) -> Iterator[str]:
    yield "# Options of roop. A flag stands above a variable, a variable above this file, and this file above the one in"
    yield "# your config folder (roop config path). A relative path is taken from this file's folder."
    yield ""
    needed = [f"{status.distribution}>={status.version}" for status in plugins.statuses if status.state == "ok"]
    yield "# A run refuses when one of these is missing, for example after an upgrade:"
    yield f"# required_plugins = {toml(sorted(set(needed)))}"
    table = ""
    for option in _settable(plugins):
        if _table(option) != table:
            table = _table(option)
            yield ""
            yield f"[{table}]"
        own = "; only in your own file or one you name" if option.users_own else ""
        yield f"# {option.help} ({option.takes}; {option.flag}, {option.variable}{own})"
        yield f"# {option.key} = {toml(option.default)}"
