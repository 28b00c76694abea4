"""Only verified, working networks become sessions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from roop_host import ModelSpec
from roop_host.errors import ModelError, UsageError
from roop_host.models.sessions import OrtSessions


def save(path: Path, kind: str) -> Path:
    """A graph of one input ``x`` (1, 4): y = x * w, with w as ``kind`` says."""
    weights = {"good": [1, 2, 3, 4], "nan": [np.nan] * 4, "flat": [0.0] * 4, "external": [1, 2, 3, 4]}[kind]
    w = numpy_helper.from_array(np.array(weights, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [w],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if kind == "external":
        onnx.save_model(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    else:
        onnx.save_model(model, str(path))
    return path


def spec(path: Path, **change: object) -> ModelSpec:
    data = path.read_bytes() if path.exists() else b""
    values = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), **change}
    return ModelSpec(name="tiny", licence="none", path=lambda: path, **values)  # type: ignore[arg-type]


def test_a_good_model_runs_is_loaded_once_and_told(tmp_path: Path) -> None:
    sessions = OrtSessions("cpu", 2)
    model = spec(save(tmp_path / "m.onnx", "good"))
    session = sessions.open(model)
    assert sessions.open(model) is session
    assert sessions.open(model, threads=1) is not session
    (y,) = session.run({"x": np.ones((2, 4), np.float32)})
    assert y.tolist() == [[1, 2, 3, 4]] * 2
    assert (session.input_names, session.output_names) == (("x",), ("y",))
    assert sessions.loaded == ({"name": "tiny", "sha256": model.sha256, "provider": "CPUExecutionProvider"},)


@pytest.mark.parametrize(("kind", "words"), [("nan", "nothing of use"), ("flat", "nothing of use"), ("external", "loaded")])
def test_what_does_not_compute_is_refused(kind: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "m.onnx", kind)
    monkeypatch.chdir(tmp_path)  # an external file within reach must not be read either
    with pytest.raises(ModelError, match=words) as caught:
        OrtSessions("cpu", 1).open(spec(path))
    assert caught.value.exit_code == 6
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_the_model_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", "good")
    for model in (spec(path, sha256="0" * 64), spec(path, size=3)):
        with pytest.raises(ModelError, match="wrong hash"):
            OrtSessions("cpu", 1).open(model)
    with pytest.raises(ModelError, match="missing"):
        OrtSessions("cpu", 1).open(spec(tmp_path / "none.onnx"))
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"junk")
    with pytest.raises(ModelError, match="loaded"):
        OrtSessions("cpu", 1).open(spec(junk))


def test_a_device_that_is_not_there_says_what_is(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return
    with pytest.raises(UsageError, match="there is cpu"):
        OrtSessions("cuda", 1).open(spec(save(tmp_path / "m.onnx", "good")))
