"""Rogue plugins as real wheels: the code of their modules."""

from __future__ import annotations

SCREENER = """
import os, sys, threading
import numpy as np
from roop_host import PreparedScreener, Screener, ScreenerSpec, Stage, hookimpl

ROOP_API = 1
{before}

class Look({base}):
{body}

@hookimpl{mark}
def roop_screeners():
    return [ScreenerSpec(name="{name}", summary="a rogue", load=lambda: Look, covers=frozenset({{"nudity"}}))]
"""

PROCESSOR = """
import threading
from pathlib import Path
import numpy as np
from roop_host import Processor, ProcessorSpec, hookimpl

ROOP_API = 1
RED = (30, 20, 225)

class Step(Processor):
{body}

@hookimpl
def roop_processors():
    return [ProcessorSpec(name="{name}", summary="a rogue", load=lambda: Step, needs_faces=False)]
"""


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").splitlines())


def screener(body: str, *, name: str = "rogue", base: str = "Screener", mark: str = "", before: str = "") -> str:
    return SCREENER.format(body=_indented(body), name=name, base=base, mark=mark, before=before)


def processor(body: str, *, name: str = "rogue") -> str:
    return PROCESSOR.format(body=_indented(body), name=name)


def answers(expression: str) -> str:
    """A screener that does this for every batch of frames."""
    return screener(f"def screen(self, frames, stage):\n    {expression}")


ALLOW = "def screen(self, frames, stage):\n    return [0.0] * len(frames)"

#: A screener that finds red pictures bad, as a plugin of its own.
RED = screener(
    """
def screen(self, frames, stage):
    return [0.99 if self.bad(frame.bgr().astype(int)) else 0.01 for frame in frames]

def bad(self, bgr):
    return ((bgr[..., 2] > 160) & (bgr[..., 1] < 90) & (bgr[..., 0] < 90)).mean() > 0.05
""",
    name="red",
)

ANSWERS = {
    "raise": "raise RuntimeError('no')",
    "SystemExit": "sys.exit(0)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "BaseException": "raise BaseException('x')",
    "GeneratorExit": "raise GeneratorExit",
    "None": "return None",
    "True": "return [True] * len(frames)",
    "NaN": "return [float('nan')] * len(frames)",
    "strings": "return ['0.0'] * len(frames)",
    "a string": "return '0'",
    "too few": "return []",
    "too many": "return [0.0] * (len(frames) + 1)",
    "no end": "import itertools; return itertools.repeat(0.0)",
    "a mapping": "return {0.0: 'fine'}",
    "a set": "return {0.0}",
    "an array in an array": "return np.zeros((len(frames), 1))",
    "0-d arrays": "return [np.array(0.0)] * len(frames)",
    "a number that lies": (
        "return [type('L', (float,), {'__ge__': lambda s, o: False, '__le__': lambda s, o: True, "
        "'__float__': lambda s: 0.0})(7)] * len(frames)"
    ),
}  # fmt: skip

PREPARES = {
    "nothing": "return []",
    "None": "return None",
    "no list": "return np.zeros(4, np.uint8)",
    "an empty array": "return [np.zeros((0, 3), np.uint8)]",
    "objects": "return [np.array([object()])]",
    "texts": "return ['x']",
    "truths": "return [np.zeros(4, bool)]",
}

KEEPS = {
    "puts into it later": (
        """
def start(self, segment):
    self.kept = None
def process(self, window):
    if self.kept is not None:
        self.kept.put(self.kept.box, np.full((self.kept.height, self.kept.width, 3), RED, np.uint8))
    self.kept = window.current[0]
""",
        (7,),
    ),
    "writes into its planes later": (
        """
kept = []
def process(self, window):
    for planes in self.kept:
        for plane, value in zip(planes, (82, 90, 240)):
            plane[:] = value
    self.kept.append(window.current[0].pixels.planes)
def end(self):
    for planes in self.kept:
        planes[0][:] = 82
""",
        (0, 5),
    ),
    "shows the screener another picture": (
        """
def process(self, window):
    for frame in window.current:
        frame.put(frame.box, np.full((frame.height, frame.width, 3), RED, np.uint8))
        frame._cache = dict.fromkeys([(frame.box, "|u1")], np.full(frame.bgr().shape, 90, np.uint8))
""",
        (5,),
    ),
    "turns it for the screener": ("def process(self, window):\n    window.current[0].rotation = 180", (7,)),
    "stops its clock by a number that lies": (
        """
class Time(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__
def process(self, window):
    for frame in window.current:
        frame.pts = self.Time(0)
""",
        (0,),
    ),
    "another layout": (
        """
def process(self, window):
    import dataclasses
    pixels = window.current[0].pixels
    pixels.layout = dataclasses.replace(pixels.layout, transfer="hlg")
""",
        (7,),
    ),
    "another frame for the encoder": (
        """
def process(self, window):
    import av
    for frame in window.current:
        red = av.VideoFrame.from_ndarray(np.full((frame.height, frame.width, 3), RED[::-1], np.uint8), format="rgb24")
        frame.pixels.av_frame = red.reformat(format="gbrp")
""",
        (7,),
    ),
    "stops its clock": ("def process(self, window):\n    window.current[0].pts = 0", (7,)),
    "gives all one number": ("def process(self, window):\n    window.current[0].index = 3", (7,)),
    "other planes": (
        """
def process(self, window):
    pixels = window.current[0].pixels
    planes = tuple(plane.copy() for plane in pixels.planes)
    for plane, value in zip(pixels.planes, (82, 90, 240)):
        plane.flags.writeable = True
        plane[:] = value
    pixels.planes = planes
""",
        (5,),
    ),
}
