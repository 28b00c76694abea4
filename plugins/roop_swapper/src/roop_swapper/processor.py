"""The processor ``swapper``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host import Context, JobContext, ModelError, ModelSpec, Processor, Segment, UsageError, Window
from roop_swapper.engine import Engine
from roop_swapper.networks import NETWORKS, NetworkSpec
from roop_swapper.options import SwapperOptions

if TYPE_CHECKING:
    from roop_vision.masking import Masker


class Swapper(Processor):
    """Swaps the faces that carry a source. ``networks`` are the engines it has besides ``mesh``."""

    def __init__(self, networks: Iterable[NetworkSpec] = NETWORKS) -> None:
        self._networks = {network.name: network for network in networks}
        self._engine: Engine | None = None

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(SwapperOptions)
        for name, value in (("proportions", options.proportions), ("weight", options.weight)):
            if not 0 <= value <= 1:
                raise UsageError(f"swapper {name} is {value}; it must lie between 0 and 1")
        self._engine = self._made(ctx, options)

    def begin(self, job: JobContext) -> None:
        if self._engine is not None:
            self._engine.begin(job.sources)

    def start(self, segment: Segment) -> None:
        if self._engine is not None:
            self._engine.start()

    def process(self, window: Window) -> None:
        if self._engine is not None:
            use = self._engine.learn if window.warming else self._engine.process
            use(window.current)

    def end(self) -> None:
        if self._engine is not None:
            self._engine.end()

    def teardown(self) -> None:
        self._engine = None

    def _made(self, ctx: Context, options: SwapperOptions) -> Engine:
        """Each engine is imported when it is chosen. ``auto`` that the host left open is the one that needs no file."""
        network = self._networks.get(options.engine)
        if network is None:
            from roop_swapper.mesh_engine import MeshEngine

            bare, (occluder, masker) = options.source_glasses == "remove", _maskers(ctx, options)
            return MeshEngine(options.proportions, bare=bare, occluder=occluder, masker=masker)
        from roop_swapper.neural import NeuralEngine, Use

        use = Use(
            model=_file(options.engine_file, network.model, network.name),
            converter=_file(options.converter_file, network.converter, network.name) if network.converts else None,
            pixels=network.size if options.pixel_boost == "native" else options.pixel_boost,
            weight=options.weight,
        )
        return NeuralEngine(ctx, network, use, options)


def _maskers(ctx: Context, options: SwapperOptions) -> tuple[Masker | None, Masker | None]:
    """For the engine mesh, which knows itself where a face ends: what finds things before it, and what keeps parts of it.

    Two, since the engine learns from parts that are kept, and not from things.
    """
    from roop_vision.masking import Masker

    occluder = masker = None
    if "occlusion" in options.mask_types:
        only = replace(options, mask_types=("occlusion",), mask_parser="none", mask_keep=())
        occluder = Masker(only, ctx.sessions)
    kinds = tuple(kind for kind in options.mask_types if kind in ("region", "area"))
    if kinds or options.mask_keep:
        masker = Masker(replace(options, mask_types=kinds or ("box",), mask_occluder=("skin",)), ctx.sessions)
    return occluder, masker


def _file(own: Path | None, pulled: ModelSpec | None, engine: str) -> ModelSpec:
    if own is not None:
        return ModelSpec.from_file(own, purpose="face swapping")
    if pulled is None:
        raise ModelError(f"the engine {engine} has no file; name yours with --swapper-engine-file")
    return pulled
