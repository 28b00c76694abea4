"""Devices that are not here: sessions of the CPU that pass for others, and fail as those do. A server and a store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from pulled import QUICK
from web import Web, serving

from roop_host import ModelSpec
from roop_host.models import sessions as sessions_module
from roop_host.models.providers import PROVIDERS
from roop_host.models.store import Store

_REAL = onnxruntime.InferenceSession
#: What may be wrong with a device or with one model on it.
ABSENT, RAISES, FLAT, NAN = "absent", "raises", "flat", "nan"


@dataclass
class Made:
    """What a session was asked to be made with."""

    providers: list[Any]
    options: Any
    words: dict[str, Any]

    @property
    def device(self) -> str:
        return next(device for device, provider in PROVIDERS.items() if provider == self.providers[0][0])


@dataclass
class Runtime:
    """``faults`` are by device, or by device and hash of the model; ``shares`` are the layers each provider got."""

    made: list[Made] = field(default_factory=list)
    faults: dict[Any, str] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)

    def fault(self, device: str, data: bytes) -> str:
        return self.faults.get((device, hashlib.sha256(data).hexdigest()), self.faults.get(device, ""))


class Binding:
    """Inputs and outputs bound to a device that is not here."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, str] = {}
        self.results: list[Any] = []

    def bind_cpu_input(self, name: str, value: Any) -> None:
        self.inputs[name] = value

    def bind_output(self, name: str, device: str) -> None:
        self.outputs[name] = device

    def copy_outputs_to_cpu(self) -> list[Any]:
        return self.results


def _session(runtime: Runtime) -> type:
    class Session:
        def __init__(self, data: bytes, options: Any, *, providers: list[Any], **words: Any) -> None:
            made = Made(providers, options, words)
            runtime.made.append(made)
            self.names = [provider[0] for provider in providers]
            self.fault = runtime.fault(made.device, data)
            if self.fault == RAISES:
                raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : driver too old\nmany more lines")
            if self.fault == ABSENT:
                self.names.pop(0)
            self.real = _REAL(data, providers=[PROVIDERS["cpu"]])

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def get_providers(self) -> list[str]:
            return self.names

        def get_provider_graph_assignment_info(self) -> list[Any]:
            return [_Part(provider, count) for provider, count in runtime.shares.items()]

        def run(self, names: Any, inputs: Any) -> list[Any]:
            outputs = self.real.run(names, inputs)
            change = {FLAT: np.zeros_like, NAN: lambda out: np.full_like(out, np.nan)}.get(self.fault, np.array)
            return [change(out) for out in outputs]

        def io_binding(self) -> Binding:
            return Binding()

        def run_with_iobinding(self, binding: Binding) -> None:
            assert set(binding.outputs.values()) == {"cuda"}
            binding.results = self.run(None, binding.inputs)

    return Session


@dataclass
class _Part:
    ep_name: str
    count: int

    def get_nodes(self) -> list[None]:
        return [None] * self.count


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Runtime]:
    """An ONNX Runtime that lists these devices and the CPU; one that is absent or raises fails on every model."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")

    def do(*listed: str, gpus: int = 1) -> Runtime:
        made = Runtime()
        names = [PROVIDERS[device] for device in (*listed, "cpu")]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
        monkeypatch.setattr(onnxruntime, "InferenceSession", _session(made))
        monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
        monkeypatch.setattr(sessions_module, "nvidia_gpus", lambda: gpus)
        broken = lambda device: "library x is missing" if made.faults.get(device) in {ABSENT, RAISES} else ""  # noqa: E731
        monkeypatch.setattr(sessions_module, "why_not", broken)
        return made

    return do


def graph_of(kind: str = "fp32", *, factor: float = 1.0) -> bytes:
    """y = x * w for x (n, 4), in float32 or float16; ``factor`` makes graphs of different bytes."""
    half = kind == "fp16"
    dtype, onnx_dtype = (np.float16, TensorProto.FLOAT16) if half else (np.float32, TensorProto.FLOAT)
    w = numpy_helper.from_array((factor * np.arange(1, 5)).astype(dtype), "w")
    x, y = (helper.make_tensor_value_info(name, onnx_dtype, ["n", 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., ModelSpec]:
    """A model in a package, with or without a half."""

    def spec(name: str, data: bytes, half: ModelSpec | None = None) -> ModelSpec:
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        return ModelSpec(name=name, sha256=sha256, size=len(data), licence="none", path=lambda: path, half=half)

    def do(*, half: bool = False, factor: float = 1.0) -> ModelSpec:
        small = spec("tiny_fp16", graph_of("fp16", factor=factor)) if half else None
        return spec("tiny", graph_of(factor=factor), small)

    return do


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server of this machine."""
    with serving() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that is soon impatient."""
    return Store(tmp_path / "store", limits=QUICK)
