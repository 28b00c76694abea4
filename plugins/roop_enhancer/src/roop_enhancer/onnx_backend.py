"""Restoration networks as ONNX files, on the host's sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.contract import contract_of, takes_several
from roop_enhancer.networks import NetworkSpec
from roop_host import Context, ModelError, ModelSpec
from roop_vision.pixels import input_of, output_of
from roop_vision.redrawn import what_is_wrong

_HALVES = (0.5, 0.5, 0.5)
_OTHER_MODEL = "or say --enhancer-model embedded"


class OnnxRestorer:
    """A network of the family ``spec``, from the file ``own`` or else the pulled one.

    ``weight`` in 0..1 is what a weighted one is told. Raises ``ModelError`` for a file that is not there, does not run, or
    is of another family, ``InputError`` for an own file that can't be read.
    """

    def __init__(self, ctx: Context, spec: NetworkSpec, own: Path | None, weight: float) -> None:
        model = spec.model if own is None else ModelSpec.from_file(own, purpose="face restoration")
        if model is None:
            raise ModelError(f"the model {spec.name} is not pulled; name your file with --enhancer-model-file")
        self.name, self.size, self.template = spec.name, spec.size, spec.template
        self._model, self._go_on = model.name, ctx.check_cancel
        self._repair = "take another file" if model.own else "try --precision fp32 or --device cpu"
        session = ctx.sessions.open(model)
        contract = contract_of(session, spec, self._model)
        if contract.weight is not None:
            shape = [1] * len(contract.weight.shape)
            session = session.holding({contract.weight.name: np.full(shape, weight, np.float64)})
        self._session, self._input = session, contract.crop.name
        self._together = takes_several(session, contract.crop, spec.size)

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 R, G, B ``(n, size, size, 3)`` in 0..1 of uint8 B, G, R crops of that shape.

        In one run where the network takes several and makes of each what it makes of it alone, to a quarter of a grey
        level; else in one run each. Raises ``ModelError`` for what is no picture.
        """
        given = input_of(crops_bgr, _HALVES, _HALVES)
        parts = [given] if self._together else np.split(given, len(given))
        made = np.concatenate([*map(self._run, parts)]).astype(np.float32, copy=False)
        if made.shape != given.shape:
            raise ModelError(
                f"the model {self._model} made {made.shape} from {given.shape}; take another file, {_OTHER_MODEL}"
            )
        rgb = output_of(made, _HALVES, _HALVES, denormalised=True)
        if wrong := what_is_wrong(rgb, crops_bgr):
            raise ModelError(f"the model {self._model} made {wrong}; {self._repair}, {_OTHER_MODEL}")
        return np.clip(rgb, 0, 1, out=rgb)

    def _run(self, crops: NDArray[np.float32]) -> NDArray[Any]:
        self._go_on()  # on a CPU each takes seconds
        return self._session.run({self._input: crops})[0]
