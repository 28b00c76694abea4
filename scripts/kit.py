"""Write ``roop_host/testing/data``: two faces for the checks of plugins, with all that an analyser tells of them::

python scripts/kit.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from roop_host import Face
from roop_host.testing import context_of, frame_of
from roop_vision.faces import FaceAnalyser
from roop_vision.options import VisionOptions

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "roop_host" / "testing" / "data"
SIDE = 224
#: Left, top and side of the head in pixels of the example picture.
CROPS = {"collins": (116, 20, 200), "hopper": (96, 70, 330)}
# The points of FaceMesh that lie where iBUG's 68 are; the numbers are MediaPipe's, the choice is the one in common use.
IBUG_OF_MESH = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)


def portrait(name: str) -> NDArray[np.uint8]:
    """The head, ``SIDE`` pixels wide and high."""
    left, top, side = CROPS[name]
    bgr = cv2.imread(str(ROOT / "examples" / "media" / f"{name}.jpg"))
    assert bgr is not None
    head: Any = cv2.resize(bgr[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(head, np.uint8)


def face_in(bgr: NDArray[np.uint8]) -> Face:
    """The one face of a picture."""
    analyser = FaceAnalyser()
    analyser.setup(context_of(VisionOptions(backend="embedded")))
    (face,) = analyser.analyse_picture(frame_of(bgr))
    analyser.teardown()
    return face


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    known: dict[str, NDArray[Any]] = {}
    for name in CROPS:
        path = DATA / f"{name}.jpg"
        assert cv2.imwrite(str(path), portrait(name), [cv2.IMWRITE_JPEG_QUALITY, 92])
        face = face_in(np.asarray(cv2.imread(str(path)), np.uint8))
        mesh = face.mesh_468
        assert mesh is not None
        known |= {
            f"{name}_box": np.array(face.box_xyxy, np.float32),
            f"{name}_five": face.landmarks_5,
            f"{name}_mesh": mesh,
            f"{name}_ibug": mesh[list(IBUG_OF_MESH)] * np.array((1, 1, -1), np.float32),
            f"{name}_pose": np.array(face.pose_degrees, np.float32),
        }
    safetensors.numpy.save_file(
        {name: np.ascontiguousarray(array) for name, array in known.items()}, DATA / "faces.safetensors"
    )


if __name__ == "__main__":
    main()
