"""Whether the person stays the same: by a recogniser, before and after a face is enhanced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.engine import Asked
from roop_enhancer.options import Identity
from roop_host import Context, Face, Frame, FrameView, Interrupted, JobContext, Segment, SourceFace, similarity
from roop_vision.models import ARCFACE, AS_LIKELY, DLIB, dlib_installed
from roop_vision.recognising import RECOGNISERS, Recogniser, recogniser_named

#: In a clip the first frame of each segment that shows a face is looked at, and in the first ``_BEGINNING`` frames so often:
#: what dlib needs for two looks at a face, 320 ms, is 11 ms a frame there, and then about 1 ms.
_OFTEN, _BEGINNING = 30, 300
#: A similarity at which two pictures are as likely of one person as not.
_EVEN = 0.5
_NAMED = {"arcface": ARCFACE, "dlib": DLIB}
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Faces of a frame as they were, with vectors of them; ``shown`` is whom one should show, if that is somebody else."""

    frame: Frame
    faces: Sequence[Face]
    shown: Mapping[int, Face]


class Likeness:
    """Tells of sampled frames how much each face is like itself before, and like the source that was put there.

    The measures are similarities as the host counts them: 1 for one picture twice, 0.5 where the recogniser finds it as
    likely to be one person as not. A name says whose judgement it is, ``similarity_kept:dlib_resnet_v1``:

    * ``similarity_kept``: the face after it was enhanced and the same face before.
    * ``similarity_before``, ``similarity_after``: these two and the source, of faces that a step before has changed.

    A picture that stands alone is always looked at. With ``auto`` nothing that goes wrong here stops a job.
    """

    def __init__(self, ctx: Context, choice: Identity) -> None:
        """Raises ``ModelError`` or ``UsageError`` for a recogniser that is named and can't be had."""
        self._ctx, self._choice = ctx, choice
        self._loaded: dict[str, Recogniser] = {}
        self._by: Recogniser | None = None
        self._kept: list[float] = []
        if choice in _NAMED:
            self._load(_NAMED[choice])

    def begin(self, job: JobContext) -> None:
        self._sources: tuple[SourceFace, ...] = job.sources
        self._shown: dict[int, Face | None] = {}
        self._kept, self._by = [], None
        self._settled = self._choice == "none"
        if job.sources:
            self._settle([source.face for source in job.sources])

    def start(self, segment: Segment) -> None:
        self._segment, self._next = segment, segment.start

    @contextmanager
    def watching(self, asked: Sequence[Asked]) -> Iterator[None]:
        """Around what enhances these faces, given frame by frame."""
        looked_at = {index for index in dict.fromkeys(one.frame.index for one in asked) if self._looks_at(index)}
        sampled = [one for one in asked if one.frame.index in looked_at]
        if sampled:
            self._settle([one.face for one in sampled])
        before = self._tried(lambda: [*self._seen(sampled)]) or []
        yield
        self._tried(partial(self._tell, before))

    def end(self) -> None:
        """Say it where the person is not the same any more."""
        mean = float(np.mean(self._kept)) if self._kept else 1.0
        if self._by is not None and mean < _EVEN:
            self._ctx.log.warning(
                "the enhancer changed who is seen: by %s, faces are only %.2f like themselves before it, and below %.2f "
                "that is rather somebody else; lower --enhancer-blend, or raise --enhancer-weight of codeformer",
                self._by.name,
                mean,
                _EVEN,
            )
        self._sources, self._shown, self._kept = (), {}, []

    def _looks_at(self, index: int) -> bool:
        """Whether it is time for a look. ``index`` is that of a frame with faces, in order."""
        if not self._next <= index < self._segment.end:
            return False
        self._next = index + _OFTEN if index < _BEGINNING else self._segment.end
        return True

    def _settle(self, faces: Sequence[Face]) -> None:
        """Decide once a job by whom; these faces may say what is at hand."""
        if self._settled:
            return
        self._settled = True
        known = (face.recogniser for face in faces if face.recogniser in RECOGNISERS)
        name = _NAMED.get(self._choice) or next(known, DLIB if dlib_installed() else None)
        if name is not None:
            self._by = self._tried(partial(self._load, name))

    def _load(self, name: str) -> Recogniser:
        if name not in self._loaded:
            self._loaded[name] = recogniser_named(name, self._ctx)
        return self._loaded[name]

    def _tried(self, call: Callable[[], _R]) -> _R | None:
        """What it gives. Where nobody named a recogniser, its failure ends the comparing and not the job."""
        try:
            return call()
        except Interrupted:
            raise
        except Exception as error:
            if self._choice != "auto":
                raise
            self._ctx.log.warning("it is not told whether people stay the same (%s)", error)
            self._by = None
            return None

    def _seen(self, asked: Sequence[Asked]) -> Iterator[_Seen]:
        for _, group in groupby(asked, key=lambda one: one.frame.index):
            some = [*group]
            frame = some[0].frame
            faces = self._recognised(frame, [one.face for one in some])
            put = {face.id: self._source(face.source) for face in faces if frame.changed_by(face.id)}
            yield _Seen(frame, faces, {number: source for number, source in put.items() if source is not None})

    def _tell(self, seen: Sequence[_Seen]) -> None:
        for one in seen:
            after = {face.id: face for face in self._recognised(one.frame, one.faces)}
            for was in one.faces:
                now, shown = after.get(was.id), one.shown.get(was.id)
                if now is None:
                    continue
                self._kept.append(self._told(one.frame, "kept", was, now))
                if shown is not None:
                    self._told(one.frame, "before", shown, was)
                    self._told(one.frame, "after", shown, now)

    def _told(self, frame: Frame, name: str, one: Face, other: Face) -> float:
        alike = similarity(one, other, AS_LIKELY)
        assert alike is not None  # both have a vector
        frame.measure(f"similarity_{name}:{one.recogniser}", alike)
        return alike

    def _recognised(self, frame: FrameView, faces: Sequence[Face]) -> list[Face]:
        """Those whose vector can be told, with it in the place of the analyser's."""
        if self._by is None or not faces:
            return []
        told = zip(faces, self._by.vectors(frame, faces), strict=True)
        return [_known(face, vector, self._by) for face, vector in told if vector is not None]

    def _source(self, number: int | None) -> Face | None:
        """The face of a source, with this recogniser's vector of it."""
        if number is None or self._by is None:
            return None
        if number not in self._shown:
            source = self._sources[number]
            if source.face.embedding is not None and source.face.recogniser == self._by.name:
                self._shown[number] = source.face
            else:
                told = [self._by.vector_of(one.bgr, one.face) for one in (source, *source.others)]
                units = [vector / np.linalg.norm(vector) for vector in told if vector is not None]
                mean = np.mean(units, 0) if units else None
                self._shown[number] = None if mean is None else _known(source.face, mean, self._by)
        return self._shown[number]


def _known(face: Face, vector: NDArray[np.float32], by: Recogniser) -> Face:
    return replace(face, embedding=vector, recogniser=by.name)
