"""``roop.toml``: the nearest one from the working folder up, then the one in the user's config folder.

A file can set options and name plugins that must be there. It can load no code, switch no plugin off, and send nothing
anywhere, since it may come along with somebody's folder of pictures; and what was only found makes nothing be fetched.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.config.fields import host_fields
from roop_host.errors import UsageError
from roop_host.plugins.names import OWN_PLUGINS, bare
from roop_host.types.options import OptionField, closest
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

NAME = "roop.toml"
VARIABLE = "ROOP_CONFIG"
# Nearer than for a word that was typed: a plugin that is installed elsewhere may be called nearly as one that is here.
_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file's tables: ``run`` holds the host's options, ``plugin`` a table for each plugin."""

    path: Path
    run: Mapping[str, Any] = field(default_factory=dict)
    plugin: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required_plugins: tuple[str, ...] = ()
    #: Nobody named it and it is not the user's own: it may have come along with somebody's folder.
    found: bool = False

    def table(self, owner: str) -> Mapping[str, Any]:
        """The options of a plugin, or of the host for an empty ``owner``."""
        return self.plugin.get(self._title(owner), {}) if owner else self.run

    def place(self, option: OptionField) -> str:
        """Where an option stands, for errors."""
        return f"{self.path}: [{f'plugin.{self._title(option.owner)}' if option.owner else 'run'}] {option.key}"

    def _title(self, owner: str) -> str:
        """How the file writes that plugin's name."""
        return next((name for name in self.plugin if bare(name) == bare(owner)), owner)


def candidates(asked: str | None, environment: Mapping[str, str], start: Path) -> list[Path]:
    """The files that count, the strongest first; they need not exist.

    ``asked`` (``--config``) or the variable name one file in place of all others; empty text means none.
    """
    chosen = environment.get(VARIABLE) if asked is None else asked
    if chosen is not None:
        return [Path(chosen)] if chosen else []
    near = next((folder / NAME for folder in (start, *start.parents) if (folder / NAME).is_file()), start / NAME)
    return [near, user_file()]


def working_folder() -> Path:
    """Raises ``UsageError`` where it was deleted meanwhile."""
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(f"the working folder can't be found ({error.strerror}); go to one that exists") from error


def user_file() -> Path:
    """The file in the user's config folder."""
    from platformdirs import user_config_path

    return user_config_path("roop", appauthor=False) / NAME


def read_files(asked: str | None = None, environment: Mapping[str, str] | None = None) -> list[ConfigFile]:
    """The files that exist. Raises ``UsageError`` for one that was named and is not there, or that can't be read."""
    environment = os.environ if environment is None else environment
    named = asked or environment.get(VARIABLE)
    found = []
    for path in candidates(asked, environment, working_folder()):
        if not named and not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError(f"the config file {path} does not exist; check --config and {VARIABLE}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the config file {path} cannot be read ({error}); repair it or name another") from error
        found.append(replace(parse(path, text), found=not named and path != user_file()))
    return found


def parse(path: Path, text: str) -> ConfigFile:
    """A file's tables. Raises ``UsageError`` for what is no TOML and for an unknown key of the host's."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the config file {path} is not TOML: {error}; repair that line") from error
    _known(path, "at its top", data, ("required_plugins", "run", "plugin"))
    run, plugin, required = data.get("run", {}), data.get("plugin", {}), data.get("required_plugins", [])
    if not isinstance(run, dict):
        raise UsageError(f"the config file {path}: run is a table, [run]")
    if not isinstance(plugin, dict) or not all(isinstance(table, dict) for table in plugin.values()):
        raise UsageError(f"the config file {path}: plugin holds tables, for example [plugin.swapper]")
    _once_each(path, plugin)
    if not isinstance(required, list) or not all(isinstance(item, str) for item in required):
        raise UsageError(f'the config file {path}: required_plugins is a list of texts, for example ["roop-nsfw>=0.1"]')
    fields = {option.key: option for option in host_fields()}
    per_run = [key for key in run if key in fields and fields[key].per_run]
    if per_run:
        raise UsageError(f"the config file {path}: {per_run[0]} is asked for anew at each run ({fields[per_run[0]].flag})")
    _known(path, "in [run]", run, [key for key, option in fields.items() if not option.per_run])
    return ConfigFile(path.absolute(), run, plugin, tuple(required))


def check_plugin_tables(files: Iterable[ConfigFile], plugins: Plugins) -> list[str]:
    """Notices about plugins that take no part. Raises ``UsageError`` for an unknown option, or a name that is near one.

    The user's file serves every environment, so a table of a plugin that this one lacks does no harm.
    """
    notices = []
    names = {bare(status.name) for status in plugins.statuses}
    options = {bare(name): fields for name, fields in plugins.options.items()}
    for file in files:
        for title, table in file.plugin.items():
            name = bare(title)
            if name in options:
                _known(file.path, f"in [plugin.{title}]", table, [option.key for option in options[name]])
                continue
            near = "" if name in names | OWN_PLUGINS else closest(name, names, _NEAR)
            if near:
                raise UsageError(f"the config file {file.path} has options for a plugin {title!r}{near}")
            until = f" until it is ({pip('install', f'roop-{name}')})" if name in OWN_PLUGINS - names else ""
            notices.append(
                f"{file.path} has options for the plugin {name}, which is {plugins.absence(name)}; they do nothing{until}"
            )
    return notices


def _once_each(path: Path, titles: Iterable[str]) -> None:
    """Raise ``UsageError`` for two tables of one plugin: neither would be known to be the one that counts."""
    by_name: dict[str, str] = {}
    for title in titles:
        other = by_name.setdefault(bare(title), title)
        if other != title:
            raise UsageError(
                f"the config file {path}: [plugin.{other}] and [plugin.{title}] are of one plugin; make them one"
            )


def _known(path: Path, where: str, table: Iterable[str], names: Iterable[str]) -> None:
    known = list(names)
    for key in table:
        if key not in known:
            there = f"known: {', '.join(known) or 'none'}"
            raise UsageError(f"the config file {path} has an unknown {key!r} {where}{closest(key, known)} ({there})")
