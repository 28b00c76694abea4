"""Restoration networks as ONNX files, on the host's sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.contract import contract_of, takes_several
from roop_enhancer.networks import NetworkSpec
from roop_host import Context, ModelError, ModelSpec
from roop_vision.pixels import input_of, output_of

_HALVES = (0.5, 0.5, 0.5)
#: Of a picture in -1..1 the mean lies far below, of one in 0..255 far above.
_FAR_OUT = 4.0
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
        self._model = model.name
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
        made = np.concatenate([self._session.run({self._input: part})[0] for part in parts]).astype(np.float32, copy=False)
        if made.shape != given.shape:
            raise ModelError(
                f"the model {self._model} made {made.shape} from {given.shape}; take another file, {_OTHER_MODEL}"
            )
        self._check_numbers(made)
        rgb = output_of(np.clip(made, -1, 1), _HALVES, _HALVES, denormalised=True)
        self._check_picture(rgb, crops_bgr)
        return rgb

    def _check_numbers(self, made: NDArray[np.float32]) -> None:
        if not np.isfinite(made).all():
            raise self._no_picture("values that are no numbers")
        if float(np.abs(made).mean()) > _FAR_OUT:
            raise self._no_picture("values far beyond -1..1, which are no picture")

    def _check_picture(self, rgb: NDArray[np.float32], crops_bgr: NDArray[np.uint8]) -> None:
        if any(made.min() == made.max() and crop.min() != crop.max() for made, crop in zip(rgb, crops_bgr, strict=True)):
            raise self._no_picture("one flat colour of a face")

    def _no_picture(self, what: str) -> ModelError:
        return ModelError(f"the model {self._model} made {what}; {self._repair}, {_OTHER_MODEL}")
