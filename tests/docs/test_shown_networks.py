"""The steps with a network that the pages for authors show run one: a small graph in the form that they name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pulled
import pytest
from onnx import TensorProto, helper, numpy_helper
from snippets import blocks_of

from roop_host import Box
from roop_host.testing import clip, context_of, window_of

DOCS = Path(__file__).parents[2] / "docs"


def _swapped_and_darker() -> bytes:
    """Gives R as G, G as B, B as R, each half as light."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 64, 48]) for name in ("picture", "made")]
    constants = [
        numpy_helper.from_array(np.array([2, 0, 1], np.int64), "order"),
        numpy_helper.from_array(np.float32(0.5), "half"),
    ]
    nodes = [
        helper.make_node("Gather", ["picture", "order"], ["turned"], axis=1),
        helper.make_node("Mul", ["turned", "half"], ["made"]),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    data: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    return data


def _module(page: str, name: str, folder: Path) -> Any:
    (block,) = (one for one in blocks_of(page, (DOCS / page).read_text(encoding="utf-8")) if one.file == name)
    (folder / name).write_text(block.text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), folder / name)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "name", "step", "options"),
    [("tutorial.md", "paint.py", "Paint", "ROOP_OPTIONS"), ("plugin-authors.md", "my_style.py", "MyStyle", "Options")],
)
def test_the_network_is_given_the_face_and_its_picture_is_put_there(
    page: str, name: str, step: str, options: str, tmp_path: Path
) -> None:
    module, (taken,) = _module(page, name, tmp_path), clip(1)
    (tmp_path / "net.onnx").write_bytes(_swapped_and_darker())
    module.NET = pulled.spec((tmp_path / "net.onnx").read_bytes(), path=lambda: tmp_path / "net.onnx")
    plain, painted = getattr(module, step)(), getattr(module, step)()
    plain.setup(context_of(getattr(module, options)(engine="plain")))
    painted.setup(context_of(getattr(module, options)(engine="network")))
    before, blurred, after = taken.frame(), taken.frame(), taken.frame()
    plain.process(window_of(blurred))
    painted.process(window_of(after))
    for face in before.faces:
        box = Box(*map(round, face.box_xyxy)).clip(before.width, before.height)
        blue, green, red = (before.bgr(box)[..., channel].mean() / 2 for channel in range(3))
        assert after.bgr(box).mean(axis=(0, 1)) == pytest.approx([green, red, blue], abs=4)
        assert np.abs(after.bgr(box).astype(int) - blurred.bgr(box)).mean() > 20
    assert len(before.faces) >= 1
