"""What a step does to a frame without faces is its own affair: it may hold who is lost, or work on the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kit import processor

from roop_host import Box, Face, Processor, Segment, Window
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.processor import CHECKS


class Holds(Processor):
    """Greys whoever is seen in the frame or beside it."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            for face in (face for one in (*window.past, frame, *window.future) for face in one.faces):
                box = Box(*map(round, face.box_xyxy)).clip(frame.width, frame.height)
                frame.put(box, np.full((box.height, box.width, 3), 128, np.uint8))


class Paints(Processor):
    """Greys a corner, whoever is seen."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(Box(0, 0, 8, 8), np.full((8, 8, 3), 7, np.uint8))


class Remembers(Processor):
    """Greys where somebody was last in the segment."""

    def start(self, segment: Segment) -> None:
        self.last: tuple[Face, ...] = ()

    def process(self, window: Window) -> None:
        for frame in window.current:
            self.last = frame.faces or self.last
            for face in self.last:
                box = Box(*map(round, face.box_xyxy)).clip(frame.width, frame.height)
                if not box.empty:
                    frame.put(box, np.full((box.height, box.width, 3), 128, np.uint8))


class Stumbles(Processor):
    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.measure("score", frame.faces[0].score)


@pytest.mark.parametrize(
    ("make", "spec", "told"),
    [
        (Holds, {"lookbehind": 1, "lookahead": 1}, ""),
        (Remembers, {"warmup": 5}, ""),
        (Paints, {}, ""),
        (Paints, {"needs_faces": False}, ""),
        (Stumbles, {}, "it failed on frames in which nobody is seen: IndexError: tuple index out of range"),
    ],
)
def test_nothing_is_asked_but_that_it_is_no_error(make: Any, spec: dict[str, Any], told: str) -> None:
    plugins = plugins_of({"step": processor(make, "step", **{"needs_faces": True, **spec})})
    subject = Subject(plugins, "roop_processors", plugins.named("roop_processors", "step"))
    (check,) = (check for check in CHECKS if check.id == "no_faces_is_no_error")
    assert run_check(check, subject).told == told
