"""Options of the plugin ``vision``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option

Backend = Literal["auto", "insightface", "embedded"]
Detail = Literal["gender_age", "pose", "landmarks_106"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionOptions:
    """``--vision-...``"""

    backend: Backend = option(
        "auto",
        "what finds faces: insightface tells people apart and sees profiles but must be pulled, embedded is part of the "
        "package; auto takes what the steps need",
    )
    details: tuple[Detail, ...] = option(
        (), "what else to tell of each face, with the backend insightface: gender_age, pose, landmarks_106"
    )
    detect_every: int = option(10, "look for new faces every this many frames", least=1)
    max_faces: int = option(8, "follow at most this many faces", least=1)

    def __post_init__(self) -> None:
        if self.backend == "embedded" and self.details:
            raise ValueError(
                f"--vision-details {','.join(self.details)} needs the networks of the backend insightface, not embedded; "
                "leave one of the two out"
            )
