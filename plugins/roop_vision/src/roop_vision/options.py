"""Options of the plugin ``vision``."""

from __future__ import annotations

from dataclasses import dataclass

from roop_host import option


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionOptions:
    """``--vision-...``"""

    detect_every: int = option(10, "look for new faces every this many frames", least=1)
    max_faces: int = option(8, "follow at most this many faces", least=1)
