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
