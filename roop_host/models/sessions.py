"""ONNX sessions: the only place that makes one. Verified bytes, tried once, the provider read back."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from roop_host.errors import ModelError, UsageError
from roop_host.models.devices import PROVIDERS, first_line, load_cuda_libraries
from roop_host.models.store import Store
from roop_host.types.objects import Tensor
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from roop_host.types.models import ModelSpec, Precision
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


class OrtSession:
    """A network on ONNX Runtime."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs = tuple(map(_tensor, session.get_inputs()))
        self.outputs = tuple(map(_tensor, session.get_outputs()))
        self.input_names = tuple(item.name for item in self.inputs)
        self.output_names = tuple(item.name for item in self.outputs)
        self.provider: str = session.get_providers()[0]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the graph's order."""
        outputs: list[NDArray[Any]] = self._session.run(None, dict(inputs))
        return outputs

    def holding(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        """The same network with these inputs fixed."""
        return _Holding(self, inputs)


class _Holding:
    """A session some of whose inputs do not change."""

    def __init__(self, session: OrtSession, held: Mapping[str, NDArray[Any]]) -> None:
        self._session, self._held = session, dict(held)
        self.inputs = tuple(item for item in session.inputs if item.name not in held)
        self.outputs, self.output_names, self.provider = session.outputs, session.output_names, session.provider
        self.input_names = tuple(item.name for item in self.inputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return self._session.run({**self._held, **inputs})

    def holding(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        return _Holding(self._session, {**self._held, **inputs})


class OrtSessions:
    """Sessions of one device and one budget of threads. Equal models are loaded once."""

    def __init__(self, device: str, threads: int, precision: Precision = "auto", store: Store | None = None) -> None:
        self._device, self._threads, self._precision = device, threads, precision
        self.store = store if store is not None else Store()
        #: What a person should know: a model that runs elsewhere, or less precisely, than it was asked to.
        self.notices: list[str] = []
        self._lock = threading.Lock()  # creating two sessions at once races in ONNX Runtime
        self._open: dict[tuple[str, int], OrtSession] = {}
        self._loaded: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def loaded(self) -> tuple[dict[str, str], ...]:
        """Name, hash and provider of every model in use."""
        return tuple(self._loaded.values())

    def open(self, model: ModelSpec, *, threads: int | None = None) -> OrtSession:
        """Verify, load and try out ``model``. Raises ``ModelError``, or ``UsageError`` for a device that is not there."""
        count = self._threads if threads is None else max(1, min(threads, self._threads))
        with self._lock:
            key = (model.sha256, count)
            if key not in self._open:
                data = self.store.read(model)
                session = self._create(model, data, count)
                _try_out(model, session)
                self._open[key] = session
                self._loaded[model.name, model.sha256] = {
                    "name": model.name,
                    "sha256": model.sha256,
                    "provider": session.provider,
                }
            return self._open[key]

    def read(self, model: ModelSpec) -> bytes:
        """The verified bytes of the file that ``open`` takes. Raises ``ModelError``."""
        return self.store.read(model)

    def _create(self, model: ModelSpec, data: bytes, threads: int) -> OrtSession:
        try:
            import onnxruntime as ort

            available = ort.get_available_providers()
        except (ImportError, AttributeError) as error:  # an empty namespace is left where one of two runtimes was removed
            raise ModelError(
                f"the model {model.name} needs ONNX Runtime, which can't be imported ({error}); "
                f"install one: {pip('install', 'roop-host[cpu]')} (or roop-host[gpu])"
            ) from error
        providers = self._providers(available)
        if PROVIDERS["cuda"] in providers:
            load_cuda_libraries(ort)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Waiting threads that spin take the cores from the stages beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            # The very bytes that were verified, not a path that could be another file by now.
            session = ort.InferenceSession(data, options, providers=providers)
        except Exception as error:
            raise ModelError(f"the model {model.name} can't be loaded ({first_line(error)}); get it again") from error
        made = OrtSession(session)
        if self._device == "cuda" and made.provider != PROVIDERS["cuda"]:
            raise UsageError(f"--device cuda: the model {model.name} would run on {made.provider}; check the CUDA libraries")
        return made

    def _providers(self, available: list[str]) -> list[str]:
        if self._device == "auto":
            return [name for name in (PROVIDERS["cuda"], PROVIDERS["cpu"]) if name in available]
        wanted = PROVIDERS[self._device]
        if wanted not in available:
            there = ", ".join(device for device, name in PROVIDERS.items() if name in available)
            raise UsageError(f"--device {self._device} is not available here; there is {there}")
        return [wanted] if self._device == "cpu" else [wanted, PROVIDERS["cpu"]]


def _tensor(item: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in item.shape)
    return Tensor(item.name, np.dtype(_DTYPES.get(item.type, np.float32)).name, shape)


def _try_out(model: ModelSpec, session: OrtSession) -> None:
    """Run once on noise: a network that answers NaN or the same everywhere would show as a black square."""
    noise = np.random.default_rng(0)
    inputs: dict[str, NDArray[Any]] = {}
    for item in session._session.get_inputs():
        free = [_FREE_BATCH, *[_FREE_SIDE] * len(item.shape)]
        shape = [size if isinstance(size, int) and size > 0 else free[axis] for axis, size in enumerate(item.shape)]
        inputs[item.name] = noise.random(shape).astype(_DTYPES.get(item.type, np.float32))
    try:
        outputs = [np.asarray(output) for output in session.run(inputs)]
    except Exception as error:
        raise ModelError(f"the model {model.name} does not run ({first_line(error)}); try --device cpu") from error
    for output in outputs:
        if output.dtype.kind != "f":  # classes and indices may well be equal everywhere
            continue
        values = output.astype(np.float64)
        dead = values.size > 1 and math.isclose(float(values.min()), float(values.max()), abs_tol=0.0)
        if not np.isfinite(values).all() or dead:
            raise ModelError(
                f"the model {model.name} computes nothing of use on {session.provider}; try --device cpu or get it again"
            )
