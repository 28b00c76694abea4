"""Is a network one of the family that its spec describes? Each difference is told in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roop_enhancer.networks import NetworkSpec
from roop_host import ModelError, Session, Tensor
from roop_vision.redrawn import described, fits

_WEIGHT = "weight"
#: Two results that differ by less are equal: a quarter of a grey level, of values in -1..1. Computed in half precision, or
#: by another kernel, a crop in a batch comes out that much otherwise.
_ROUNDING = 0.25 * 2 / 255


@dataclass(frozen=True, slots=True)
class Contract:
    """Which inputs of a network are what. ``weight`` is None of one that takes none."""

    crop: Tensor
    weight: Tensor | None


def contract_of(session: Session, spec: NetworkSpec, name: str) -> Contract:
    """The weight is the input of that name, else the one that is a number alone. Sides of a crop may be free.

    ``name`` is the model's, for people. Raises ``ModelError`` for a network that takes or gives anything else; outputs
    after the first are allowed.
    """
    weight = _weight_of(session.inputs)
    crops = [tensor for tensor in session.inputs if tensor is not weight]
    if spec.weighted and weight is None:
        raise _differs(name, spec, "it has no input for the weight")
    if weight is not None and not spec.weighted:
        raise _differs(name, spec, f"it also takes a weight ({weight.name}), as codeformer does")
    if len(crops) != 1 or not session.outputs:
        counts = f"it takes {len(crops)} pictures and has {len(session.outputs)} outputs"
        raise _differs(name, spec, f"{counts} and not 1 and at least 1")
    picture = (3, spec.size, spec.size)
    for what, tensor in (("input", crops[0]), ("output", session.outputs[0])):
        if not fits(tensor, picture, batch=what == "output"):
            raise _differs(name, spec, f"its {what} {described(tensor)} and not floats of {(1, *picture)}")
    if weight is not None and not (_is_number(weight) and weight.dtype.startswith("float")):
        raise _differs(name, spec, f"its input {described(weight)} and not one float")
    return Contract(crops[0], weight)


def takes_several(session: Session, crop: Tensor, size: int) -> bool:
    """Whether several crops in one run come out as each does alone.

    Many an export leaves the batch free and has a fixed one in its middle, or mixes what it sees. ``session`` is one that
    needs only the input ``crop``.
    """
    if crop.shape[0] is not None:
        return False
    pair = np.random.default_rng(0).uniform(-1, 1, (2, 3, size, size)).astype(np.float32)
    try:
        together = session.run({crop.name: pair})[0]
        alone = np.concatenate([session.run({crop.name: one[None]})[0] for one in pair])
    except Exception:  # noqa: BLE001  (whatever it is, one crop at a time is left, and was tried already)
        return False
    return together.shape == alone.shape and bool(np.abs(together - alone).max() <= _ROUNDING)


def _weight_of(inputs: tuple[Tensor, ...]) -> Tensor | None:
    named = [tensor for tensor in inputs if tensor.name == _WEIGHT]
    return next(iter([*named, *filter(_is_number, inputs)]), None)


def _is_number(tensor: Tensor) -> bool:
    return tensor.shape in ((), (1,), (None,))


def _differs(name: str, spec: NetworkSpec, what: str) -> ModelError:
    return ModelError(
        f"the model {name} is no network of the family {spec.name!r}: {what}; take another file, or another --enhancer-model"
    )
