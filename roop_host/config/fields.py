"""The options that doors offer: those of the host, made from the job's own fields, and those of every usable plugin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from roop_host.types.job import job_fields
from roop_host.types.options import OptionField

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

PROCESSORS = OptionField(
    "", "processors", tuple[str, ...], ("swapper",), "Steps in their order: a,b,c", panel="Processors", group="steps"
)


def host_fields() -> Iterator[OptionField]:
    """The host's own. Fields without a panel can be said by a job only."""
    yield PROCESSORS
    yield from (field for field in job_fields() if field.panel)


def plugin_fields(plugins: Plugins) -> Iterator[OptionField]:
    """Those of every usable plugin, in the order of plugins."""
    for fields in plugins.options.values():
        yield from fields
