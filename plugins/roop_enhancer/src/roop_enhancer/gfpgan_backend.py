"""GFPGAN as its own package runs it, on its own weights: the extra ``roop-enhancer[gfpgan]``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.networks import NetworkSpec
from roop_host import Context, ModelError


class GfpganRestorer:
    """Raises ``ModelError`` where the package is not here."""

    def __init__(self, ctx: Context, spec: NetworkSpec, own: Path | None) -> None:
        self.name, self.size, self.template = spec.name, spec.size, spec.template
        raise ModelError("the backend gfpgan is not there yet")

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise NotImplementedError
