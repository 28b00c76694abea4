"""Options of the plugin ``swapper``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapperOptions:
    """``--swapper-...``"""

    engine: Literal["auto", "inswapper_128", "mesh"] = option(
        "auto",
        "inswapper_128: a network redraws the face (pulled, non-commercial); mesh: warps the source's face, no download; "
        "auto: the first that can be had",
    )
    proportions: float = option(0.45, "engine mesh: how far features move to the source's proportions", least=0, most=1)
    source_glasses: Literal["keep", "remove"] = option("keep", "engine mesh: whether the source's glasses go over")
