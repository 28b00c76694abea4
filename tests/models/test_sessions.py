"""Only verified, working networks become sessions."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from roop_host import ModelSpec
from roop_host.errors import ModelError, UsageError
from roop_host.models.checking import refers_to_other_files
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
    (told,) = sessions.loaded
    assert told == {
        "name": "tiny",
        "sha256": model.sha256,
        "licence": "none",
        "provider": "CPUExecutionProvider",
        "precision": "fp32",
        "device": "cpu",
    }
    assert sessions.notices == []


def test_data_is_read_verified_and_told_and_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.dat"
    path.write_bytes(b"of another library")
    sessions, data = OrtSessions("cpu", 1), spec(path, form="data")
    assert (data.file, spec(path).file) == ("tiny.dat", "tiny.onnx")
    with pytest.raises(ModelError, match="no ONNX model"):
        sessions.read(spec(path))
    assert sessions.read(data) == b"of another library"
    sessions.store.verify(data)
    (told,) = sessions.about([data]).loaded
    of_no_session = {"provider": "", "precision": "", "device": ""}
    assert told == {"name": "tiny", "sha256": data.sha256, "licence": "none", **of_no_session}
    with pytest.raises(ModelError, match="is data and no network"):
        sessions.open(data)
    path.write_bytes(b"of nobody knows whom")
    with pytest.raises(ModelError, match="is not the tiny it should be"):
        sessions.read(data)


def test_a_file_of_ones_own_may_be_data(tmp_path: Path) -> None:
    path = tmp_path / "my weights.pth"
    path.write_bytes(b"of another library")
    sessions, own = OrtSessions("cpu", 1), ModelSpec.from_file(path, form="data")
    assert own.own
    assert sessions.read(own) == b"of another library"
    assert [told["name"] for told in sessions.loaded] == ["my_weights"]
    with pytest.raises(ModelError, match="no ONNX model"):
        sessions.read(ModelSpec.from_file(path))


def test_only_a_network_has_a_half(tmp_path: Path) -> None:
    path = tmp_path / "weights.dat"
    with pytest.raises(ValueError, match="only a network has a half"):
        spec(path, form="data", half=spec(path))
    with pytest.raises(ValueError, match="form is onnx or data"):
        spec(path, form="text")


@pytest.mark.parametrize(
    ("kind", "words"), [("nan", "nothing of use"), ("flat", "nothing of use"), ("external", "in other files")]
)
def test_what_does_not_compute_is_refused(kind: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "m.onnx", kind)
    monkeypatch.chdir(tmp_path)  # an external file within reach must not be read either
    with pytest.raises(ModelError, match=words) as caught:
        OrtSessions("cpu", 1).open(spec(path))
    assert caught.value.exit_code == 6
    assert "\n" not in str(caught.value)


def outside(location: str = "weights.bin") -> TensorProto:
    """64 x 64 weights in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[64, 64], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", str(64 * 64 * 4))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def hidden(where: str, location: str) -> onnx.ModelProto:
    """y = x @ w, with w outside, held where the name says."""
    wide = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in "xy"]
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=outside(location))
    held = [outside(location)] if where == "initializer" else []
    nodes = [product] if where == "initializer" else [constant, product]
    functions = []
    if where == "subgraph":
        branch = helper.make_graph([constant, helper.make_node("Identity", ["w"], ["b"])], "b", [], [
            helper.make_tensor_value_info("b", TensorProto.FLOAT, [64, 64])
        ])  # fmt: skip
        yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
        nodes = [
            helper.make_node("Constant", [], ["yes"], value=yes),
            helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch),
            product,
        ]
    if where == "function":
        opset = [helper.make_opsetid("", 17)]
        functions = [helper.make_function("own", "F", ["x"], ["y"], [constant, product], opset)]
        nodes = [helper.make_node("F", ["x"], ["y"], domain="own")]
    graph = helper.make_graph(nodes, "g", wide[:1], wide[1:], held)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("where", ["initializer", "constant", "subgraph", "function"])
def test_weights_in_other_files_are_refused(
    where: str, absolute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime reads these from the current folder even when the graph comes from bytes, and no hash covers them."""
    weights = tmp_path / "weights.bin"
    np.random.default_rng(0).random((64, 64), np.float32).tofile(weights)
    path = tmp_path / "m.onnx"
    path.write_bytes(hidden(where, str(weights) if absolute else weights.name).SerializeToString())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="in other files") as caught:
        OrtSessions("cpu", 1).open(spec(path))
    assert str(path) in str(caught.value)


def test_only_whole_onnx_is_looked_through(tmp_path: Path) -> None:
    whole = save(tmp_path / "m.onnx", "good").read_bytes()
    assert not refers_to_other_files(whole)
    for data in (whole[:-1], b"\x18\0\0\0ORTM" + whole, b"\x0b" + whole, b"\xff" * 20, whole + b"\x3a\xff"):
        with pytest.raises(ValueError, match=r"no ONNX|not ONNX"):
            refers_to_other_files(data)


def one_node(
    path: Path, node: onnx.NodeProto, shape: list[object], out: int, out_shape: list[object], given: int = TensorProto.FLOAT
) -> Path:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", given, shape)],
        [helper.make_tensor_value_info("y", out, out_shape)],
    )
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def test_open_sides_are_tried_with_a_picture_and_classes_may_be_equal(tmp_path: Path) -> None:
    pool = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[8, 8], strides=[8, 8])
    path = one_node(tmp_path / "pool.onnx", pool, ["n", 3, "h", "w"], TensorProto.FLOAT, ["n", 3, "p", "q"])
    OrtSessions("cpu", 1).open(spec(path))
    classes = helper.make_node("ArgMax", ["x"], ["y"], axis=2, keepdims=0)
    path = one_node(tmp_path / "classes.onnx", classes, ["n", 4, 1], TensorProto.INT64, ["n", 4])
    OrtSessions("cpu", 1).open(spec(path))


def test_a_picture_of_bytes_is_tried_with_grey_levels_and_an_index_with_one_that_exists(tmp_path: Path) -> None:
    grey = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    path = one_node(tmp_path / "grey.onnx", grey, [1, 8, 8, 3], TensorProto.FLOAT, [1, 8, 8, 3], TensorProto.UINT8)
    OrtSessions("cpu", 1).open(spec(path))
    pick = helper.make_node("OneHot", ["x", "depth", "ends"], ["y"])
    more = [numpy_helper.from_array(np.array(2, np.int64), "depth"), numpy_helper.from_array(np.float32([0, 1]), "ends")]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.INT64, [3]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 2]),
    ]
    graph = helper.make_graph([pick], "g", ends[:1], ends[1:], more)
    path = tmp_path / "index.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    OrtSessions("cpu", 1).open(spec(path))


@pytest.mark.parametrize("left", [None, ModuleType("onnxruntime")])
def test_without_a_runtime_it_says_what_to_install(
    left: ModuleType | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not installed, or an empty folder, as removing one of two runtimes leaves it."""
    monkeypatch.setitem(sys.modules, "onnxruntime", left)
    with pytest.raises(ModelError, match=r"pip install 'roop-host\[cpu\]'"):
        OrtSessions("cpu", 1).open(spec(save(tmp_path / "m.onnx", "good")))


def test_two_models_of_one_name_are_both_told(tmp_path: Path) -> None:
    sessions = OrtSessions("cpu", 1)
    for number, node in enumerate(("Abs", "Neg")):
        path = tmp_path / f"{number}.onnx"
        one_node(path, helper.make_node(node, ["x"], ["y"]), [1, 4], TensorProto.FLOAT, [1, 4])
        sessions.open(spec(path))
    assert len(sessions.loaded) == 2


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


@pytest.mark.parametrize("device", ["cuda", "tensorrt", "coreml", "directml", "openvino"])
def test_a_device_that_is_not_there_says_what_is(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider", "CPUExecutionProvider"])
    with pytest.raises(UsageError, match=f"--device {device} is not available here, there is cpu; it needs "):
        OrtSessions(device, 1).open(spec(save(tmp_path / "m.onnx", "good")))


def test_threads_are_one_budget(tmp_path: Path) -> None:
    sessions, model = OrtSessions("cpu", 2), spec(save(tmp_path / "m.onnx", "good"))
    for asked_for, given in ((None, 2), (1, 1), (0, 1), (8, 2)):
        options = sessions.open(model, threads=asked_for)._raw.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (given, 1)


def test_equal_files_of_two_plugins_are_loaded_once(tmp_path: Path) -> None:
    sessions, path = OrtSessions("cpu", 1), save(tmp_path / "m.onnx", "good")
    assert sessions.open(spec(path)) is sessions.open(spec(path))
    assert len(sessions.loaded) == 1
