"""What is set outside a job: config files, plugins that must be there, variables."""

from __future__ import annotations

import os
from collections.abc import Iterator

from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import ConfigFile, check_plugin_tables, read_files
from roop_host.config.layers import Layers, misspelt_variables
from roop_host.config.required import missing
from roop_host.doctor.check import Check, note, ok, problem
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.found import Plugins

_AREA = "Settings"


def settings(plugins: Plugins, asked: str | None) -> Iterator[Check]:
    """All that a run reads before its flags; ``asked`` is what ``--config`` says."""
    try:
        files = read_files(asked)
    except UsageError as error:
        yield problem(_AREA, "config file", str(error), exit_code=error.exit_code)
        return
    for file in files:
        yield from _file(file, plugins)
    yield from _values(plugins, files)
    for name, near in misspelt_variables((*host_fields(), *plugin_fields(plugins)), os.environ).items():
        yield note(_AREA, name, f"this variable sets nothing; did you mean {near}?")  # its value may be a secret


def _file(file: ConfigFile, plugins: Plugins) -> Iterator[Check]:
    name = file.path.name
    try:
        for notice in check_plugin_tables([file], plugins):
            yield note(_AREA, name, notice)
        for lack in missing([file], plugins):
            yield problem(_AREA, "required_plugins", lack.says, lack.repair, PluginError.exit_code)
    except UsageError as error:
        yield problem(_AREA, name, str(error), exit_code=error.exit_code)
    else:
        yield ok(_AREA, name, f"{file.path} is read")


def _values(plugins: Plugins, files: list[ConfigFile]) -> Iterator[Check]:
    layers = Layers({}, os.environ, files)
    for option in (*host_fields(), *plugin_fields(plugins)):
        try:
            layers.settle(option)
        except UsageError as error:
            yield problem(_AREA, option.key, str(error), exit_code=error.exit_code)
