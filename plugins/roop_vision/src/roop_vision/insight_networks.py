"""InsightFace's own classes on sessions of the host: what they are given and what they answer, in this library's terms.

Importing insightface takes over a second, so this module is imported when the backend is set up. It prints nothing, makes
no folder and asks nothing of the network: ``urllib3``, which it loads, binds one socket to the loopback address to learn
whether there is IPv6, and it sets two variables that keep other libraries from calling home.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from insightface.app.common import Face as FaceRecord
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.model_zoo.attribute import Attribute
from insightface.model_zoo.landmark import Landmark
from insightface.model_zoo.scrfd import SCRFD
from numpy.typing import NDArray

from roop_host import Box, Context, FrameView, ModelSpec, Session
from roop_vision.align import aligned_crop, arcface_template, crop_matrix
from roop_vision.detector import SCORE, Detection, Effort, turned, turned_back

_ARCFACE_SIZE = 112
_FULL, _SMALL = 640, 128  # longest sides at which the package itself looks; the small one is for faces that fill a picture
_QUICK = 320  # where nobody is followed, between two searches: a quarter of the work, faces from a 25th of the longest side
_CAREFUL = 1280  # for the small faces of a picture that stands alone
_REGION, _REGION_REACH = 256, 2.0  # side in pixels of what is looked at around a face, and in longer sides of its box
_CELL = 32  # SCRFD's coarsest stride: sides are multiples of it
_SMALLEST_SIDE = 8
_LARGEST_BATCH = 16
_DETAIL_REACH = 1.5  # of the box's longer side: how much the attribute and landmark networks see


@dataclass(frozen=True, slots=True)
class _Argument:
    """What ONNX Runtime tells of an input or output; a free side has a name there, not a number."""

    name: str
    shape: list[int | str]
    type: str = "tensor(float)"


class AsOrt:
    """A session of the host that looks like one of ONNX Runtime. Its provider is the host's choice and stays."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_inputs(self) -> list[_Argument]:
        return [_Argument(item.name, _sides(item.shape)) for item in self._session.inputs]

    def get_outputs(self) -> list[_Argument]:
        return [_Argument(item.name, _sides(item.shape)) for item in self._session.outputs]

    def get_providers(self) -> list[str]:
        return [self._session.provider]

    def set_providers(self, providers: object = None, provider_options: object = None) -> None:
        """Nothing: see the class."""

    def run(self, names: Sequence[str] | None, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        outputs = dict(zip(self._session.output_names, self._session.run(inputs), strict=True))
        return [outputs[name] for name in (self._session.output_names if names is None else names)]


def _sides(shape: tuple[int | None, ...]) -> list[int | str]:
    return [f"side_{axis}" if side is None else side for axis, side in enumerate(shape)]


def _made(kind: Any, ctx: Context, model: ModelSpec) -> Any:
    """One of the package's classes that look into the graph's first nodes: they are given the verified bytes to read."""
    session = AsOrt(ctx.sessions.open(model))
    made = kind(model_file=io.BytesIO(ctx.sessions.read(model)), session=session)
    made.model_file = None  # nobody reads it again, and it may be large
    return made


class Scrfd:
    """SCRFD as the package runs it: letterbox to the top left, suppression at an overlap of 0.4.

    ``size`` is the longest side at which a whole picture is searched, 0 the package's; ``score`` is what a face must reach
    to be found. One that was found is followed at the package's 0.5 in any case: a strict limit would make it come and go.
    """

    certain = True  # a profile, where FaceMesh sees nothing, is what it is there for

    def __init__(self, session: Session, size: int = 0, score: float = SCORE) -> None:
        self._scrfd = SCRFD(session=AsOrt(session))
        self._size, self._score = -(-size // _CELL) * _CELL, score

    def detect(self, bgr: NDArray[np.uint8], effort: Effort = Effort.FULL) -> list[Detection]:
        """Upright faces of a whole picture, best first. With care, unless a size is asked for, large ones twice as large."""
        height, width = bgr.shape[:2]
        largest = self._size or _FULL
        longest = [_SMALL, min(_QUICK, largest) if effort is Effort.QUICK else largest]
        if effort is Effort.CAREFUL and not self._size and max(height, width) > 1.5 * _FULL:
            longest.append(_CAREFUL)
        # In a square most of a wide picture's cells would be black: only as many rows as it has are computed.
        sizes = [_canvas(width, height, side) for side in longest if side * min(width, height) >= max(width, height)]
        return self._detections(bgr, list(dict.fromkeys(sizes)), self._score)

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        """Faces in a square twice as wide as the box, seen at 256 x 256: fine enough for steady points in any picture."""
        box = _square(box_xyxy, _REGION_REACH).clip(frame.width, frame.height)
        region = frame.bgr(box)
        scale = _REGION / max(1, *region.shape[:2])
        if scale < 1:  # plain interpolation would skip pixels, and the points would tremble with the grain
            size = (max(1, round(box.width * scale)), max(1, round(box.height * scale)))
            region = cv2.resize(region, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        height, width = region.shape[:2]
        seen = self._detections(turned(region, turn), [(_REGION, _REGION)], min(self._score, SCORE))
        found = [turned_back(detection, turn, width, height) for detection in seen]
        grown = np.array([box.width / max(1, width), box.height / max(1, height)], np.float32)
        corner = np.array([box.x0, box.y0], np.float32)
        return [
            Detection(
                (d.box_xyxy * np.tile(grown, 2) + np.tile(corner, 2)).astype(np.float32),
                d.score,
                (d.keypoints * grown + corner).astype(np.float32),
            )
            for d in found
        ]

    def _detections(self, bgr: NDArray[np.uint8], sizes: list[tuple[int, int]], score: float) -> list[Detection]:
        if min(bgr.shape[:2]) < _SMALLEST_SIDE or not sizes:
            return []
        boxes, points = self._scrfd.detect(bgr, input_size=sizes, det_thresh=score)
        return [
            Detection(box[:4].astype(np.float32), float(box[4]), five.astype(np.float32))
            for box, five in zip(boxes, points, strict=True)
            if np.isfinite(box).all() and np.isfinite(five).all() and (box[2:4] > box[:2]).all()
        ]


class ArcFace:
    """The recogniser, on crops that the five points align."""

    size = _ARCFACE_SIZE

    def __init__(self, ctx: Context, model: ModelSpec) -> None:
        self._arcface = _made(ArcFaceONNX, ctx, model)
        self._batch = 1 if isinstance(self._arcface.input_shape[0], int) else _LARGEST_BATCH

    def embeddings(self, frame: FrameView, points: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The raw vector, float32 ``(512,)``, read-only, of the face at each ``(5, 2)``."""
        return self.described([_aligned(frame, five) for five in points])

    def matrix(self, points: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """``(2, 3)``, picture to crop; None where the five points say nothing."""
        return crop_matrix(points, arcface_template(self.size))

    def described(self, crops_bgr: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The same of crops, uint8 B, G, R ``(112, 112, 3)``."""
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(crops_bgr), self._batch):
            found += list(self._arcface.get_feat(crops_bgr[start : start + self._batch]).astype(np.float32))
        for vector in found:
            vector.flags.writeable = False  # a track hands the same one to many frames
        return found


class GenderAge:
    """What a network believes of faces."""

    def __init__(self, ctx: Context, model: ModelSpec) -> None:
        self._attribute = _made(Attribute, ctx, model)

    def of(
        self, frame: FrameView, boxes_xyxy: Sequence[NDArray[np.float32]]
    ) -> list[tuple[Literal["female", "male"], float] | None]:
        """Of each box gender, and age in years; None of one outside the picture."""
        records = [_record(frame, box) for box in boxes_xyxy]
        told = _together(self._attribute, records)
        return [None if one is None else (("female", "male")[int(one[0])], float(one[1])) for one in told]


class Points:
    """68 points in space (and the head's turn), or 106 in the picture."""

    def __init__(self, ctx: Context, model: ModelSpec) -> None:
        self._landmark = _made(Landmark, ctx, model)

    def of(
        self, frame: FrameView, boxes_xyxy: Sequence[NDArray[np.float32]]
    ) -> list[tuple[NDArray[np.float32] | None, tuple[float, float, float] | None]]:
        """Of each box float32 ``(n, 3)`` or ``(n, 2)`` in picture pixels; pitch, yaw and roll in degrees if they are told.

        Nothing of a box outside the picture.
        """
        records = [_record(frame, box) for box in boxes_xyxy]
        return [_placed(*one) for one in zip(records, _together(self._landmark, records), strict=True)]


def _placed(
    record: _Record, found: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32] | None, tuple[float, float, float] | None]:
    if found is None:
        return None, None
    points = np.asarray(found, np.float32)
    points[:, :2] += record.corner
    pose = record.face.get("pose")
    if pose is None or not np.isfinite(pose).all():
        return points, None
    pitch, yaw, roll = (float(angle) for angle in pose)
    return points, (pitch, yaw, roll)


@dataclass(frozen=True, slots=True, eq=False)
class _Record:
    """All of the picture that the package's crop of a face shows, the face there, and where its corner lies."""

    region: NDArray[np.uint8]
    face: FaceRecord
    corner: NDArray[np.float32]


def _record(frame: FrameView, box_xyxy: NDArray[np.float32]) -> _Record:
    box = _square(box_xyxy, _DETAIL_REACH, more=2).clip(frame.width, frame.height)  # interpolation takes a pixel more
    corner = np.array([box.x0, box.y0], np.float32)
    return _Record(frame.bgr(box), FaceRecord(bbox=box_xyxy - np.tile(corner, 2)), corner)


class _Asked(Exception):
    """The package asks its session for an answer that is not there yet."""


class _Between:
    """Stands for a session: keeps what it is asked until it has an answer."""

    def __init__(self) -> None:
        self.blob: NDArray[np.float32] | None = None
        self.answer: NDArray[np.float32] | None = None

    def run(self, names: Sequence[str], inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        if self.answer is None:
            (self.blob,) = inputs.values()
            raise _Asked
        return [self.answer]


def _together(network: Any, records: Sequence[_Record]) -> list[Any]:
    """What ``get`` of one of the package's classes answers to each record, None of one that shows nothing.

    ``get`` takes one face: it crops, runs and turns the answer back. Where the graph takes more, it is called twice for
    each, up to the run and with its answer, so that all but the run is the package's own.
    """
    shown = [record for record in records if record.region.size]
    if len(shown) < 2 or isinstance(network.input_shape[0], int):
        return [network.get(record.region, record.face) if record.region.size else None for record in records]
    real, betweens = network.session, [_Between() for _ in shown]
    try:
        for between, record in zip(betweens, shown, strict=True):
            network.session = between
            with suppress(_Asked):
                network.get(record.region, record.face)
        for first in range(0, len(shown), _LARGEST_BATCH):
            some = betweens[first : first + _LARGEST_BATCH]
            blobs = np.concatenate([between.blob for between in some if between.blob is not None])
            (answers,) = real.run(network.output_names, {network.input_name: blobs})
            for number, between in enumerate(some):
                between.answer = answers[number : number + 1]
        told = []
        for between, record in zip(betweens, shown, strict=True):
            network.session = between
            told.append(network.get(record.region, record.face))
    finally:
        network.session = real
    answered = iter(told)
    return [next(answered) if record.region.size else None for record in records]


def _aligned(frame: FrameView, points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The recogniser's crop, uint8 B, G, R ``(112, 112, 3)``; black where there is no picture, or the points say nothing.

    As the package's but for large faces: it skips pixels there, so that the grain of the picture would change the vector.
    """
    matrix = crop_matrix(points, arcface_template(_ARCFACE_SIZE))
    crop = None if matrix is None else aligned_crop(frame, matrix, _ARCFACE_SIZE)
    return np.zeros((_ARCFACE_SIZE, _ARCFACE_SIZE, 3), np.uint8) if crop is None else crop


def _square(box_xyxy: NDArray[np.float32], reach: float, more: int = 0) -> Box:
    """A square around a box: ``reach`` longer sides wide, and ``more`` pixels on every side."""
    side = float((box_xyxy[2:] - box_xyxy[:2]).max()) * reach
    x, y = (box_xyxy[:2] + box_xyxy[2:] - side) / 2
    left, top, width = round(float(x)) - more, round(float(y)) - more, round(side) + 2 * more
    return Box(left, top, left + width, top + width)


def _canvas(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height, multiples of SCRFD's coarsest stride, that a picture scaled to ``longest`` fits into."""
    short = -(-longest * min(width, height) // (max(width, height) * _CELL)) * _CELL
    return (longest, short) if width >= height else (short, longest)
