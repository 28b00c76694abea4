"""Options of the plugin ``vision``."""

from __future__ import annotations

from dataclasses import dataclass

from roop_host import option


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionOptions:
    """``--vision-...``"""

    detect_every: int = option(10, "Look for new faces every this many frames.")
    max_faces: int = option(8, "Follow at most this many faces.")

    def __post_init__(self) -> None:
        if self.detect_every < 1 or self.max_faces < 1:
            raise ValueError("detect-every and max-faces are 1 or more")
