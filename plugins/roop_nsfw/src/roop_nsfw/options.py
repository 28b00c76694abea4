"""Options of the plugins ``nsfw`` and ``nudity``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option


@dataclass(frozen=True)
class Options:
    """``--nsfw-...``. Raises ``ValueError`` for a backend whose packages are not here."""

    threshold: float = option(0.85, "Stop at this score; it can only be lowered.", least=0, most=1, tightens=True)
    backend: Literal["onnx", "opennsfw2"] = option(
        "onnx", "What runs the network: ONNX Runtime, or the opennsfw2 package (an extra) on the CPU; weights are pulled."
    )

    def __post_init__(self) -> None:
        if self.backend == "opennsfw2":
            from roop_nsfw.packages import OPENNSFW2, opennsfw2_installed

            if not opennsfw2_installed():
                raise ValueError(
                    f"--nsfw-backend opennsfw2 needs packages that are not installed; add them with: {OPENNSFW2}"
                )


@dataclass(frozen=True)
class NudityOptions:
    """``--nudity-...``."""

    threshold: float = option(
        0.85, "Stop at this confidence; it can only be lowered (an extra of roop-nsfw).", least=0, most=1, tightens=True
    )
