"""Options of the plugin ``nsfw``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option

#: Of 379 harmless pictures a wheel of colours alone is above it (0.83), the next one is at 0.43; see the README.
NUDITY_LIMIT = 0.5


@dataclass(frozen=True)
class Options:
    """``--nsfw-...``. Raises ``ValueError`` for what needs packages that are not here."""

    threshold: float = option(0.85, "Stop at this score; it can only be lowered.", least=0, most=1, tightens=True)
    backend: Literal["onnx", "opennsfw2"] = option(
        "onnx", "What runs the network: ONNX Runtime, or the opennsfw2 package (an extra) on the CPU; weights are pulled."
    )
    nudity_threshold: float = option(
        NUDITY_LIMIT,
        "The same for the second screener, nudity (an extra): stop at this confidence; it can only be lowered.",
        least=0,
        most=1,
        tightens=True,
    )

    def __post_init__(self) -> None:
        from roop_nsfw.packages import NUDITY, OPENNSFW2, nudenet_installed, opennsfw2_installed

        if self.backend == "opennsfw2" and not opennsfw2_installed():
            raise ValueError(f"--nsfw-backend opennsfw2 needs packages that are not installed; add them with: {OPENNSFW2}")
        if self.nudity_threshold != NUDITY_LIMIT and not nudenet_installed():
            raise ValueError(f"--nsfw-nudity-threshold needs a package that is not installed; add it with: {NUDITY}")
