"""The plugin's analyser: hands everything to the backend that its options name."""

from __future__ import annotations

from collections.abc import Sequence

from roop_host import Analyser, Context, Face, FrameView, JobContext, Segment, UsageError
from roop_vision.models import InsightModels
from roop_vision.options import VisionOptions


class FaceAnalyser(Analyser):
    """``auto``, which the host decides before ``setup``, means ``embedded`` where there is no host."""

    def __init__(self, models: InsightModels | None = None) -> None:
        self._models = models
        self._backend: Analyser = Analyser()

    def setup(self, ctx: Context) -> None:
        self._backend = self._chosen(ctx.options_as(VisionOptions))
        self._backend.setup(ctx)

    def begin(self, job: JobContext) -> None:
        self._backend.begin(job)

    def start(self, segment: Segment) -> None:
        self._backend.start(segment)

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return self._backend.analyse(frame)

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return self._backend.analyse_picture(frame)

    def end(self) -> None:
        self._backend.end()

    def teardown(self) -> None:
        self._backend.teardown()
        self._backend = Analyser()

    def _chosen(self, options: VisionOptions) -> Analyser:
        if options.backend == "insightface":
            from roop_vision.insight import InsightAnalyser

            return InsightAnalyser(self._models)
        if options.details:  # with ``auto`` where there is no host
            raise UsageError("--vision-details needs the networks of another backend; add --vision-backend insightface")
        from roop_vision.analyser import EmbeddedAnalyser

        return EmbeddedAnalyser(recognise=options.backend == "dlib")
