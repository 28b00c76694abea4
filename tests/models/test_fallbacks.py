"""A model that does not work goes the next way, loudly; a named device is never left, and nothing happens in silence."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi import _pybind_state

from roop_host import ModelSpec
from roop_host.errors import ModelError, UsageError
from roop_host.models.providers import PROVIDERS
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store

Runtimes = Callable[..., Any]
Models = Callable[..., ModelSpec]
ONES = {"x": np.ones((1, 4), np.float32)}


def where(sessions: OrtSessions) -> list[tuple[str, str, str]]:
    return [(item["name"], item["device"], item["precision"]) for item in sessions.loaded]


def test_auto_takes_the_best_device_and_half_precision_there(runtime: Runtimes, model: Models) -> None:
    made = runtime("cuda", "coreml", "tensorrt", "openvino")
    sessions = OrtSessions("auto", 1)
    session = sessions.open(model(half=True))
    assert where(sessions) == [("tiny_fp16", "cuda", "fp16")]
    assert sessions.loaded[0]["provider"] == session.provider == PROVIDERS["cuda"]
    assert (sessions.notices, [item.device for item in made.made]) == ([], ["cuda"])


@pytest.mark.parametrize(
    ("precision", "device", "name"),
    [
        ("auto", "cpu", "tiny"),
        ("fp16", "cpu", "tiny_fp16"),
        ("fp32", "cuda", "tiny"),
        ("auto", "cuda", "tiny_fp16"),
        ("auto", "openvino", "tiny"),
        ("auto", "directml", "tiny_fp16"),
    ],
)
def test_the_precision_decides_about_the_file(
    precision: Any, device: str, name: str, runtime: Runtimes, model: Models
) -> None:
    runtime(device)
    sessions = OrtSessions(device, 1, precision)
    tiny = model(half=True)
    sessions.open(tiny)
    assert where(sessions) == [(name, device, "fp16" if name == "tiny_fp16" else "fp32")]
    assert sessions.read(tiny) == Path((tiny.half if name == "tiny_fp16" else tiny).path()).read_bytes()  # type: ignore[union-attr, misc]


def test_half_precision_that_is_asked_for_and_does_not_exist_is_full(runtime: Runtimes, model: Models) -> None:
    made = runtime("cuda", "tensorrt")
    sessions = OrtSessions("cuda", 1, "fp16")
    sessions.open(model())
    assert (where(sessions), sessions.notices) == ([("tiny", "cuda", "fp32")], [])
    own = OrtSessions("tensorrt", 1, "fp16")  # which computes in half precision by itself
    own.open(model())
    assert where(own) == [("tiny", "tensorrt", "fp16")]
    assert made.made[-1].providers[0][1]["trt_fp16_enable"] == "1"


@pytest.mark.parametrize("fault", ["flat", "nan"])
def test_half_precision_that_computes_nothing_gives_way_to_full(
    fault: str, runtime: Runtimes, model: Models, caplog: pytest.LogCaptureFixture
) -> None:
    made, tiny = runtime("cuda"), model(half=True)
    made.faults["cuda", tiny.half.sha256] = fault  # type: ignore[union-attr]
    sessions = OrtSessions("cuda", 1)
    assert sessions.read(tiny) == tiny.half.path().read_bytes()  # type: ignore[union-attr, misc]
    sessions.open(tiny)
    assert where(sessions) == [("tiny", "cuda", "fp32")]
    assert sessions.notices == [
        "the model tiny_fp16 computes nothing of use on cuda in half precision, so cuda in full precision is tried instead"
    ]
    assert [record.getMessage() for record in caplog.records if record.name == "roop"] == sessions.notices
    assert caplog.records[0].levelno == logging.WARNING
    assert sessions.read(tiny) == tiny.path().read_bytes()  # type: ignore[misc]


def test_auto_goes_down_to_full_precision_on_the_cpu(runtime: Runtimes, model: Models) -> None:
    made, tiny = runtime("cuda", "coreml"), model(half=True)
    made.faults |= {"cuda": "nan", "coreml": "flat"}
    sessions = OrtSessions("auto", 1)
    (y,) = sessions.open(tiny).run(ONES)
    assert y.tolist() == [[1, 2, 3, 4]]
    assert where(sessions) == [("tiny", "cpu", "fp32")]
    tried = [(item.device, item.providers[0][0]) for item in made.made]
    assert [device for device, _ in tried] == ["cuda", "cuda", "coreml", "coreml", "cpu"]
    assert len(sessions.notices) == 4
    assert all("tiny" in notice and "\n" not in notice for notice in sessions.notices)
    assert "on coreml in full precision, so cpu in full precision" in sessions.notices[-1]


@pytest.mark.parametrize("fault", ["absent", "raises"])
def test_a_device_that_runs_nothing_is_told_once_and_left(fault: str, runtime: Runtimes, model: Models) -> None:
    made = runtime("cuda")
    made.faults["cuda"] = fault
    sessions = OrtSessions("auto", 1)
    for factor in (1.0, 2.0):
        sessions.open(model(half=True, factor=factor))
    assert [item.device for item in made.made] == ["cuda", "cpu", "cpu"]
    assert sessions.notices == [
        "ONNX Runtime lists cuda, yet no network runs there (library x is missing), so cpu in full precision is tried "
        "instead"
    ]


def test_the_gpu_runtime_without_a_gpu_is_nothing_to_warn_of(runtime: Runtimes, model: Models) -> None:
    made = runtime("cuda", gpus=0)
    sessions = OrtSessions("auto", 1)
    sessions.open(model())
    assert ([item.device for item in made.made], sessions.notices) == (["cpu"], [])


@pytest.mark.parametrize("fault", ["absent", "raises"])
def test_a_named_device_that_runs_nothing_is_refused(fault: str, runtime: Runtimes, model: Models) -> None:
    made = runtime("directml")
    made.faults["directml"] = fault
    with pytest.raises(UsageError, match=r"lists directml.*library x is missing.*--device cpu"):
        OrtSessions("directml", 1).open(model(half=True))
    assert [item.device for item in made.made] == ["directml"]


@pytest.mark.parametrize(("fault", "words"), [("flat", "computes nothing of use"), ("nan", "computes nothing of use")])
def test_a_named_device_on_which_a_model_fails_is_not_left(fault: str, words: str, runtime: Runtimes, model: Models) -> None:
    made = runtime("cuda")
    made.faults["cuda"] = fault
    with pytest.raises(ModelError, match=f"tiny {words} on cuda; use --device cpu, or try another version"):
        OrtSessions("cuda", 1).open(model())
    assert [item.device for item in made.made] == ["cuda"]


def test_a_model_that_only_one_device_can_load_says_so(
    runtime: Runtimes, model: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device itself is well: the tiny model ran there."""
    made, tiny = runtime("openvino"), model()
    made.faults["openvino", tiny.sha256] = "raises"
    with pytest.raises(
        ModelError, match=r"tiny can't be loaded on openvino \(.*driver too old\); use --device cpu"
    ) as caught:
        OrtSessions("openvino", 1).open(tiny)
    assert "many more lines" not in str(caught.value)


@pytest.mark.parametrize(
    ("cpu", "cuda", "runs"),
    [(7, 0, "cpu"), (7, 3, "cuda"), (3, 7, "cuda")],
)
def test_a_device_that_lists_itself_and_runs_no_layer_does_not_count(
    cpu: int, cuda: int, runs: str, runtime: Runtimes, model: Models
) -> None:
    made = runtime("cuda")
    made.shares = {PROVIDERS["cpu"]: cpu, PROVIDERS["cuda"]: cuda}
    sessions = OrtSessions("auto", 1)
    sessions.open(model())
    assert where(sessions) == [("tiny", runs, "fp32")]
    said = {
        (7, 0): ["ONNX Runtime runs no layer of the model tiny on cuda, so cpu in full precision is tried instead"],
        (7, 3): ["7 of the 10 layers of the model tiny run on the CPU, as cuda can't run them"],
        (3, 7): [],
    }
    assert sessions.notices == said[cpu, cuda]


def remote(model: ModelSpec) -> ModelSpec:
    """The same, but from a server."""
    values = {"name": model.name, "sha256": model.sha256, "size": model.size, "licence": "none"}
    half = None if model.half is None else remote(model.half)
    return ModelSpec(**values, urls=(f"https://x.invalid/{model.name}",), half=half)  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [True, False])
def test_full_precision_is_taken_from_the_store_and_never_fetched(
    there: bool, runtime: Runtimes, model: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set-up has no progress, no question and no licence to show."""
    made, tiny = runtime("cuda"), remote(model(half=True))
    made.faults["cuda", tiny.half.sha256] = "nan"  # type: ignore[union-attr]
    store = Store(tmp_path / "store")
    store.root.mkdir()
    for name in ("tiny_fp16", *(["tiny"] if there else [])):
        shutil.copy(tmp_path / f"{name}.onnx", store.root)
    monkeypatch.setattr(Store, "pull_all", lambda *_, **__: pytest.fail("it was fetched"))
    sessions = OrtSessions("cuda", 1, store=store)
    if there:
        sessions.open(tiny)
        assert where(sessions) == [("tiny", "cuda", "fp32")]
        return
    with pytest.raises(ModelError, match=r"tiny_fp16 computes nothing of use on cuda in half.*roop models pull tiny\)"):
        sessions.open(tiny)
    sessions = OrtSessions("auto", 1, store=store)
    sessions.open(tiny)  # on the CPU, where half precision is all there is
    assert any("half precision, as only that file is here; roop models pull tiny" in notice for notice in sessions.notices)
    assert where(sessions) == [("tiny_fp16", "cpu", "fp16")]
    assert "so cpu in half precision is tried instead" in sessions.notices[0]


def test_onnx_runtimes_own_fallback_at_creation_is_off(
    model: Models, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real class: left alone, it prints "EP Error" and makes the session on the CPU."""
    asked_for: list[list[Any]] = []

    def create(self: Any, providers: list[Any], *_: Any) -> None:
        asked_for.append(providers)
        self._fallback_providers = [PROVIDERS["cpu"]]
        raise RuntimeError("CUDA failure 35")

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [PROVIDERS["cuda"], PROVIDERS["cpu"]])
    monkeypatch.setattr(onnxruntime.InferenceSession, "_create_inference_session", create)
    with pytest.raises(UsageError, match="--device cpu"):
        OrtSessions("cuda", 1).open(model())
    assert {providers[0][0] for providers in asked_for} == {PROVIDERS["cuda"]}
    assert capsys.readouterr().out == ""


def test_onnx_runtimes_own_fallback_of_a_run_is_off(model: Models, capsys: pytest.CaptureFixture[str]) -> None:
    session = OrtSessions("cpu", 1).open(model())

    def failing(*_: Any) -> None:
        raise _pybind_state.EPFail("CUDA error 700")

    session._raw._sess = SimpleNamespace(run=failing, is_webgpu_graph_capture_enabled=lambda: False)
    with pytest.raises(ModelError, match=r"tiny failed on cpu in the middle of the work \(CUDA error 700\)"):
        session.run(ONES)
    assert capsys.readouterr().out == ""


def test_a_device_that_is_not_listed_says_what_is_there_and_what_it_needs(runtime: Runtimes, model: Models) -> None:
    runtime("coreml")
    with pytest.raises(UsageError, match=r"--device openvino is not .* there is cpu, coreml; it needs onnxruntime-openvino"):
        OrtSessions("openvino", 1).open(model())


def test_closed_sessions_are_let_go(model: Models) -> None:
    sessions, tiny = OrtSessions("cpu", 1), model()
    first = sessions.open(tiny)
    sessions.close()
    assert sessions.loaded == ()
    assert sessions.open(tiny) is not first
