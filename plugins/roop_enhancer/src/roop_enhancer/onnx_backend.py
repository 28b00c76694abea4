"""Restoration networks as ONNX files, on the host's sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.networks import NetworkSpec
from roop_host import Context, ModelError, ModelSpec
from roop_vision.pixels import input_of, output_of

_HALVES = (0.5, 0.5, 0.5)


class OnnxRestorer:
    """A network of the family ``spec``, from the file ``own`` or else the pulled one. Raises ``ModelError``."""

    def __init__(self, ctx: Context, spec: NetworkSpec, own: Path | None, weight: float) -> None:
        model = spec.model if own is None else ModelSpec.from_file(own, purpose="face restoration")
        if model is None:
            raise ModelError(f"the model {spec.name} is not pulled; name your file with --enhancer-model-file")
        self.name, self.size, self.template = spec.name, spec.size, spec.template
        self._session = ctx.sessions.open(model)

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        made = [
            self._session.run({self._session.input_names[0]: input_of(crop[None], _HALVES, _HALVES)})[0]
            for crop in crops_bgr
        ]
        return np.clip(output_of(np.concatenate(made), _HALVES, _HALVES, denormalised=True), 0, 1)
