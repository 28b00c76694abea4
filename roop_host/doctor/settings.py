"""What is set outside a job: config files, plugins that must be there, variables."""

from __future__ import annotations

import os
from collections.abc import Iterator

from roop_host.config.fields import PROCESSORS, host_fields, plugin_fields
from roop_host.config.files import ConfigFile, check_plugin_tables, read_files
from roop_host.config.layers import Layers, idle_variables
from roop_host.config.required import missing
from roop_host.doctor.check import Check, note, ok, problem
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.found import Plugins
from roop_host.types.packages import pip

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
    yield from _steps(plugins, files)
    for name, instead in idle_variables(plugins, os.environ).items():
        yield note(_AREA, name, f"this variable sets nothing; {instead}")  # its value may be a secret


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


def _steps(plugins: Plugins, files: list[ConfigFile]) -> Iterator[Check]:
    """What runs when nobody says ``--processors``."""
    try:
        said = Layers({}, os.environ, files).settle(PROCESSORS)
        names = PROCESSORS.default if said is None else said.value
        steps = [plugins.named("roop_processors", name) for name in names]
    except PluginError:  # the plugin's own row says what is wrong with it
        return
    except UsageError as error:
        yield problem(_AREA, "processors", str(error), exit_code=error.exit_code)
        return
    if any(step.spec.needs_faces or step.spec.needs_source for step in steps) and not plugins.analysers:
        says = f"{', '.join(names)} need faces, and no analyser is installed"
        yield problem(_AREA, "processors", says, pip("install", "roop-vision"), UsageError.exit_code)
    else:
        yield ok(_AREA, "processors", f"{', '.join(names)} without --processors")
