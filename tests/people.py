"""People for tests: each is a colour, and an analyser that knows people by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from kit import analyser, plugins, processor
from numpy.typing import NDArray
from PIL import Image

from roop_host import Analyser, Box, Face, FrameView, JobContext, Plugins, Processor, SourceFace, Window

SIDE = 48
#: B, G, R.
RED, GREEN, BLUE, WHITE = (40, 40, 220), (40, 220, 40), (220, 40, 40), (220, 220, 220)
GREY = (128, 128, 128)
RECOGNISER = "colours"
Colour = tuple[int, int, int]


def face(
    number: int = 0,
    embedding: Sequence[float] | None = None,
    box: tuple[float, float, float, float] = (0, 0, 9, 9),
    **more: Any,
) -> Face:
    vector = None if embedding is None else np.array(embedding, np.float32)
    known = RECOGNISER if vector is not None else None
    return Face(
        number, box, more.pop("score", 0.9), np.zeros((5, 2), np.float32), embedding=vector, recogniser=known, **more
    )


def person(name: str, found: Face, size: tuple[int, int] = (30, 40)) -> SourceFace:
    """A source of (height, width)."""
    return SourceFace(name, np.full((*size, 3), 7, np.uint8), found)


def picture(path: Path, *colours: Colour) -> str:
    """A picture of people side by side; grey is nobody. The name of the file."""
    columns = [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in colours]
    Image.fromarray(np.concatenate(columns, 1)[..., ::-1].copy()).save(path)
    return str(path)


def embedding_of(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = bgr.reshape(-1, 3).mean(0).astype(np.float32) - 128
    return mean


class Colours(Analyser):
    """Sees somebody in every column that is not grey; a track is a colour, so it follows people wherever they go."""

    recogniser = RECOGNISER
    #: What a network would guess of a track.
    details: ClassVar[dict[str, dict[str, Any]]] = {}

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return self.analyse_picture(frame)

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        found = []
        for x in range(0, frame.width, SIDE):
            inner = frame.bgr(Box(x + 8, 8, x + SIDE - 8, SIDE - 8))
            vector = embedding_of(inner)
            if np.abs(vector).max() < 30:
                continue
            track = sum((number > 0) << place for place, number in enumerate(vector))
            five = np.array([[16, 16], [32, 16], [24, 24], [18, 34], [30, 34]], np.float32) + np.float32([x, 0])
            box = (float(x), 0.0, x + SIDE - 1.0 - x / SIDE, SIDE - 1.0)
            more = {"embedding": vector, "recogniser": self.recogniser, **self.details.get(str(track), {})}
            found.append(Face(track, box, 0.9, five, **more))
        return found


class Paint(Processor):
    """Paints who is swapped with the colour of the source."""

    def begin(self, job: JobContext) -> None:
        self.sources = job.sources

    def process(self, window: Window) -> None:
        for frame in window.current:
            for one in frame.faces:
                if one.source is not None:
                    x0, y0, x1, y1 = (round(number) for number in one.box_xyxy)
                    box = Box(x0, y0, x1, y1)
                    colour = self.sources[one.source].bgr.reshape(-1, 3).mean(0)
                    new = np.empty((box.height, box.width, 3), np.uint8)
                    new[:] = np.round(colour)
                    frame.put(box, new, face_id=one.id)


def installed(*more: Any, see: type[Analyser] = Colours, **spec: Any) -> Plugins:
    given = {"gives": frozenset({"embedding", f"embedding:{RECOGNISER}"}), "recognisers": {RECOGNISER: 0.6}, **spec}
    return plugins(processor(Paint, "paint", needs_faces=True, needs_source=True), analyser(see, **given), *more)


def seen(path: Path) -> list[Colour]:
    """The colour in the middle of each column of a picture."""
    with Image.open(path) as image:
        bgr = np.asarray(image.convert("RGB"))[..., ::-1]
    return [nearest(bgr[SIDE // 2, x + SIDE // 2]) for x in range(0, bgr.shape[1], SIDE)]


def nearest(pixel: Any) -> Colour:
    known: tuple[Colour, ...] = (RED, GREEN, BLUE, WHITE, GREY)
    return min(known, key=lambda colour: float(np.abs(np.subtract(colour, pixel.astype(float))).max()))
