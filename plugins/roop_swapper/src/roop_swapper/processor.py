"""The processor ``swapper``."""

from __future__ import annotations

from roop_host import Context, JobContext, Processor, Segment, UsageError, Window
from roop_swapper.mesh_engine import FaceState, MeshEngine
from roop_swapper.options import SwapperOptions


class Swapper(Processor):
    """Swaps the faces that carry a source."""

    def setup(self, ctx: Context) -> None:
        self._options = ctx.options_as(SwapperOptions)
        if not 0 <= self._options.proportions <= 1:
            raise UsageError(f"swapper proportions is {self._options.proportions}; it must lie between 0 and 1")
        self._engine: MeshEngine | None = None
        self._states: dict[tuple[int, int], FaceState] = {}

    def begin(self, job: JobContext) -> None:
        self._engine = MeshEngine(job.sources, self._options.proportions)
        self._states = {}

    def start(self, segment: Segment) -> None:
        self._states = {}

    def process(self, window: Window) -> None:
        engine = self._engine
        if engine is None:
            return
        for frame in window.current:
            present: dict[tuple[int, int], FaceState] = {}
            # Small faces first: where two overlap, the larger one is nearer as a rule.
            for face in sorted(frame.faces, key=lambda face: face.area):
                if face.source is None or face.mesh_468 is None:
                    continue
                key = (face.id, face.source)
                state = self._states.get(key) or engine.new_state(face, face.source)
                engine.swap(frame, face, face.source, state)
                present[key] = state
            self._states = present

    def end(self) -> None:
        self._engine, self._states = None, {}
