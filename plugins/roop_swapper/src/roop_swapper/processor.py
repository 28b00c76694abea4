"""The processor ``swapper``."""

from __future__ import annotations

from roop_host import Context, JobContext, ModelSpec, Processor, Segment, UsageError, Window
from roop_swapper.engine import Engine
from roop_swapper.models import INSWAPPER_128
from roop_swapper.options import SwapperOptions


class Swapper(Processor):
    """Swaps the faces that carry a source. ``inswapper`` is the file of the engine ``inswapper_128``."""

    def __init__(self, inswapper: ModelSpec = INSWAPPER_128) -> None:
        self._inswapper = inswapper
        self._engine: Engine | None = None

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(SwapperOptions)
        if not 0 <= options.proportions <= 1:
            raise UsageError(f"swapper proportions is {options.proportions}; it must lie between 0 and 1")
        self._engine = self._made(ctx, options)

    def begin(self, job: JobContext) -> None:
        if self._engine is not None:
            self._engine.begin(job.sources)

    def start(self, segment: Segment) -> None:
        if self._engine is not None:
            self._engine.start()

    def process(self, window: Window) -> None:
        # The results of a warm-up are dropped: what learns nothing from them need not make them.
        if self._engine is not None and (self._engine.learns or not window.warming):
            self._engine.process(window.current)

    def end(self) -> None:
        if self._engine is not None:
            self._engine.end()

    def teardown(self) -> None:
        self._engine = None

    def _made(self, ctx: Context, options: SwapperOptions) -> Engine:
        """Each engine is imported when it is chosen. ``auto`` that the host left open is the one that needs no file."""
        if options.engine == "inswapper_128":
            from roop_swapper.inswapper import InswapperEngine

            return InswapperEngine(ctx, self._inswapper)
        from roop_swapper.mesh_engine import MeshEngine

        return MeshEngine(options.proportions, bare=options.source_glasses == "remove")
