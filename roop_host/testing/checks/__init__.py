"""The checks of each kind of plugin: what must hold for any, then what must hold for its objects."""

from __future__ import annotations

from roop_host.testing.checking import Check
from roop_host.testing.checks import analyser, command, exporter, plugin, processor, screener, shared, source, uploader
from roop_host.testing.subject import WHOLE

#: Every check by the hook whose values it is for.
BY_HOOK: dict[str, tuple[Check, ...]] = {
    "roop_processors": (*plugin.CHECKS, *shared.CHECKS, *processor.CHECKS),
    "roop_screeners": (*plugin.CHECKS, *shared.CHECKS, *screener.CHECKS),
    "roop_analysers": (*plugin.CHECKS, *shared.CHECKS, *analyser.CHECKS),
    "roop_exporters": (*plugin.CHECKS, *shared.CHECKS, *exporter.CHECKS),
    "roop_uploaders": (*plugin.CHECKS, *shared.CHECKS, *uploader.CHECKS),
    "roop_sources": (*plugin.CHECKS, *shared.CHECKS, *source.CHECKS),
    "roop_commands": (*plugin.CHECKS, *command.CHECKS),
    WHOLE: plugin.WHOLE_CHECKS,
}
