"""Entry point of the plugin ``swapper``: declares the processor; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import ProcessorSpec, hookimpl
from roop_swapper.options import SwapperOptions

if TYPE_CHECKING:
    from roop_host import Processor

ROOP_API = 1
ROOP_OPTIONS = SwapperOptions


def _load() -> Callable[[], Processor]:
    from roop_swapper.processor import Swapper

    return Swapper


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``swapper``."""
    yield ProcessorSpec(
        name="swapper",
        summary="Puts the source's face on the target's (engine mesh: no download)",
        load=_load,
        warmup=8,
        needs_source=True,
        source_type="compositeSynthetic",
    )
