"""Objects that keep all promises of their kind: what the kit's checks are tried on, and what is broken from there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from urllib.parse import quote

import cv2
import numpy as np

from roop_host import (
    Analyser,
    Artifact,
    Context,
    Face,
    FrameView,
    InputError,
    Receipt,
    Segment,
    Source,
    SourceFrame,
    StreamInfo,
    Uploader,
)
from roop_host.testing import moved, portrait

#: What ``Gives`` opens.
ADDRESS = "camera:0"
WIDTH, HEIGHT = 8, 6
BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
PEOPLE = (portrait("hopper"), portrait("collins"))
#: The part of a portrait by which it is known again.
PATCH = slice(96, 128)
#: Where it lies in the kit's pictures.
ROWS = slice(96, 144)


class Knows(Analyser):
    """A healthy one: finds the two people of the kit, and nobody else."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.score = 0.9

    def start(self, segment: Segment) -> None:
        self.ids = {}

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return [replace(face, id=self.ids.setdefault(name, len(self.ids))) for name, face in self.found(frame).items()]

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return [replace(face, id=number) for number, face in enumerate(self.found(frame).values())]

    def found(self, frame: FrameView) -> dict[str, Face]:
        faces: dict[str, Face] = {}
        grey = np.ascontiguousarray(frame.bgr()[ROWS, :, 1])
        if min(grey.shape) < 32 or grey.std() == 0:
            return {}
        for person in PEOPLE:
            apart = cv2.matchTemplate(grey, person.bgr[PATCH, PATCH, 1].copy(), cv2.TM_SQDIFF_NORMED)
            least, _, (x, y), _ = cv2.minMaxLoc(apart)
            if least < 0.004:
                at = moved(person.face, x - PATCH.start, y + ROWS.start - PATCH.start)
                faces[person.name] = replace(at, score=self.score)
        return faces


class Gives(Source):
    """A camera with number 0 that gives five frames."""

    total = 5

    def setup(self, ctx: Context) -> None:
        self.ctx = ctx

    def open(self, address: str) -> StreamInfo:
        if address != ADDRESS:
            raise InputError(f"no camera is called {address}; camera:0 is there")
        return StreamInfo(WIDTH, HEIGHT, Fraction(1, 1000), Fraction(25), None)

    def frames(self) -> Iterator[SourceFrame]:
        for number in range(self.total):
            yield SourceFrame(BLACK + number, 7000 + 40 * number)


class Sends(Uploader):
    """Names by content and name."""

    def setup(self, ctx: Context) -> None:
        self.ctx = ctx

    def upload(self, artifact: Artifact) -> Receipt:
        self.ctx.check_cancel()
        artifact.sent(artifact.size // 2)
        artifact.sent(artifact.size)
        return Receipt(self.url_of(artifact), {"name": artifact.path.name})

    def url_of(self, artifact: Artifact) -> str:
        name = quote(artifact.path.name, safe="")
        return f"https://example.test/{artifact.sha256[:8]}/{name}?at={time.monotonic_ns()}"
