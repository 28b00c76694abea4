"""Faces and vectors as JSON holds them, so that a run that is continued finds the very same again."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from roop_host.types.faces import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def text_of(vector: NDArray[np.float32]) -> str:
    """A vector of any length, bit by bit; a quarter as long as its numbers in words."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def array_of(text: str) -> NDArray[np.float32]:
    """The vector of ``text_of``, float32 ``(N,)``."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)


def told_of(face: Face) -> list[Any]:
    """By what a face is known again: its number, its box, and its embedding."""
    embedding = None if face.embedding is None else text_of(face.embedding.reshape(-1))
    return [face.id, [float(number) for number in face.box_xyxy], embedding, face.recogniser]


def face_of(data: Sequence[Any]) -> Face:
    """The face of ``told_of``; all else of it is empty."""
    import numpy as np

    number, (x0, y0, x1, y1), embedding, recogniser = data
    known = None if embedding is None else array_of(embedding)
    landmarks = np.zeros((5, 2), np.float32)
    return Face(number, (x0, y0, x1, y1), 0.0, landmarks, embedding=known, recogniser=recogniser)
