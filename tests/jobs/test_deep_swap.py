"""The neural engines on frames of ten bits, which no other test of them has."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import swap_graphs as graphs
from onnx import TensorProto, helper, numpy_helper

from roop_host import Face, Frame, Job, JobContext, Segment, SourceFace, Step, Window
from roop_host.models.store import Store
from roop_host.testing import context_of
from roop_host.types.planes import PixelLayout, Pixels
from roop_swapper.models import INSWAPPER_128
from roop_swapper.networks import NETWORKS, NetworkSpec
from roop_swapper.options import SwapperOptions
from roop_swapper.processor import Swapper
from roop_vision.align import arcface_template, template_points
from roop_vision.models import ARCFACE


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
    face = Face(1, (40, 40, 200, 200), 0.9, five, embedding=np.ones(512, np.float32), recogniser=ARCFACE, source=0)
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


@pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("boost", [1, 2], ids=["plain", "boosted"])
def test_every_engine_on_deep_frames(boost: int, spec: NetworkSpec, tmp_path: Path) -> None:
    """Half a grey level more, in the network's own units: in eight bits it would be none, or a whole one."""
    more = 0.5 / 255
    plain = graphs.identity(spec)
    told = [a + (more / s if spec.denormalised else more) for a, s in zip(plain.offset, spec.std, strict=True)]
    network = graphs.stored(spec, graphs.swap(spec, replace(plain, offset=told)), tmp_path)
    five = ((template_points(spec.template) - 0.5) * 160 + 120).astype(np.float32)
    face = Face(1, (40, 40, 200, 200), 0.9, five, embedding=np.ones(512, np.float32), recogniser=ARCFACE, source=0)
    own = {}
    if spec.model is None:
        own["engine_file"] = network.models[0].path()
        own["converter_file"] = network.models[-1].path() if spec.converts else None
    pixels = "native" if boost == 1 else spec.size * boost
    swapper = Swapper([network])
    swapper.setup(context_of(SwapperOptions(engine=spec.name, pixel_boost=pixels, **own), models=tmp_path))
    source = SourceFace("s.jpg", np.zeros((240, 240, 3), np.uint8), face)
    swapper.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 240, 240))
    swapper.start(Segment(0, 0, 250))
    sizes = (((240, 240), 452), ((120, 120), 512), ((120, 120), 512))
    frame = Frame(
        Pixels(PixelLayout("yuv", 10, 1, 1), tuple(np.full(size, code, np.uint16) for size, code in sizes)), faces=(face,)
    )
    seen = int(frame.bgr()[120, 120, 0])
    swapper.process(Window((), (frame,), ()))
    inner = frame.pixels.planes[0][110:150, 100:140]
    assert np.abs(inner - (64 + 876 * (seen + 0.5) / 255)).max() <= 0.7
