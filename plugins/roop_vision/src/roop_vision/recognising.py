"""Vectors of faces by a recogniser that is named, whatever the analyser is: for plugins that compare people themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from roop_host import Context, Face, FrameView, ModelSpec, UsageError
from roop_vision.align import aligned_crop, picture_crop
from roop_vision.models import ARCFACE, DLIB, DLIB_NEEDED, W600K_R50, dlib_installed

if TYPE_CHECKING:
    from roop_vision.dlib_recogniser import DlibRecogniser
    from roop_vision.insight_networks import ArcFace

Vector = NDArray[np.float32]
Crop = NDArray[np.uint8]
#: Of a matrix, picture to crop, and the crop's side: the crop, or None of what is not in the picture.
_Taken = Callable[[NDArray[np.float64], int], Crop | None]
#: Those that ``recogniser_named`` knows.
RECOGNISERS = (ARCFACE, DLIB)


class _Network(Protocol):
    """What tells of a crop who it shows."""

    def crop(self, face: Face, taken: _Taken) -> Crop | None: ...

    def described(self, crops_bgr: Sequence[Crop]) -> Iterable[Vector]: ...


class Recogniser:
    """Made by ``recogniser_named``. ``name`` is what ``Face.recogniser`` calls it; only vectors of one can be compared."""

    def __init__(self, name: str, network: _Network) -> None:
        self.name, self._network = name, network

    def vectors(self, frame: FrameView, faces: Sequence[Face]) -> list[Vector | None]:
        """Of each face, where the frame shows it as it is now: float32 ``(512,)`` by ArcFace, ``(128,)`` by dlib.

        None of a face that lies outside the picture, or that the analyser does not tell enough of: ArcFace goes by
        ``landmarks_5``, dlib by ``mesh_468``. Raises ``ModelError``.
        """
        return self._of([self._network.crop(face, partial(aligned_crop, frame)) for face in faces])

    def vector_of(self, bgr: NDArray[np.uint8], face: Face) -> Vector | None:
        """The same of a face in a picture, uint8 ``(h, w, 3)``, such as ``SourceFace.bgr``."""
        return self._of([self._network.crop(face, partial(picture_crop, bgr))])[0]

    def _of(self, crops_bgr: Sequence[Crop | None]) -> list[Vector | None]:
        found = iter(self._network.described([crop for crop in crops_bgr if crop is not None]))
        return [None if crop is None else _usable(next(found)) for crop in crops_bgr]


def recogniser_named(name: str, ctx: Context, *, arcface: ModelSpec = W600K_R50) -> Recogniser:
    """``ARCFACE``, in the file ``arcface``, or ``DLIB``. Raises ``ModelError`` where its file is not here.

    ``UsageError`` where dlib's packages are not installed. Takes a quarter of a second, ArcFace's first use over a second.
    """
    if name == DLIB:
        if not dlib_installed():
            raise UsageError(f"the recogniser {DLIB} {DLIB_NEEDED}")
        from roop_vision.dlib_recogniser import DlibRecogniser

        return Recogniser(DLIB, _Dlib(DlibRecogniser(ctx.sessions)))
    if name != ARCFACE:
        raise ValueError(f"there is no recogniser {name!r}; there are {', '.join(RECOGNISERS)}")
    ctx.sessions.open(arcface)  # before the import, which fails less helpfully where there is no runtime
    from roop_vision.insight_networks import ArcFace

    return Recogniser(ARCFACE, _ArcFace(ArcFace(ctx, arcface)))


class _Dlib:
    def __init__(self, network: DlibRecogniser) -> None:
        self._network = network

    def crop(self, face: Face, taken: _Taken) -> Crop | None:
        return None if face.mesh_468 is None else taken(self._network.matrix(face.mesh_468), self._network.size)

    def described(self, crops_bgr: Sequence[Crop]) -> Iterable[Vector]:
        return map(self._network.described, crops_bgr)


class _ArcFace:
    def __init__(self, network: ArcFace) -> None:
        self._network = network

    def crop(self, face: Face, taken: _Taken) -> Crop | None:
        matrix = self._network.matrix(face.landmarks_5)
        return None if matrix is None else taken(matrix, self._network.size)

    def described(self, crops_bgr: Sequence[Crop]) -> Iterable[Vector]:
        return self._network.described(crops_bgr)


def _usable(vector: Vector) -> Vector | None:
    return vector if np.isfinite(vector).all() and vector.any() else None
