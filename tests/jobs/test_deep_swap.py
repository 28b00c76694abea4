"""The engine inswapper_128 on frames of ten bits, which no other test of it has."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from roop_host import Face, Frame, Job, JobContext, Segment, SourceFace, Step, Window
from roop_host.models.store import Store
from roop_host.testing import context_of
from roop_host.types.planes import PixelLayout, Pixels
from roop_swapper.models import INSWAPPER_128
from roop_swapper.networks import NETWORKS, RECOGNISER
from roop_swapper.options import SwapperOptions
from roop_swapper.processor import Swapper
from roop_vision.align import arcface_template


def adder(more: float) -> bytes:
    """A swap network by its contract that adds ``more``, and next to nothing of the source, to what it is given."""
    constants = {
        "more": np.float32([more]).reshape(1, 1, 1, 1),
        "little": np.full((512, 3), 1e-6, np.float32),
        "shape": np.array([1, 3, 1, 1], np.int64),
        "emap": np.eye(512, dtype=np.float32),
    }
    picture = (TensorProto.FLOAT, [1, 3, 128, 128])
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["source", "little"], ["style"]),
            helper.make_node("Reshape", ["style", "shape"], ["style4"]),
            helper.make_node("Add", ["target", "more"], ["brighter"]),
            helper.make_node("Add", ["brighter", "style4"], ["output"]),
        ],
        "swap",
        [
            helper.make_tensor_value_info("target", *picture),
            helper.make_tensor_value_info("source", TensorProto.FLOAT, [1, 512]),
        ],
        [helper.make_tensor_value_info("output", *picture)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("levels", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_deep_frame_is_given_more_than_256_levels(levels: float, tmp_path: Path) -> None:
    """What the network adds is a part of a grey level: in ten bits, where a level is 3.4 codes wide, it is to be seen."""
    data = adder(levels / 255)
    model = replace(INSWAPPER_128, sha256=hashlib.sha256(data).hexdigest(), size=len(data), half=None)
    path = Store(tmp_path).path(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    five = ((arcface_template(128) - 64) * 1.25 + 120).astype(np.float32)
    face = Face(1, (40, 40, 200, 200), 0.9, five, embedding=np.ones(512, np.float32), recogniser=RECOGNISER, source=0)
    swapper = Swapper([replace(NETWORKS[0], model=model)])
    swapper.setup(context_of(SwapperOptions(engine="inswapper_128"), models=tmp_path))
    source = SourceFace("s.jpg", np.zeros((240, 240, 3), np.uint8), face)
    swapper.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 240, 240))
    swapper.start(Segment(0, 0, 250))
    sizes = (((240, 240), 452), ((120, 120), 512), ((120, 120), 512))
    planes = tuple(np.full(size, code, np.uint16) for size, code in sizes)
    frame = Frame(Pixels(PixelLayout("yuv", 10, 1, 1), planes), faces=(face,))
    seen = int(frame.bgr()[120, 120, 0])
    swapper.process(Window((), (frame,), ()))
    inner = frame.pixels.planes[0][110:150, 80:160]
    assert np.abs(inner - (64 + 876 * (seen + levels) / 255)).max() <= 0.6
    assert frame.edited == {1}
