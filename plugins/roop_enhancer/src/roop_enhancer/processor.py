"""The processor ``enhancer``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from roop_enhancer.engine import Asked, Engine, Restorer
from roop_enhancer.likeness import Likeness
from roop_enhancer.networks import NETWORKS, NetworkSpec
from roop_enhancer.options import EnhancerOptions
from roop_host import Context, Face, Frame, JobContext, Processor, Segment, UsageError, Window

_NAME = "enhancer"
#: Of the distance between the eyes: two faces whose points lie so near to each other are one that was found twice.
_SAME = 0.3


class Enhancer(Processor):
    """Makes faces clear. ``networks`` are the models it has besides ``embedded``."""

    def __init__(self, networks: Iterable[NetworkSpec] = NETWORKS) -> None:
        self._networks = {network.name: network for network in networks}
        self._engine: Engine | None = None
        self._likeness: Likeness | None = None
        self._log: logging.Logger | None = None
        self._seen, self._changed, self._whole = 0, 0, False

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(EnhancerOptions)
        self._faces, self._least, self._log = options.faces, options.min_face_size, ctx.log
        self._shows = options.blend > 0
        self._engine = self._made(ctx, options)
        self._likeness = Likeness(ctx, options.identity)

    def begin(self, job: JobContext) -> None:
        self._seen, self._changed, self._whole = 0, 0, False
        self._follows = job.job.steps[0].name != _NAME
        if self._faces == "swapped" and not self._follows:
            raise UsageError(
                "--enhancer-faces swapped is for faces that a step before has changed, and the enhancer stands first; name "
                "a step before it (--processors swapper,enhancer), or say --enhancer-faces all"
            )
        if self._likeness is not None:
            self._likeness.begin(job)

    def start(self, segment: Segment) -> None:
        self._whole |= segment.start == 0  # a run that is continued does not see what was changed before
        if self._engine is not None:
            self._first = segment.start - self._engine.memory
            self._engine.start()
        if self._likeness is not None:
            self._likeness.start(segment)

    def process(self, window: Window) -> None:
        if self._engine is None or self._likeness is None:
            return
        asked = {frame.index: [*self._asked(frame)] for frame in window.current}
        early = [frame for frame in window.current if window.warming and frame.index < self._first]
        self._engine.learn([one for frame in early for one in asked[frame.index]])
        in_time = window.current[len(early) :]
        wanted = [one for frame in in_time for one in asked[frame.index]]
        with self._likeness.watching(wanted):
            self._engine.process(wanted)
        for frame in in_time:
            changed = [one for one in asked[frame.index] if _NAME in frame.changed_by(one.face.id)]
            frame.measure("faces", len(changed))
            self._seen += len(frame.faces)
            self._changed += len(changed)

    def end(self) -> None:
        if self._likeness is not None:
            self._likeness.end()
        if self._whole and self._seen and not self._changed and self._log is not None:
            why = "--enhancer-blend 0 shows nothing of it"
            if self._shows:
                why = (
                    "those that it is for (--enhancer-faces, --enhancer-min-face-size, the face options) were not there, "
                    "were enhanced before, or are clear already"
                )
            self._log.warning("the enhancer changed none of the faces: %s", why)

    def teardown(self) -> None:
        self._engine = self._likeness = None

    def _made(self, ctx: Context, options: EnhancerOptions) -> Engine:
        """Each engine is imported when it is chosen. ``auto`` that the host left open is the one that needs no file."""
        network = self._networks.get(options.model)
        if network is None:
            from roop_enhancer.embedded import EmbeddedEngine

            return EmbeddedEngine(options, ctx.sessions)
        from roop_enhancer.restoring import RestoringEngine

        return RestoringEngine(_restorer(ctx, network, options), options, ctx)

    def _asked(self, frame: Frame) -> Iterator[Asked]:
        """The smaller first: where two overlap, the larger is nearer as a rule. Of one that was found twice, the larger.

        One that was enhanced already, be it by the name of its double, is not asked again.
        """
        done = [face for face in frame.faces if _NAME in frame.changed_by(face.id)]
        taken: list[Face] = []
        for face in sorted(frame.faces, key=lambda face: -face.area):
            if self._wanted(frame, face) and not any(_same(face, other) for other in (*done, *taken)):
                taken.append(face)
        yield from (Asked(frame, face) for face in reversed(taken))

    def _wanted(self, frame: Frame, face: Face) -> bool:
        if not self._shows or face.box_xyxy[2] - face.box_xyxy[0] < self._least:
            return False
        if self._faces == "all":
            return True
        return bool(frame.changed_by(face.id)) if self._faces == "swapped" or self._follows else face.chosen


def _same(face: Face, other: Face) -> bool:
    apart = np.linalg.norm(face.landmarks_5 - other.landmarks_5, axis=1).mean()
    return bool(apart < _SAME * np.linalg.norm(other.landmarks_5[1] - other.landmarks_5[0]))


def _restorer(ctx: Context, network: NetworkSpec, options: EnhancerOptions) -> Restorer:
    if options.backend == "gfpgan":
        from roop_enhancer.gfpgan_backend import GfpganRestorer

        return GfpganRestorer(ctx, network, options.model_file)
    from roop_enhancer.onnx_backend import OnnxRestorer

    return OnnxRestorer(ctx, network, options.model_file, options.weight)
