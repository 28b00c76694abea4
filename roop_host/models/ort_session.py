"""One network on ONNX Runtime, and the look at whether it computes anything."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from roop_host.errors import ModelError
from roop_host.models.devices import first_line
from roop_host.types.objects import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from roop_host.models.providers import Asked
    from roop_host.types.objects import Session

_DTYPES: dict[str, type[Any]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
# What an open dimension is tried with: one picture, and sides that a network can halve five times and join again.
_FREE_BATCH, _FREE_SIDE = 1, 64
_MEMORY = ("memory", "alloc")


class OrtSession:
    """A network on ONNX Runtime. Callers give and get float32 whatever the graph's own precision is.

    ``name`` and ``device`` are for people. ``asked`` is what ``raw``, an ``onnxruntime.InferenceSession``, was made with.
    """

    def __init__(self, raw: Any, asked: Asked, *, name: str, device: str) -> None:
        self._raw, self._name, self._device, self._bound_to = raw, name, device, asked.bound_to
        self.inputs = tuple(map(_tensor, raw.get_inputs()))
        self.outputs = tuple(map(_tensor, raw.get_outputs()))
        self.input_names = tuple(item.name for item in self.inputs)
        self.output_names = tuple(item.name for item in self.outputs)
        self.provider: str = raw.get_providers()[0]
        self._floats = {item.name: np.dtype(item.dtype) for item in self.inputs if np.dtype(item.dtype).kind == "f"}
        self._gives_half = any(item.dtype == "float16" for item in self.outputs)
        self._turn = threading.Lock() if asked.alone else nullcontext()

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the graph's order. Floats of another size than the graph's are converted, halves come as float32.

        Raises ``ModelError`` when the device fails (memory, driver); inputs that do not fit are the caller's error and come
        as ONNX Runtime raises them.
        """
        return self._compute(self._cast(inputs), {})

    def holding(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        """The same network with these inputs fixed, as they are now, and kept on the device."""
        return _Holding(self, self._kept(inputs))

    def _cast(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        cast = {}
        for name, value in inputs.items():
            wanted = self._floats.get(name)
            fits = wanted is None or value.dtype == wanted or value.dtype.kind != "f"
            cast[name] = value if fits else value.astype(wanted)
        return cast

    def _kept(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        copies = {name: np.array(value, order="C") for name, value in self._cast(inputs).items()}
        if not self._bound_to:
            return copies
        from onnxruntime import OrtValue

        return {name: OrtValue.ortvalue_from_numpy(value, self._bound_to, 0) for name, value in copies.items()}

    def _compute(self, inputs: dict[str, NDArray[Any]], kept: Mapping[str, Any]) -> list[NDArray[Any]]:
        try:
            with self._turn:
                outputs: list[NDArray[Any]] = (
                    self._run_bound(inputs, kept) if self._bound_to else self._raw.run(None, {**kept, **inputs})
                )
        except Exception as error:
            if isinstance(error, (ValueError, TypeError)) or type(error).__name__ == "InvalidArgument":
                raise
            raise ModelError(self._failed(first_line(error))) from error
        if self._gives_half:
            return [out.astype(np.float32) if out.dtype == np.float16 else out for out in outputs]
        return outputs

    def _run_bound(self, inputs: Mapping[str, NDArray[Any]], kept: Mapping[str, Any]) -> list[NDArray[Any]]:
        """With inputs and outputs bound to the device: what is kept is there already, results are copied at the end."""
        binding = self._raw.io_binding()  # one for each run, since two threads may run at once
        for name, value in inputs.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(value))
        for name, value in kept.items():
            if name not in inputs:
                binding.bind_ortvalue_input(name, value)
        for name in self.output_names:
            binding.bind_output(name, self._bound_to)
        self._raw.run_with_iobinding(binding)
        outputs: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
        return outputs

    def _failed(self, why: str) -> str:
        gpu = self._device != "cpu"
        if any(word in why.lower() for word in _MEMORY):
            to_do = "use fewer faces at once, --precision fp16 or --device cpu" if gpu else "close other programs"
        else:
            to_do = "update its driver, or use --device cpu" if gpu else "see what roop doctor says"
        return f"the model {self._name} failed on {self._device} in the middle of the work ({why}); {to_do}"


class _Holding:
    """A session some of whose inputs do not change; ``kept`` is as ``OrtSession`` keeps them."""

    def __init__(self, session: OrtSession, kept: Mapping[str, Any]) -> None:
        self._session, self._kept = session, kept
        self.inputs = tuple(item for item in session.inputs if item.name not in kept)
        self.outputs, self.output_names, self.provider = session.outputs, session.output_names, session.provider
        self.input_names = tuple(item.name for item in self.inputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return self._session._compute(self._session._cast(inputs), self._kept)

    def holding(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        return _Holding(self._session, {**self._kept, **self._session._kept(inputs)})


def _tensor(item: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in item.shape)
    return Tensor(item.name, np.dtype(_DTYPES.get(item.type, np.float32)).name, shape)


def what_is_wrong(session: OrtSession) -> str:
    """Run once on noise: a network that answers NaN or the same everywhere would show as a black square.

    Empty when all is well, else what it does, to stand behind its name.
    """
    noise = np.random.default_rng(0)
    inputs: dict[str, NDArray[Any]] = {}
    for item in session.inputs:
        free = [_FREE_BATCH, *[_FREE_SIDE] * len(item.shape)]
        shape = [free[axis] if size is None else size for axis, size in enumerate(item.shape)]
        # Grey levels are tried as such; any other number may be an index, of which only 0 is sure to exist.
        bytes_in = item.dtype == "uint8"
        inputs[item.name] = noise.integers(0, 256, shape, np.uint8) if bytes_in else noise.random(shape).astype(item.dtype)
    try:
        outputs = [np.asarray(output) for output in session.run(inputs)]
    except Exception as error:  # noqa: BLE001  (whatever it is, this network can't be used here)
        return f"does not run ({first_line(error.__cause__ or error)})"
    return "" if all(map(_alive, outputs)) else "computes nothing of use"


def _alive(output: NDArray[Any]) -> bool:
    if output.dtype.kind != "f":  # classes and indices may well be equal everywhere
        return True
    values = output.astype(np.float64)
    dead = values.size > 1 and math.isclose(float(values.min()), float(values.max()), abs_tol=0.0)
    return bool(np.isfinite(values).all()) and not dead


def shares(raw: Any) -> dict[str, int]:
    """How many layers each provider runs; empty where this ONNX Runtime does not tell."""
    told: Callable[[], Any] | None = getattr(raw, "get_provider_graph_assignment_info", None)
    if told is None:
        return {}
    counts: dict[str, int] = {}
    for part in told():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return counts
