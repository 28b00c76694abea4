"""Who was chosen stays chosen where one segment ends and the next begins, in one go and in a run that is continued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import FAST, analyser, breaks, plugins, processor, refused, run
from people import GREEN, RECOGNISER, RED, SIDE, WHITE, Colour, Colours, Paint, nearest, picture

from roop_host import ExecutionOptions, Face, FrameView, Job, Plugins, Segment, Step
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader

FRAMES, LENGTH, WARMUP = 24, 8, 3
#: From here on, which is before the first frame that the last segment looks at, the left one is smaller, and looks less like
#: himself: so little that nobody would be found who was not before.
CHANGED = 10


class Anew(Colours):
    """Numbers people anew in each segment. The left one is as large all the time, the right one grows past him."""

    def start(self, segment: Segment) -> None:
        self.segment = segment.index

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        left, right = super().analyse(frame)
        half = 15 + 0.52 * frame.index
        ids = (4, 9) if self.segment % 2 else (9, 4)
        left = replace(left, id=ids[0], box_xyxy=(4.0, 4.0, 44.0, 44.0))
        if frame.index >= CHANGED:
            left = replace(left, embedding=hardly(left))
        return [left, replace(right, id=ids[1], box_xyxy=(72 - half, 24 - half, 72 + half, 24 + half))]


def hardly(found: Face) -> Any:
    """An embedding at a similarity of 0.42."""
    own = found.embedding
    assert own is not None
    own = own / np.linalg.norm(own)
    across = np.cross(own, np.array([0, 0, 1], np.float32))
    return (0.536 * own + np.sqrt(1 - 0.536**2) * across / np.linalg.norm(across)).astype(np.float32)


def found(step: type[Paint] = Paint, **spec: Any) -> Plugins:
    more = {"warmup": WARMUP, "recognisers": {RECOGNISER: 0.6}}
    return plugins(processor(step, "paint", needs_faces=True, needs_source=True, **spec), analyser(Anew, **more))


@dataclass
class Scene:
    folder: Path

    def job(self, output: str, mode: str) -> Job:
        target = self.folder / "frames"
        if not target.exists():
            target.mkdir()
            for number in range(FRAMES):
                picture(target / f"{number:03d}.png", RED, GREEN)
        references = (picture(self.folder / "r.png", RED),) if mode == "reference" else ()
        sources = (str(self.folder / "s.png"),)
        if not Path(sources[0]).exists():
            picture(Path(sources[0]), WHITE)
        return Job(
            sources,
            str(target),
            str(self.folder / output),
            (Step("paint"),),
            references=references,
            media=replace(FAST, segment_frames=LENGTH),
        )

    def rows(self, name: str) -> list[list[Colour]]:
        with VideoReader(probe(self.folder / name), threads=1) as reader:
            frames = [frame.bgr() for frame in reader.frames()]
        return [[nearest(bgr[SIDE // 2, x + SIDE // 2]) for x in range(0, bgr.shape[1], SIDE)] for bgr in frames]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


#: A step that looks ahead lets the analyser see frames behind the end of a segment, and again in the next.
@pytest.mark.parametrize("spec", [{}, {"lookahead": 4, "warmup": 2}])
@pytest.mark.parametrize("mode", ["one", "reference"])
def test_nobody_flips_and_a_continued_run_gives_the_same_bytes(mode: str, spec: dict[str, Any], scene: Scene) -> None:
    whole = scene.job("whole.mkv", mode)
    assert run(found(**spec), whole).frames == FRAMES
    assert scene.rows("whole.mkv") == [[WHITE, GREEN]] * FRAMES
    torn = replace(scene.job("torn.mkv", mode), execution=ExecutionOptions(resumable=True))
    refused(found(breaks(Paint, 2 * LENGTH + 3), **spec), torn)
    assert run(found(**spec), torn).resumed_frames == 2 * LENGTH
    assert Path(torn.output).read_bytes() == Path(whole.output).read_bytes()


def test_without_frames_that_are_seen_again_a_segment_chooses_anew(scene: Scene) -> None:
    what = scene.job("o.mkv", "one")
    eyes = analyser(Anew, recognisers={RECOGNISER: 0.6})
    run(plugins(processor(Paint, "paint", needs_faces=True, needs_source=True), eyes), what)
    assert scene.rows("o.mkv") == [[WHITE, GREEN]] * (2 * LENGTH) + [[RED, WHITE]] * LENGTH
