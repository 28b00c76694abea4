"""Small models that lie on a web server of a test."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from roop_host import ModelSpec, Pack
from roop_host.models.reading import Limits

#: Patience for tests.
QUICK = Limits(connect_s=5, slow_s=0.6, least_rate=1024, tries=2, pause_s=0.01, progress=1 << 20)


def graph(seed: int = 0, count: int = 80_000) -> bytes:
    """A model y = x + w of ``count`` random weights: 4 bytes each."""
    w = numpy_helper.from_array(np.random.default_rng(seed).random(count, np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [count]) for name in "xy"]
    made = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [w])
    data: bytes = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    return data


def outside() -> bytes:
    """The same with its weights in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../weights.bin")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    made = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [tensor])
    data: bytes = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    return data


def spec(data: bytes, *urls: str, name: str = "net", **more: object) -> ModelSpec:
    values = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "licence": "CC0", "urls": urls, **more}
    return ModelSpec(name=name, **values)  # type: ignore[arg-type]


def pack(data: bytes, *urls: str, name: str = "bundle") -> Pack:
    return Pack(name=name, urls=urls, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def archive(members: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    """A zip file; a list may name a member twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items() if isinstance(members, Mapping) else members:
            file.writestr(name, data)
    return out.getvalue()
