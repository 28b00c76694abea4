"""Entry point of the plugin ``swapper``: declares the processor; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import Choice, ProcessorSpec, hookimpl
from roop_swapper.models import INSWAPPER_128
from roop_swapper.options import SwapperOptions
from roop_vision.models import ARCFACE

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
    needs = frozenset({f"embedding:{ARCFACE}"})
    yield ProcessorSpec(
        name="swapper",
        summary="Puts the source's face on the target's (engines inswapper_128 and mesh)",
        load=_load,
        batch_size=4,
        warmup=8,
        needs_source=True,
        choices=(
            Choice(option="engine", value="inswapper_128", models=(INSWAPPER_128,), needs=needs),
            Choice(option="engine", value="mesh", needs=frozenset({"mesh_468"}), source_type="compositeSynthetic"),
        ),
    )
