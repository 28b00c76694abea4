"""A device counts only where a network really ran."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from roop_host import ExecutionOptions, ModelSpec
from roop_host.models import sessions
from roop_host.models.devices import TINY_MODEL, load_libraries, nvidia_gpus, why_not
from roop_host.models.providers import AUTO, NEEDS, PROVIDERS, asked
from roop_host.models.sessions import OrtSessions

#: What ONNX Runtime 1.31 wrote on a machine without CUDA's libraries.
LOG = (
    "\x1b[1;31m2026-11-25 12:29:19.143225198 [E:onnxruntime:Default, provider_bridge_ort.cc:2458 operator()] "
    "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& "
    "onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library "
    "/x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or "
    "directory\n\x1b[m\n[W:onnxruntime:Default, onnxruntime_pybind_state.cc:1295 Create] Failed to create it.\x1b[m\n"
)


def test_the_tiny_model_is_what_it_says() -> None:
    floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", floats[:1], floats[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    assert model.SerializeToString() == TINY_MODEL


def test_every_device_of_a_job_has_a_provider() -> None:
    offered = set(get_args(get_type_hints(ExecutionOptions)["device"]))
    assert set(PROVIDERS) == set(NEEDS) == offered - {"auto"}
    assert set(AUTO) < set(PROVIDERS)
    assert AUTO[-1] == "cpu"


@pytest.fixture
def cuda_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [PROVIDERS["cuda"], PROVIDERS["cpu"]]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)


def session(
    monkeypatch: pytest.MonkeyPatch, *, provider: str = PROVIDERS["cuda"], gives: object = (2, 4), log: str = ""
) -> None:
    """The next sessions end up on ``provider`` and answer ``gives``; ``log`` is written as native code writes."""

    class Session:
        def __init__(self, *_: object, **__: object) -> None:
            os.write(2, log.encode())
            self.provider = PROVIDERS["cuda"]

        def get_providers(self) -> list[str]:
            return [self.provider]

        def run(self, *_: object) -> list[Any]:
            self.provider = provider  # ONNX Runtime repeats a run that fails on the CPU
            return [np.array(gives, np.float32)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


def test_the_cpu_runs_and_a_provider_that_is_not_there_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not("cpu") == ""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [PROVIDERS["cpu"]])
    assert why_not("cuda") == "this ONNX Runtime is built without CUDAExecutionProvider"


FALLS_BACK = """
import onnxruntime
from roop_host.models.devices import why_not
onnxruntime.get_available_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
print(why_not("cuda"))
"""


def test_the_cpu_does_not_pass_for_the_gpu() -> None:
    """A real session of this machine's runtime, which goes to the CPU unless that is forbidden; no GPU is shown to it."""
    command = [sys.executable, "-W", "ignore", "-c", FALLS_BACK]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, env=hidden, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip()


@pytest.mark.usefixtures("cuda_listed")
@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({}, ""),
        ({"provider": PROVIDERS["cpu"]}, "it took CPUExecutionProvider instead"),
        ({"gives": (0, 4)}, "[1, 2] + [1, 2] gave [0.0, 4.0] there"),
        (
            {"provider": PROVIDERS["cpu"], "log": LOG},
            "Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared "
            "object file: No such file or directory",
        ),
    ],
)
def test_the_reason_is_what_native_code_logged(
    made: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    session(monkeypatch, **made)
    assert why_not("cuda") == why
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.usefixtures("cuda_listed")
def test_libraries_that_pip_installed_are_loaded_before_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime does not look for them by itself."""
    calls: list[str] = []

    def preload() -> None:
        calls.append("loaded")
        print("Failed to load a library")

    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    monkeypatch.setattr(sessions, "nvidia_gpus", lambda: 1)
    path = tmp_path / "m.onnx"
    path.write_bytes(TINY_MODEL)
    model = ModelSpec(
        name="m", licence="none", path=lambda: path, size=len(TINY_MODEL), sha256=hashlib.sha256(TINY_MODEL).hexdigest()
    )
    OrtSessions("cpu", 1).open(model)
    assert calls == []
    OrtSessions("auto", 1).open(model)
    assert "loaded" in calls
    calls.clear()
    why_not("cuda")
    assert calls == ["loaded"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("there", [True, False])
def test_those_of_tensorrt_too(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a package that loads them when it is imported."""
    calls: list[str] = []
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: calls.append("cuda"))
    if there:
        (tmp_path / "tensorrt_libs.py").write_text("loaded = True\n")
        monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorrt_libs", raising=False)
    for device in ("cpu", "coreml", "cuda"):
        load_libraries(onnxruntime, device)
    assert (calls, "tensorrt_libs" in sys.modules) == (["cuda"], False)
    load_libraries(onnxruntime, "tensorrt")
    assert (calls, "tensorrt_libs" in sys.modules) == (["cuda", "cuda"], there)
    monkeypatch.delitem(sys.modules, "tensorrt_libs", raising=False)


@pytest.mark.parametrize("device", list(PROVIDERS))
def test_each_device_is_tried_as_it_is_used(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same options, and no other provider beside it that could do the work."""
    made: list[dict[str, Any]] = []

    class Session:
        def __init__(self, data: bytes, options: Any, **words: Any) -> None:
            made.append({"data": data, "options": options, **words})

        def get_providers(self) -> list[str]:
            return [PROVIDERS[device]]

        def run(self, *_: object) -> list[Any]:
            return [np.array([2, 4], np.float32)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    assert why_not(device) == ""
    own = asked(device, fp16=False, exact=False, threads=1, cache=None)
    (words,) = made
    assert (words["data"], words["providers"], words["enable_fallback"]) == (TINY_MODEL, [own.providers[0]], 0)
    options = words["options"]
    assert options.enable_mem_pattern == own.memory_pattern
    if device != "cpu":
        assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"


@pytest.mark.parametrize(("init", "count", "gpus"), [(0, 2, 2), (0, 0, 0), (100, 2, 0)])
def test_gpus_are_counted_by_the_driver(init: int, count: int, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def get_count(pointer: Any) -> int:
        pointer._obj.value = count
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetCount=get_count)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert nvidia_gpus() == gpus


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert nvidia_gpus() == 0
