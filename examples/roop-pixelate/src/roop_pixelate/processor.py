"""The step ``pixelate``."""

from __future__ import annotations

import numpy as np
from roop_host import Context, Face, FaceSelection, Frame, Job, JobContext, Processor, Window

from roop_pixelate.covers import Cover, cell_px, cover_of, painted, spared
from roop_pixelate.heads import Head, heads_of
from roop_pixelate.options import Options


class Pixelate(Processor):
    """Covers heads. What it does to a frame depends on that frame and the faces of its neighbours, and on nothing before."""

    def setup(self, ctx: Context) -> None:
        """Keep the options."""
        self._options = ctx.options_as(Options)
        self._everybody = False

    def begin(self, job: JobContext) -> None:
        """Find out whether anybody is pointed at; where not, all are chosen, and an empty cover would help nobody."""
        self._everybody = self._options.faces == "all" or (
            self._options.faces == "unchosen" and not _points_at_somebody(job.job)
        )

    def process(self, window: Window) -> None:
        """Cover the heads of each frame."""
        frames = (*window.past, *window.current, *window.future)
        for number, frame in enumerate(window.current, len(window.past)):
            heads = heads_of(frames, number, self._options.hold, self._is_wanted)
            covered = [head for head in heads if self._cover(frame, head)]
            frame.measure("covered", len(covered))
            frame.measure("held", sum(head.away > 0 for head in covered))

    def _is_wanted(self, face: Face) -> bool:
        return self._everybody or face.chosen == (self._options.faces == "chosen")

    def _cover(self, frame: Frame, head: Head) -> bool:
        """Whether there was something to cover in the picture."""
        options = self._options
        cell = cell_px(head.longest, options.cells)
        around = head.widened(options.margin)
        cover = cover_of(around, cell, options.shape, options.style, frame.width, frame.height)
        if cover is None:
            return False
        if options.keep_chosen:
            cover = spared(cover, [face.box_xyxy for face in frame.faces if not self._is_wanted(face)])
        new = painted(cover, frame.bgr(cover.box, np.float32), options.style)
        _erase(frame, cover, head.face_id)
        frame.put(cover.box, new, cover.alpha, face_id=head.face_id)
        return True


def _points_at_somebody(job: Job) -> bool:
    """Whether the job's choice can leave anybody out, or puts a face in somebody's place."""
    faces, everybody = job.faces, FaceSelection()
    filtered = any(getattr(faces, name) != getattr(everybody, name) for name in ("gender", "age_start", "age_end"))
    return faces.mode != "many" or filtered or bool(job.sources or job.pairs)


def _erase(frame: Frame, cover: Cover, face_id: int | None) -> None:
    """Grey, where nothing may be seen of what was there and not all of it was seen.

    ``put`` adds differences, and a picture may hold what can't be shown, such as whites above white: all of that reads as
    white, and a difference from white leaves what tells it apart. From grey it can be shown, and the next ``put`` takes it.
    """
    full = cover.alpha >= 1
    grey = np.full((*full.shape, 3), 0.5, np.float32)
    for _ in range(2):  # once for whites above white, twice for colours that no screen has
        bgr = frame.bgr(cover.box, np.float32)
        if not (full[..., None] & ((bgr <= 0) | (bgr >= 1))).any():
            return
        frame.put(cover.box, grey, full.astype(np.float32), face_id=face_id)
