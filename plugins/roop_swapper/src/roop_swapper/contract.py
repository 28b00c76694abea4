"""Is a network one of the family that its spec describes? Each difference is told in one sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from roop_host import ModelError, Session, Tensor
from roop_swapper.networks import CropSource, NetworkSpec
from roop_vision.redrawn import described, fits

VECTOR = 512


@dataclass(frozen=True, slots=True)
class Contract:
    """Which tensors of a network are what. ``batches`` is whether it takes several crops at once."""

    target: Tensor
    source: Tensor
    batches: bool


def contract_of(session: Session, spec: NetworkSpec, name: str) -> Contract:
    """Inputs called ``target`` and ``source`` are those, else the first and the second; sides may be free.

    ``name`` is the model's, for people. Raises ``ModelError`` for a network that takes or gives anything else.
    """
    if len(session.inputs) != 2 or len(session.outputs) <= spec.output:
        has = f"it has {len(session.inputs)} inputs and {len(session.outputs)} outputs"
        raise _differs(name, spec, f"{has} and not 2 and {spec.output + 1}")
    named = {tensor.name: tensor for tensor in session.inputs}
    first, second = session.inputs
    target, source = named.get("target", first), named.get("source", second)
    picture = (3, spec.size, spec.size)
    given = (3, spec.source.size, spec.source.size) if isinstance(spec.source, CropSource) else (VECTOR,)
    made = session.outputs[spec.output]
    for what, tensor, rest in (("input", target, picture), ("input", source, given), ("output", made, picture)):
        if not fits(tensor, rest, batch=what == "output"):
            raise _differs(name, spec, f"its {what} {described(tensor)} and not floats of {(1, *rest)}")
    alone = Contract(target, source, batches=False)
    if target.shape[0] is not None or source.shape[0] is not None:
        return alone
    return replace(alone, batches=_takes_two(session, alone, spec.output, picture, given))


def _takes_two(session: Session, contract: Contract, output: int, picture: tuple[int, ...], given: tuple[int, ...]) -> bool:
    """Whether it does what it says: many an export leaves the batch free, and has a fixed one in its middle."""
    inputs = {
        contract.target.name: np.zeros((2, *picture), np.float32),
        contract.source.name: np.ones((2, *given), np.float32),
    }
    try:
        return bool(session.run(inputs)[output].shape == (2, *picture))
    except Exception:  # noqa: BLE001  (whatever it is, one crop at a time is left, and was tried already)
        return False


def check_converter(session: Session, spec: NetworkSpec, name: str) -> None:
    """Raise ``ModelError`` for a network that does not turn a vector into another one."""
    if len(session.inputs) != 1 or not session.outputs:
        counts = f"it has {len(session.inputs)} inputs and {len(session.outputs)} outputs and not 1 and 1"
        raise _no_converter(name, spec, counts)
    for what, tensor in (("input", session.inputs[0]), ("output", session.outputs[0])):
        if not fits(tensor, (VECTOR,), batch=what == "output"):
            raise _no_converter(name, spec, f"its {what} {described(tensor)} and not floats of {(1, VECTOR)}")


def _differs(name: str, spec: NetworkSpec, what: str) -> ModelError:
    return ModelError(f"the model {name} is no network for the engine {spec.name!r}: {what}; take another file or engine")


def _no_converter(name: str, spec: NetworkSpec, what: str) -> ModelError:
    return ModelError(f"the model {name} is no converter for the engine {spec.name!r}: {what}; take another file")
