"""Options of the plugin ``vision``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option
from roop_vision.models import DLIB_NEEDED, dlib_installed

Backend = Literal["auto", "insightface", "embedded", "dlib"]
Detail = Literal["gender_age", "pose", "landmarks_106"]

#: Beyond it a search takes minutes and gains nothing.
LARGEST_SIZE = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionOptions:
    """``--vision-...``"""

    backend: Backend = option(
        "auto",
        "what finds faces: embedded is part of the package; dlib tells people apart too and is the extra roop-vision[dlib]; "
        "insightface also sees profiles but must be pulled; auto takes what the steps need",
    )
    details: tuple[Detail, ...] = option(
        (), "what else to tell of each face, with the backend insightface: gender_age, pose, landmarks_106"
    )
    detect_every: int = option(10, "look for new faces every this many frames", least=1)
    detector_size: int = option(
        0,
        "longest side in pixels at which a whole frame is searched, from 128; 0 is what the backend thinks best; "
        "embedded and dlib take anything below 192 as 128",
        least=0,
    )
    detector_score: float = option(
        0.5,
        "how sure the detector must be of a face: from 0.05, where all sorts of things pass for one",
        least=0.05,
        most=0.9,
    )
    max_faces: int = option(8, "follow at most this many faces", least=1)

    def __post_init__(self) -> None:
        if self.backend in ("embedded", "dlib") and self.details:
            raise ValueError(
                f"--vision-details {','.join(self.details)} needs the networks of the backend insightface, not "
                f"{self.backend}; leave one of the two out"
            )
        if self.backend == "dlib" and not dlib_installed():
            raise ValueError(f"--vision-backend dlib {DLIB_NEEDED}")
        if not (self.detector_size == 0 or 128 <= self.detector_size <= LARGEST_SIZE):
            raise ValueError(
                f"--vision-detector-size {self.detector_size} is no side that a frame is searched at; "
                f"say 0, or from 128 to {LARGEST_SIZE}"
            )
