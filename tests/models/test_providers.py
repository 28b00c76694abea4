"""What ONNX Runtime is asked for on each device. Most of them are not here, so what is asserted is what was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from onnxruntime.capi import _pybind_state

from roop_host import ModelSpec
from roop_host.models.providers import PROVIDERS, Asked, asked, cache_folder
from roop_host.models.sessions import OrtSessions

CPU = (PROVIDERS["cpu"], {})


def ask(device: str, *, fp16: bool = False, exact: bool = False, cache: Path | None = None) -> Asked:
    return asked(device, fp16=fp16, exact=exact, threads=3, cache=cache)


def test_the_cpu_is_asked_for_nothing_special() -> None:
    assert ask("cpu") == Asked(providers=(CPU,))
    options = ask("cpu").options(onnxruntime, 3)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL


def test_cuda_searches_for_the_best_convolution_and_is_exact_on_demand() -> None:
    (name, options), rest = ask("cuda").providers
    assert (name, rest) == (PROVIDERS["cuda"], CPU)
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options["arena_extend_strategy"] == "kSameAsRequested"
    assert options["use_tf32"] == "1"
    assert ask("cuda", exact=True).providers[0][1]["use_tf32"] == "0"
    assert ask("cuda").bound_to == "cuda"


@pytest.mark.parametrize(("fp16", "flag"), [(False, "0"), (True, "1")])
def test_tensorrt_keeps_engines_and_is_followed_by_cuda(fp16: bool, flag: str, tmp_path: Path) -> None:
    own, cuda, cpu = ask("tensorrt", fp16=fp16, cache=tmp_path / "model").providers
    assert (own[0], cuda, cpu) == (PROVIDERS["tensorrt"], ask("cuda").providers[0], CPU)
    assert own[1] == {
        "trt_fp16_enable": flag,
        "trt_layer_norm_fp32_fallback": flag,
        "trt_builder_optimization_level": "4",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(tmp_path / "model"),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(tmp_path),
    }
    assert "trt_engine_cache_enable" not in ask("tensorrt").providers[0][1]
    assert ask("tensorrt").bound_to == "cuda"


def test_coreml_keeps_the_precision_of_the_model(tmp_path: Path) -> None:
    own, cpu = ask("coreml", cache=tmp_path).providers
    assert (own[0], cpu) == (PROVIDERS["coreml"], CPU)
    assert own[1] == {
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "ALL",
        "RequireStaticInputShapes": "1",
        "SpecializationStrategy": "FastPrediction",
        "AllowLowPrecisionAccumulationOnGPU": "0",
        "ModelCacheDirectory": str(tmp_path),
    }
    assert "ModelCacheDirectory" not in ask("coreml").providers[0][1]


def test_directml_runs_one_at_a_time_without_a_memory_pattern() -> None:
    own = ask("directml")
    assert own.providers == ((PROVIDERS["directml"], {"performance_preference": "high_performance"}), CPU)
    assert (own.alone, own.memory_pattern) == (True, False)
    options = own.options(onnxruntime, 1)
    assert options.enable_mem_pattern is False
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


@pytest.mark.parametrize(
    ("units", "fp16", "unit", "precision"),
    [
        (None, False, "CPU", "FP32"),
        (["CPU"], True, "CPU", "ACCURACY"),
        (["CPU", "GPU.0"], False, "GPU", "FP32"),
        (["CPU", "GPU.0"], True, "GPU", "FP16"),
    ],
)
def test_openvino_gets_the_threads_and_the_plain_graph(
    units: list[str] | None, fp16: bool, unit: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if units is not None:
        monkeypatch.setattr(_pybind_state, "get_available_openvino_device_ids", lambda: units, raising=False)
    own = ask("openvino", fp16=fp16, cache=tmp_path)
    wanted = {"device_type": unit, "precision": precision, "num_of_threads": "3", "cache_dir": str(tmp_path)}
    assert own.providers == ((PROVIDERS["openvino"], wanted), CPU)
    assert own.options(onnxruntime, 3).graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


def test_a_device_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no device 'tpu'"):
        ask("tpu")


def test_what_is_compiled_is_kept_apart_by_version_model_and_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    folders = [
        cache_folder("tensorrt", version, sha, fp16=fp16)
        for version in ("1.1", "1.2")
        for sha in ("a" * 64, "b" * 64)
        for fp16 in (False, True)
    ]
    assert len(set(folders)) == 8
    assert folders[0] == tmp_path / "cache" / "tensorrt" / "1.1" / f"{'a' * 32}-fp32"
    assert all(folder is not None and folder.is_dir() for folder in folders)
    assert cache_folder("tensorrt", "1.1", "a" * 64, fp16=False, mark="b" * 16) not in folders
    assert cache_folder("cuda", "1.1", "a" * 64, fp16=False) is None


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cache"
    file.write_text("in the way")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: file)
    assert cache_folder("openvino", "1.1", "a" * 64, fp16=False) is None


@pytest.mark.parametrize("device", sorted(set(PROVIDERS) - {"cpu"}))
def test_sessions_ask_for_just_that(
    device: str, runtime: Callable[..., Any], model: Callable[..., ModelSpec], tmp_path: Path
) -> None:
    made = runtime(device)
    tiny = model()
    OrtSessions(device, 3).open(tiny)
    (asked_for,) = made.made
    folder = cache_folder(device, onnxruntime.__version__, tiny.sha256, fp16=False)
    wanted = ask(device, cache=folder)
    assert asked_for.providers == list(wanted.providers)
    assert asked_for.words == {"enable_fallback": 0}
    assert asked_for.options.intra_op_num_threads == 3
    assert asked_for.options.enable_mem_pattern == wanted.memory_pattern
    assert asked_for.options.get_session_config_entry("session.record_ep_graph_assignment_info") == "1"
    if folder is not None:
        assert folder.is_relative_to(tmp_path / "cache")
