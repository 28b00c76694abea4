"""Sessions without models: each network is a Python function, with the shapes that the real one has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import ModelError
from roop_host.types.models import ModelSpec
from roop_host.types.objects import Tensor

_Arrays = Mapping[str, NDArray[Any]]
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Network:
    """What stands for a model: ``compute`` is given the inputs by name, and gives all outputs in order.

    Example::

        twice = Network(
            inputs=(Tensor("x", "float32", (None, 3)),),
            outputs=(Tensor("y", "float32", (None, 3)),),
            compute=lambda inputs: [2 * inputs["x"]],
        )
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    compute: Callable[[_Arrays], Sequence[NDArray[Any]]]


class FakeSessions:
    """For ``context_of(options, sessions=FakeSessions({"my_model": network}))``: what opens a model by its name.

    A name that has no network, and each of ``missing``, is a model that is not there: ``open`` and ``read`` raise
    ``ModelError``. ``data`` are the bytes that ``read`` gives. ``opened`` are the names that were asked for, in order.
    """

    def __init__(
        self,
        networks: Mapping[str, Network] | None = None,
        *,
        data: Mapping[str, bytes] | None = None,
        missing: Collection[str] = (),
    ) -> None:
        self._networks = dict(networks or {})
        self._data = dict(data or {})
        self._missing = frozenset(missing)
        self.opened: list[str] = []

    def open(self, model: ModelSpec, *, threads: int | None = None) -> FakeSession:
        """A session that computes with the model's network. Raises ``ModelError`` for a model that is missing."""
        return FakeSession(model.name, self._found(self._networks, model))

    def read(self, model: ModelSpec) -> bytes:
        """The bytes that stand for the model's file. Raises ``ModelError`` for a model that is missing."""
        return self._found(self._data, model)

    def _found(self, known: Mapping[str, _Thing], model: ModelSpec) -> _Thing:
        self.opened.append(model.name)
        if model.name in self._missing or model.name not in known:
            raise ModelError(f"the model {model.name} is missing (the test has none); roop models pull {model.name}")
        return known[model.name]


class FakeSession:
    """A session over a ``Network``. As ONNX Runtime does, it refuses inputs of other names, types or shapes."""

    def __init__(self, name: str, network: Network, held: _Arrays | None = None) -> None:
        self._name, self._network, self._held = name, network, dict(held or {})
        self.inputs = tuple(one for one in network.inputs if one.name not in self._held)
        self.outputs = network.outputs
        self.input_names = tuple(one.name for one in self.inputs)
        self.output_names = tuple(one.name for one in self.outputs)
        self.provider = "CPUExecutionProvider"

    def run(self, inputs: _Arrays) -> list[NDArray[Any]]:
        """All outputs. Raises ``ValueError`` for what the network would not take, or would not give."""
        if set(inputs) != set(self.input_names):
            taken, given = ", ".join(self.input_names) or "nothing", ", ".join(inputs) or "nothing"
            raise ValueError(f"{self._name} takes {taken}, and was given {given}")
        self._require("input", self.inputs, [inputs[name] for name in self.input_names])
        made = list(self._network.compute({**self._held, **inputs}))
        self._require("output", self.outputs, made)
        return made

    def holding(self, inputs: _Arrays) -> FakeSession:
        """The same with these inputs fixed; ``run`` takes the others."""
        return FakeSession(self._name, self._network, {**self._held, **inputs})

    def _require(self, what: str, tensors: Sequence[Tensor], arrays: Sequence[NDArray[Any]]) -> None:
        for tensor, array in zip(tensors, arrays, strict=True):
            sizes = zip(tensor.shape, array.shape, strict=False)
            fits = len(tensor.shape) == array.ndim and all(wanted in (None, size) for wanted, size in sizes)
            if array.dtype != np.dtype(tensor.dtype) or not fits:
                declared, got = f"{tensor.dtype} {tensor.shape}", f"{array.dtype} {array.shape}"
                raise ValueError(f"{self._name}: the {what} {tensor.name} is {declared}, not {got}")
