"""Engine ``inswapper_128``: InsightFace's network, which redraws an aligned crop of a face as another person's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Context, Face, Frame, ModelError, ModelSpec, NoFaceError, Session, SourceFace, Tensor
from roop_swapper.engine import in_order
from roop_vision.align import aligned_crop, arcface_template, crop_matrix
from roop_vision.masks import face_mask, rounded_box
from roop_vision.paste import paste_crop

SIZE, VECTOR = 128, 512
#: Most crops of one run: what a network keeps in memory grows with each.
TOGETHER = 8
#: Of a picture in 0..1 the mean lies far below, of one in 0..255 far above.
_FAR_OUT = 2.0
# The network redraws all from the hairline to the chin, which lies at nine tenths of the crop: the fixed part leaves out
# the corners and a rim, narrow below. With dense landmarks the outline narrows it: hair and background keep their own
# sharpness. It is widened so far that half of the fade lies on it, which puts the jaw inside.
_MARGINS, _RADIUS, _FEATHER = (0.06, 0.05, 0.06, 0.012), 0.4, 0.065
_OUTLINE_GROW, _OUTLINE_FEATHER = 0.08, 0.065


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A face to be changed: its crop, B, G, R, and the matrix (2 x 3, picture to crop) that took it."""

    frame: Frame
    face: Face
    source: int
    crop_bgr: NDArray[np.uint8]
    matrix: NDArray[np.float64]


class InswapperEngine:
    """The network by its contract: inputs ``target`` ``(N, 3, 128, 128)``, R, G, B in 0..1, and ``source`` ``(N, 512)``.

    The output is like ``target``. ``source`` is made by ``latent_of`` from the recogniser's vector. ``setup`` raises
    ``ModelError`` for a network that is any different.
    """

    learns = False

    def __init__(self, ctx: Context, model: ModelSpec) -> None:
        self._session = ctx.sessions.open(model)
        check_contract(model.name, self._session)
        # Read after it runs, since only then it is known which precision's file that is; the peak is hardly higher.
        self._map = source_map(model.name, ctx.sessions.read(model))
        self._name = model.name
        self._target, self._source = self._session.inputs
        self._batches = self._target.shape[0] is None and self._source.shape[0] is None
        self._template = arcface_template(SIZE)
        self._fixed = rounded_box(SIZE, margins=_MARGINS, radius=_RADIUS, feather=_FEATHER)
        self._latents: list[NDArray[Any]] = []
        self._held: list[Session] = []

    def begin(self, sources: tuple[SourceFace, ...]) -> None:
        kind = np.dtype(self._source.dtype)
        self._latents = [latent_of(source, self._map).astype(kind) for source in sources]
        if not self._batches:
            self._held = [self._session.holding({self._source.name: latent}) for latent in self._latents]

    def start(self) -> None:
        """It keeps nothing of earlier frames."""

    def process(self, frames: Sequence[Frame]) -> None:
        # All are taken before any is put back: where two faces overlap, the network sees both as they were.
        taken = [one for frame in frames for face, source in in_order(frame) if (one := self._take(frame, face, source))]
        for first in range(0, len(taken), TOGETHER):
            some = taken[first : first + TOGETHER]
            for one, rgb in zip(some, self._run(some), strict=True):
                crop = picture_of(rgb, deep=one.frame.depth > 8)
                paste_crop(one.frame, crop, one.matrix, self._alpha(one), face_id=one.face.id)

    def end(self) -> None:
        self._latents, self._held = [], []

    def _take(self, frame: Frame, face: Face, source: int) -> _Taken | None:
        matrix = crop_matrix(face.landmarks_5, self._template)
        if matrix is None:
            return None
        # Where a face is cut by the picture's edge insightface has black, which would be carried into the picture.
        crop = aligned_crop(frame, matrix, SIZE, outside=cv2.BORDER_REPLICATE)
        return None if crop is None else _Taken(frame, face, source, crop, matrix)

    def _run(self, taken: Sequence[_Taken]) -> NDArray[np.float32]:
        """What the network makes of the crops: float32 R, G, B ``(n, 3, 128, 128)``."""
        target = np.stack([input_of(one.crop_bgr) for one in taken]).astype(self._target.dtype, copy=False)
        if self._batches:
            latents = np.concatenate([self._latents[one.source] for one in taken])
            made = [self._session.run({self._target.name: target, self._source.name: latents})[0]]
        else:
            made = [self._held[one.source].run({self._target.name: target[k : k + 1]})[0] for k, one in enumerate(taken)]
        out = np.concatenate(made).astype(np.float32, copy=False)
        if out.shape != target.shape or not np.isfinite(out).all():
            what = "values that are no numbers" if out.shape == target.shape else f"{out.shape} from {target.shape}"
            raise ModelError(f"the model {self._name} made {what}; try --precision fp32 or --device cpu")
        if float(np.abs(out).mean()) > _FAR_OUT:
            raise ModelError(
                f"the model {self._name} made values far beyond 0..1, which are no picture; try --precision fp32, or "
                "--swapper-engine mesh"
            )
        return out

    def _alpha(self, one: _Taken) -> NDArray[np.float32]:
        if one.face.mesh_468 is None:
            return self._fixed
        outline = face_mask(one.face.mesh_468, one.matrix, SIZE, grow=_OUTLINE_GROW, feather=_OUTLINE_FEATHER)
        return np.minimum(self._fixed, outline)


def source_map(name: str, data: bytes) -> NDArray[np.float32]:
    """Float32 ``(512, 512)``: what turns a recogniser's vector into the network's, the last initializer of the graph."""
    import onnx
    from onnx import numpy_helper

    try:
        tensors = onnx.load_from_string(data).graph.initializer
        del data
        found = numpy_helper.to_array(tensors[-1]).astype(np.float32) if len(tensors) else np.zeros((), np.float32)
    except Exception as error:
        raise ModelError(f"the model {name} can't be read ({type(error).__name__}); get it again") from error
    if found.shape != (VECTOR, VECTOR):
        raise _differs(name, f"its last initializer is {found.shape} and not {(VECTOR, VECTOR)}")
    return found


def latent_of(source: SourceFace, emap: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(1, 512)``: the vector brought to length 1, mapped, and brought to length 1 again.

    As ``INSwapper`` of insightface does it. Raises ``NoFaceError`` for a face without a usable vector.
    """
    embedding = source.face.embedding
    if embedding is None:
        raise NoFaceError(
            f"{source.name}: the analyser gives no embedding of the face, which the engine 'inswapper_128' needs; "
            "use --vision-backend insightface, or --swapper-engine mesh"
        )
    if embedding.shape != (VECTOR,) or not np.isfinite(embedding).all() or not embedding.any():
        raise NoFaceError(
            f"{source.name}: the embedding of the face is not one of {VECTOR} numbers that say something, "
            "as the engine 'inswapper_128' needs; use --vision-backend insightface, or another picture"
        )
    mapped = np.asarray(embedding / np.linalg.norm(embedding), np.float32) @ emap
    latent = np.asarray(mapped / np.linalg.norm(mapped), np.float32)
    return latent.reshape(1, VECTOR)


def input_of(crop_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Float32 R, G, B ``(3, h, w)`` in 0..1."""
    return np.ascontiguousarray(crop_bgr[..., ::-1].transpose(2, 0, 1), np.float32) / np.float32(255)


def picture_of(rgb: NDArray[np.float32], *, deep: bool) -> NDArray[Any]:
    """B, G, R ``(h, w, 3)`` of float32 ``(3, h, w)``: uint8, or for ``deep`` frames float32 in 0..1."""
    bgr = np.ascontiguousarray(np.clip(rgb[::-1].transpose(1, 2, 0), 0, 1))
    return bgr if deep else np.rint(bgr * 255).astype(np.uint8)


def check_contract(name: str, session: Session) -> None:
    """Raise ``ModelError`` for a network that takes or gives anything else than the engine knows."""
    picture, vector = (3, SIZE, SIZE), (VECTOR,)
    if len(session.inputs) != 2 or len(session.outputs) != 1:
        raise _differs(name, f"it has {len(session.inputs)} inputs and {len(session.outputs)} outputs and not 2 and 1")
    target, source = session.inputs
    for tensor, rest in ((target, picture), (source, vector)):
        first, *more = tensor.shape or (0,)
        if tuple(more) != rest or first not in (1, None) or not tensor.dtype.startswith("float"):
            raise _differs(name, f"its input {_told(tensor)} and not floats of {(1, *rest)}")
    made = session.outputs[0]
    fits = len(made.shape) == 4 and all(a in (None, b) for a, b in zip(made.shape[1:], picture, strict=True))
    if not fits or not made.dtype.startswith("float"):
        raise _differs(name, f"its output {_told(made)} and not floats of {(1, *picture)}")


def _told(tensor: Tensor) -> str:
    return f"{tensor.name} is {tensor.dtype} of ({', '.join('?' if size is None else str(size) for size in tensor.shape)})"


def _differs(name: str, what: str) -> ModelError:
    return ModelError(f"the model {name} is no network for the engine 'inswapper_128': {what}; get it again")
