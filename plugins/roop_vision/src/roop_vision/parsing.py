"""Networks that look at a crop: what is face and what stands before it (XSeg), and which part is what (BiSeNet)."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import ModelError, ModelSpec, Session, Sessions
from roop_vision.mask_options import Region

#: Classes of CelebAMask-HQ, as the parser numbers them.
_CLASSES: dict[Region, tuple[int, ...]] = {
    "skin": (1,),
    "brows": (2, 3),
    "eyes": (4, 5),
    "glasses": (6,),
    "ears": (7, 8),
    "nose": (10,),
    "mouth": (11,),
    "lips": (12, 13),
}
_CLASS_COUNT = 19
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)  # of ImageNet
#: FaceFusion's blur of 5 pixels on a crop of 256, as a share of the side: a fixed one is nothing on a large crop.
_SIGMA = 5 / 256


class XSeg:
    """A network of DeepFaceLab's kind: B, G, R in 0..1, ``(1, 256, 256, 3)``, to ``(1, 256, 256, 1)``, 1 where face is."""

    SIZE = 256

    def __init__(self, model: ModelSpec, sessions: Sessions) -> None:
        self._name, self._session = model.name, sessions.open(model)
        _check(model.name, self._session, (self.SIZE, self.SIZE, 3), "one picture with its colours last")

    def face(self, crop_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 ``(256, 256)`` in 0..1 of a uint8 B, G, R ``(s, s, 3)``: 1 on the face, falling to 0 inside its edge."""
        seen = _sized(crop_bgr, self.SIZE).astype(np.float32) / np.float32(255)
        out = _run(self._name, self._session, seen[None])
        if out.size != self.SIZE**2:
            raise _odd(self._name, f"gave {out.shape} for one crop")
        return soft_inside(np.clip(out.reshape(self.SIZE, self.SIZE), 0, 1))


class Parser:
    """A network with the 19 classes of CelebAMask-HQ: R, G, B ``(1, 3, 512, 512)`` with ImageNet's mean and deviation."""

    SIZE = 512

    def __init__(self, model: ModelSpec, sessions: Sessions) -> None:
        self._name, self._session = model.name, sessions.open(model)
        _check(model.name, self._session, (3, self.SIZE, self.SIZE), "one picture with its colours first")

    def classes(self, crop_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 ``(512, 512)``: the class of each pixel of a uint8 B, G, R ``(s, s, 3)``."""
        rgb = _sized(crop_bgr, self.SIZE)[..., ::-1].astype(np.float32) / np.float32(255)
        out = _run(self._name, self._session, np.ascontiguousarray(((rgb - _MEAN) / _STD).transpose(2, 0, 1))[None])
        if out.shape != (1, _CLASS_COUNT, self.SIZE, self.SIZE):
            raise _odd(self._name, f"gave {out.shape} for one crop, and not {_CLASS_COUNT} classes")
        return np.asarray(out[0].argmax(0), np.uint8)


def region_of(classes: NDArray[np.uint8], regions: Iterable[Region]) -> NDArray[np.float32]:
    """Float32 like ``classes``: 1 where any of these regions is."""
    numbers = [number for region in regions for number in _CLASSES[region]]
    return np.isin(classes, numbers).astype(np.float32)


def soft_inside(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mask with a soft edge that lies inside it. As FaceFusion does it, but scaled with the side."""
    soft = cv2.GaussianBlur(mask, (0, 0), _SIGMA * mask.shape[0])
    return np.clip(2 * soft - 1, 0, 1).astype(np.float32, copy=False)


def _sized(bgr: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if bgr.shape[0] == size:
        return bgr
    kind = cv2.INTER_AREA if bgr.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(bgr, (size, size), interpolation=kind), np.uint8)


def _run(name: str, session: Session, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    tensor = session.inputs[0]
    out = np.asarray(session.run({tensor.name: batch.astype(tensor.dtype, copy=False)})[0], np.float32)
    if not np.isfinite(out).all():
        raise ModelError(f"the model {name} made values that are no numbers; try --precision fp32 or --device cpu")
    return out


def _check(name: str, session: Session, shape: tuple[int, int, int], wants: str) -> None:
    """Raise ``ModelError`` for a network with any other input."""
    first, *more = session.inputs[0].shape or (0,)
    fits = len(more) == 3 and all(have in (None, want) for have, want in zip(more, shape, strict=True))
    if len(session.inputs) != 1 or first not in (1, None) or not fits or not session.inputs[0].dtype.startswith("float"):
        raise _odd(name, f"takes {session.inputs[0].shape}, and not {wants}, {(1, *shape)}")


def _odd(name: str, what: str) -> ModelError:
    return ModelError(f"the model {name} is no network for a mask: it {what}; get it again")
