"""Entry point of the plugin ``swapper``: declares the processor; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from roop_host import Choice, ProcessorSpec, hookimpl
from roop_swapper.networks import NETWORKS, NetworkSpec
from roop_swapper.options import SwapperOptions
from roop_vision.mask_models import MASK_CHOICES

if TYPE_CHECKING:
    from roop_host import Processor

ROOP_API = 1
ROOP_OPTIONS = SwapperOptions


def _load() -> Callable[[], Processor]:
    from roop_swapper.processor import Swapper

    return Swapper


def _network(network: NetworkSpec, *, by_name: bool) -> Choice:
    files = (("engine_file", network.model), ("converter_file", network.converter))
    return Choice(
        option="engine",
        value=network.name,
        models=network.models,
        needs=network.needs,
        by_name=by_name,
        own_files=tuple(name for name, model in files if model is not None),
    )


def _engines() -> Iterator[Choice]:
    """``auto`` stands for the first two: what each other network is good for, and may be used for, is for people to say."""
    first, *others = NETWORKS
    yield _network(first, by_name=False)
    yield Choice(option="engine", value="mesh", needs=frozenset({"mesh_468"}), source_type="compositeSynthetic")
    yield from (_network(network, by_name=True) for network in others)


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``swapper``."""
    yield ProcessorSpec(
        name="swapper",
        summary="Puts the source's face on the target's (engines inswapper_128, mesh, and further networks)",
        load=_load,
        batch_size=4,
        warmup=8,
        needs_source=True,
        choices=(*_engines(), *MASK_CHOICES),
    )
