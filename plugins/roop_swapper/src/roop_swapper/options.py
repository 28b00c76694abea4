"""Options of the plugin ``swapper``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapperOptions:
    """``--swapper-...``"""

    engine: Literal["mesh"] = option("mesh", "mesh: warps the source's face onto the target's, no download")
    proportions: float = option(0.45, "how far features move to the source's proportions", least=0, most=1)
