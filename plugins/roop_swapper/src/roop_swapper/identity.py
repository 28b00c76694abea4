"""What a network is told of a person: a vector of its own kind, or a picture."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Context, Face, ModelError, ModelSpec, NoFaceError, SourceFace
from roop_swapper.contract import VECTOR, check_converter
from roop_swapper.networks import CropSource, EmbeddingSource, NetworkSpec
from roop_vision.align import crop_matrix, picture_crop, template_points
from roop_vision.models import ARCFACE
from roop_vision.pixels import input_of

Vector = NDArray[np.float32]


class Identity(Protocol):
    """Makes the input ``source`` of a network."""

    def of_source(self, source: SourceFace) -> NDArray[np.float32]:
        """Float32, a batch of one. Raises ``NoFaceError`` for a person that can't be used."""
        ...

    def of_target(self, face: Face) -> NDArray[np.float32] | None:
        """The same of a face in a frame; None where it can't be told."""
        ...

    def between(self, target: NDArray[np.float32], source: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
        """Of two of these, the one that is ``source`` at a ``weight`` of 1 and ``target`` at 0."""
        ...


def identity_of(ctx: Context, spec: NetworkSpec, model: ModelSpec, converter: ModelSpec | None) -> Identity:
    """``model`` is the network's file, already open, ``converter`` that of its converter. Raises ``ModelError``."""
    if isinstance(spec.source, CropSource):
        return _Pictures(spec, spec.source)
    return _Vectors(ctx, spec, spec.source, model, converter)


class _Vectors:
    """From the recogniser's vector."""

    def __init__(
        self, ctx: Context, spec: NetworkSpec, source: EmbeddingSource, model: ModelSpec, converter: ModelSpec | None
    ) -> None:
        self._spec, self._source = spec, source
        self._name = "" if converter is None else converter.name
        self._converter = None if converter is None else ctx.sessions.open(converter)
        if self._converter is not None:
            check_converter(self._converter, spec, self._name)
        # Read after it runs, since only then it is known which precision's file that is; the peak is hardly higher.
        self._map = source_map(spec, model.name, ctx.sessions.read(model)) if source.through == "emap" else None

    def of_source(self, source: SourceFace) -> Vector:
        face, engine = source.face, self._spec.name
        if face.embedding is None:
            raise NoFaceError(
                f"{source.name}: the analyser gives no embedding of the face, which the engine {engine!r} needs; "
                "use --vision-backend insightface, or --swapper-engine mesh"
            )
        if face.recogniser != ARCFACE:
            whose = face.recogniser or "an unnamed recogniser"
            raise NoFaceError(
                f"{source.name}: the embedding of the face is by {whose}, and the engine {engine!r} knows only those by "
                f"{ARCFACE}; use --vision-backend insightface, or --swapper-engine mesh"
            )
        if not _usable(face.embedding):
            raise NoFaceError(
                f"{source.name}: the embedding of the face is not one of {VECTOR} numbers that say something, "
                f"as the engine {engine!r} needs; use --vision-backend insightface, or another picture"
            )
        return self._made(face.embedding)

    def of_target(self, face: Face) -> Vector | None:
        if face.embedding is None or face.recogniser != ARCFACE or not _usable(face.embedding):
            return None
        return self._made(face.embedding)

    def between(self, target: Vector, source: Vector, weight: float) -> Vector:
        mixed = np.asarray(target + np.float32(weight) * (source - target), np.float32)
        # Between two vectors of length 1 lie only shorter ones; between opposite ones nobody.
        if not mixed.any():
            return source
        return _unit(mixed) if self._source.normalised else mixed

    def _made(self, embedding: Vector) -> Vector:
        made = np.asarray(embedding, np.float32)
        if self._map is not None:
            made = _unit(made) @ self._map
        if self._converter is not None:
            (made, *_) = self._converter.run({self._converter.input_names[0]: made.reshape(1, VECTOR)})
            if made.size != VECTOR or not np.isfinite(made).all():
                raise ModelError(f"the model {self._name} made no usable vector; try --precision fp32 or --device cpu")
        if self._source.normalised:
            made = _unit(made)
        return np.asarray(made, np.float32).reshape(1, VECTOR)


class _Pictures:
    """From the picture of the source that shows the face best."""

    def __init__(self, spec: NetworkSpec, source: CropSource) -> None:
        self._name, self._source = spec.name, source

    def of_source(self, source: SourceFace) -> NDArray[np.float32]:
        kind = self._source
        matrix = crop_matrix(source.face.landmarks_5, template_points(kind.template) * np.float32(kind.size))
        crop = None if matrix is None else picture_crop(source.bgr, matrix, kind.size, outside=cv2.BORDER_REPLICATE)
        if crop is None:
            raise NoFaceError(
                f"{source.name}: eyes, nose and mouth of the face can't be told apart, as the engine {self._name!r} needs; "
                "use another picture"
            )
        return input_of(crop[None], kind.mean, kind.std)

    def of_target(self, face: Face) -> None:
        return None

    def between(self, target: NDArray[np.float32], source: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
        return source


def source_map(spec: NetworkSpec, name: str, data: bytes) -> NDArray[np.float32]:
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
        raise ModelError(
            f"the model {name} is no network for the engine {spec.name!r}: its last initializer is {found.shape} and not "
            f"{(VECTOR, VECTOR)}; get it again"
        )
    return found


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _usable(embedding: NDArray[np.float32]) -> bool:
    return embedding.shape == (VECTOR,) and bool(np.isfinite(embedding).all()) and bool(embedding.any())
