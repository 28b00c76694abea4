"""A frame without faces is left alone, but by a step that was shown a neighbour's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kit import processor

from roop_host import Box, Processor, Window
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


@pytest.mark.parametrize(
    ("make", "spec", "state"),
    [
        (Holds, {"lookbehind": 1, "lookahead": 1}, "passed"),
        (Holds, {}, "passed"),  # it is shown nobody else
        (Paints, {"lookbehind": 12, "lookahead": 12}, "failed"),
        (Paints, {}, "failed"),
        (Paints, {"needs_faces": False}, "passed"),
    ],
)
def test_a_frame_without_faces_is_left_alone_where_no_neighbour_has_any(make: Any, spec: dict[str, Any], state: str) -> None:
    plugins = plugins_of({"step": processor(make, "step", **{"needs_faces": True, **spec})})
    subject = Subject(plugins, "roop_processors", plugins.named("roop_processors", "step"))
    (check,) = (check for check in CHECKS if check.id == "no_faces_is_no_error")
    assert run_check(check, subject).state == state
