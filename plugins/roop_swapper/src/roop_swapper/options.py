"""Options of the plugin ``swapper``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapperOptions:
    """``--swapper-...``"""

    engine: Literal["mesh"] = option("mesh", "mesh: warps the source's face onto the target's; no download.")
    proportions: float = option(0.4, "How far features move to the source's proportions, 0 to 1.")

    def __post_init__(self) -> None:
        if not 0 <= self.proportions <= 1:
            raise ValueError(f"proportions is 0 to 1, not {self.proportions}")
