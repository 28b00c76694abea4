"""What ONNX Runtime is asked for on each device: providers, their options, the session's own. No other module knows.

The names and values are those that the packages' binaries hold (onnxruntime-gpu 1.31, onnxruntime 1.32 for macOS,
onnxruntime-directml 1.24, onnxruntime-openvino 1.24). Run for real were cpu, and openvino on its CPU plug-in.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

#: What ``--device`` takes, and how ONNX Runtime calls it.
PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "CPUExecutionProvider",
        "cuda": "CUDAExecutionProvider",
        "tensorrt": "TensorrtExecutionProvider",
        "coreml": "CoreMLExecutionProvider",
        "directml": "DmlExecutionProvider",
        "openvino": "OpenVINOExecutionProvider",
    }
)
#: What ``auto`` takes, the first that works. TensorRT builds engines for minutes before the first frame, and OpenVINO has
#: never been faster than ONNX Runtime's own CPU provider in our measurements, so each of them must be asked for by name.
AUTO = ("cuda", "coreml", "directml", "cpu")
#: Where a network in half precision is faster than one in full.
ACCELERATED = frozenset({"cuda", "tensorrt", "coreml", "directml"})
#: What a device needs that is not there.
NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "any ONNX Runtime",
        "cuda": "an NVIDIA GPU and roop-host[gpu]",
        "tensorrt": "an NVIDIA GPU, roop-host[gpu] and TensorRT's own libraries",
        "coreml": "macOS",
        "directml": "Windows, and onnxruntime-directml in place of onnxruntime",
        "openvino": "onnxruntime-openvino in place of onnxruntime",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a session is made with. ``providers`` are tried from the first to the last for every layer.

    ``bound_to`` is where inputs and outputs are kept (ONNX Runtime's name for the device), empty where ``run`` copies them.
    ``alone`` says that a session must never be run by two threads at once.
    """

    providers: tuple[tuple[str, dict[str, str]], ...]
    optimise: bool = True
    memory_pattern: bool = True
    bound_to: str = ""
    alone: bool = False

    def options(self, ort: Any, threads: int) -> Any:
        """ONNX Runtime's ``SessionOptions``; ``threads`` is the budget of one session."""
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.enable_mem_pattern = self.memory_pattern
        if not self.optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Waiting threads that spin take the cores from the stages beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self.providers[0][0] != PROVIDERS["cpu"]:  # else there is nothing to tell
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        options.log_severity_level = 3
        return options


def asked(device: str, *, fp16: bool, exact: bool, threads: int, cache: Path | None) -> Asked:
    """What a session on ``device`` is made with.

    ``fp16`` is whether half precision may be computed in, ``exact`` whether nothing less than full precision may be.
    ``cache`` is a folder for what the device compiles of this very model, see ``cache_folder``; None keeps nothing.
    """
    cpu = (PROVIDERS["cpu"], dict[str, str]())
    match device:
        case "cpu":
            return Asked(providers=(cpu,))
        case "cuda":
            return Asked(providers=(_cuda(exact), cpu), bound_to="cuda")
        case "tensorrt":  # what TensorRT can't compile runs on CUDA
            return Asked(providers=(_tensorrt(fp16, cache), _cuda(exact), cpu), bound_to="cuda")
        case "coreml":
            return Asked(providers=(_coreml(cache), cpu))
        case "directml":
            # The provider demands both: no memory pattern, and one run at a time. It takes the first graphics adapter
            # unless told otherwise, which in a laptop is the slow one.
            own = (PROVIDERS["directml"], {"performance_preference": "high_performance"})
            return Asked(providers=(own, cpu), memory_pattern=False, alone=True)
        case "openvino":  # it optimises the graph itself, and better one that nobody has fused before
            return Asked(providers=(_openvino(fp16, threads, cache), cpu), optimise=False)
    raise ValueError(f"there is no device {device!r}")


def cache_folder(device: str, ort_version: str, sha256: str, *, fp16: bool, mark: str = "") -> Path | None:
    """Where ``device`` may keep what it compiles of a model; None where it compiles nothing, or no folder can be made.

    Below the user's cache, by ONNX Runtime's version and the file's hash, and where its graph was changed the ``mark`` of
    that: the providers tell models apart by less.
    """
    if device not in {"tensorrt", "coreml", "openvino"}:
        return None
    from platformdirs import user_cache_path

    root = user_cache_path("roop", appauthor=False) / device / ort_version
    folder = root / "-".join(filter(None, (sha256[:32], mark, "fp16" if fp16 else "fp32")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def load_tensorrt_libraries() -> None:
    """Load the TensorRT libraries that pip installed, for the same reason as those of CUDA."""
    with suppress(ImportError, OSError):  # they may be the system's; whether TensorRT runs is read back from the session
        importlib.import_module("tensorrt_libs")


def _cuda(exact: bool) -> tuple[str, dict[str, str]]:
    # No CUDA graph: it needs one fixed shape, fixed addresses and a second session in the GPU's memory, for some tens of
    # microseconds a run. TF32 rounds factors to the 10 bits that half precision has too.
    return PROVIDERS["cuda"], {
        # The exhaustive search takes what was quickest this time, in this process: a continued run would compute otherwise.
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "1",
        "arena_extend_strategy": "kSameAsRequested",  # by powers of two, the last step can take twice what is needed
        "do_copy_in_default_stream": "1",
        "use_tf32": "0" if exact else "1",
    }


def _tensorrt(fp16: bool, cache: Path | None) -> tuple[str, dict[str, str]]:
    options = {
        "trt_fp16_enable": "1" if fp16 else "0",
        # Variances overflow in half precision, and the picture is black.
        "trt_layer_norm_fp32_fallback": "1" if fp16 else "0",
        "trt_builder_optimization_level": "4",
    }
    if cache is not None:
        options |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(cache),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(cache.parent),  # models share kinds of layers
        }
    return PROVIDERS["tensorrt"], options


def _coreml(cache: Path | None) -> tuple[str, dict[str, str]]:
    options = {
        # The older format computes in half precision whatever the model says.
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "ALL",
        # A free side is compiled anew for each size, or fails: such layers stay on the CPU.
        "RequireStaticInputShapes": "1",
        "SpecializationStrategy": "FastPrediction",
        "AllowLowPrecisionAccumulationOnGPU": "0",
    }
    return PROVIDERS["coreml"], options if cache is None else {**options, "ModelCacheDirectory": str(cache)}


def _openvino(fp16: bool, threads: int, cache: Path | None) -> tuple[str, dict[str, str]]:
    # Not its AUTO, which begins on the CPU and goes over to the GPU when that is ready: frames of one clip would differ.
    there = _openvino_devices()
    unit = "GPU" if any(name.startswith("GPU") for name in there) else "CPU"
    options = {"device_type": unit, "precision": "FP32", "num_of_threads": str(threads)}
    if fp16:
        options["precision"] = "FP16" if unit == "GPU" else "ACCURACY"  # as the graph says
    return PROVIDERS["openvino"], options if cache is None else {**options, "cache_dir": str(cache)}


def _openvino_devices() -> list[str]:
    from onnxruntime.capi import _pybind_state

    listed = getattr(_pybind_state, "get_available_openvino_device_ids", None)  # only in that build
    return list(listed()) if listed is not None else []
