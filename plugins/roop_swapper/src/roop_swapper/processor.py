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

            return MeshEngine(options.proportions, bare=options.source_glasses == "remove", masker=_masker(ctx, options))
        from roop_swapper.neural import NeuralEngine, Use

        use = Use(
            model=_file(options.engine_file, network.model, network.name),
            converter=_file(options.converter_file, network.converter, network.name) if network.converts else None,
            pixels=network.size if options.pixel_boost == "native" else options.pixel_boost,
            weight=options.weight,
        )
        return NeuralEngine(ctx, network, use, options)


def _masker(ctx: Context, options: SwapperOptions) -> Masker | None:
    """For the engine mesh, which knows itself where a face ends and what is no skin: only what asks for more than that."""
    from roop_vision.masking import Masker

    asked = set(options.mask_types) & {"region", "area"} or options.mask_keep
    networks = tuple(name for name in options.mask_occluder if name != "skin") if "occlusion" in options.mask_types else ()
    if not asked and not networks:
        return None
    kinds = tuple(kind for kind in options.mask_types if kind != "occlusion" or networks)
    return Masker(replace(options, mask_types=kinds or ("box",), mask_occluder=networks or ("skin",)), ctx.sessions)


def _file(own: Path | None, pulled: ModelSpec | None, engine: str) -> ModelSpec:
    if own is not None:
        return ModelSpec.from_file(own, purpose="face swapping")
    if pulled is None:
        raise ModelError(f"the engine {engine} has no file; name yours with --swapper-engine-file")
    return pulled
