"""Every network of the table by its spec alone, on small graphs: what it is given, what is made of its answer."""

from __future__ import annotations

from pathlib import Path

import cv2
import enhancer_graphs as graphs
import numpy as np
import pytest
from enhancer_graphs import Graph
from gfpgan_clean import gfpgan_clean
from graphs import Graph as Builder
from numpy.typing import NDArray

from roop_enhancer.networks import NETWORKS, NetworkSpec
from roop_enhancer.onnx_backend import OnnxRestorer
from roop_enhancer.options import EnhancerOptions
from roop_host.testing import context_of

Picture = NDArray[np.uint8]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
each = pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)
#: Widths beyond 512 pixels cost time, and say nothing new of neighbours.
each_small = pytest.mark.parametrize("spec", [spec for spec in NETWORKS if spec.size <= 512], ids=lambda spec: spec.name)
WEIGHTED = next(spec for spec in NETWORKS if spec.weighted)
#: A quarter of a grey level of 0..255 in 0..1.
CLOSE = 0.25 / 255


@pytest.fixture(scope="module")
def hopper() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


def restorer(spec: NetworkSpec, graph: Graph | None, folder: Path, weight: float = 0.5) -> OnnxRestorer:
    network = graphs.stored(spec, graphs.network(spec, graph), folder)
    return OnnxRestorer(context_of(EnhancerOptions(), models=folder), network, None, weight)


def crops(bgr: Picture, side: int, count: int = 1) -> Picture:
    """Several views of one picture, no two alike."""
    views = [np.roll(np.asarray(cv2.resize(bgr, (side, side)), np.uint8), 7 * number, 1) for number in range(count)]
    return np.stack(views)


def rgb(crops_bgr: Picture) -> NDArray[np.float64]:
    return crops_bgr[..., ::-1].astype(np.float64) / 255


@each
def test_an_identity_gives_the_crop_back(spec: NetworkSpec, tmp_path: Path, hopper: Picture) -> None:
    made = restorer(spec, None, tmp_path)
    assert (made.name, made.size, made.template) == (spec.name, spec.size, spec.template)
    given = crops(hopper, spec.size)
    out = made.restore(given)
    assert (out.shape, out.dtype) == (given.shape, np.float32)
    assert np.abs(out - rgb(given)).max() < 1e-5
    assert given.std() > 20


@each
@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
def test_channels_and_numbers_in_and_out(spec: NetworkSpec, half: bool, tmp_path: Path, hopper: Picture) -> None:
    """The graph moves each channel otherwise, in -1..1; what is beyond that is cut off."""
    gain, offset = (0.5, 1.0, -0.4), (-0.8, 0.3, 0.2)
    given = crops(hopper, spec.size)
    out = restorer(spec, Graph(gain=gain, offset=offset, half=half), tmp_path).restore(given)
    told = np.clip((rgb(given) * 2 - 1) * gain + offset, -1, 1)
    expected = (told + 1) / 2
    assert np.abs(out - expected).max() < (2e-3 if half else 1e-5)
    assert out.min() == 0
    assert out.max() == 1


@each_small
def test_neighbouring_pixels_stay_neighbours(spec: NetworkSpec, tmp_path: Path, hopper: Picture) -> None:
    smooth = np.asarray(cv2.GaussianBlur(hopper, (0, 0), 2), np.uint8)
    given = crops(smooth, spec.size)
    out = restorer(spec, Graph(sharp=True), tmp_path).restore(given)
    told = cv2.filter2D((rgb(given) * 2 - 1)[0], -1, graphs.KERNEL, borderType=cv2.BORDER_CONSTANT)
    expected = (np.clip(told, -1, 1) + 1) / 2
    assert np.abs(out[0] - expected).max() < 1e-5
    assert np.abs(expected - rgb(given)[0])[4:-4, 4:-4].max() > 0.01


@each_small
@pytest.mark.parametrize("batch", [1, "n"])
def test_crops_together_are_crops_apart(spec: NetworkSpec, batch: int | str, tmp_path: Path, hopper: Picture) -> None:
    made = restorer(spec, Graph(gain=(0.9, 0.8, 0.7), sharp=True, batch=batch), tmp_path)
    given = crops(hopper, spec.size, 2)
    together = made.restore(given)
    apart = np.concatenate([made.restore(given[k : k + 1]) for k in range(2)])
    assert np.abs(together - apart).max() < CLOSE
    assert np.abs(together[0] - together[1]).max() > 0.1


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "number",
    [((1,), np.float64), ((1,), np.float32), ((), np.float64), (("n",), np.float32), ((1,), np.float16)],
    ids=["double", "float", "scalar", "free", "half"],
)
def test_the_weight_is_told(
    number: tuple[tuple[int | str, ...], type], weight: float, tmp_path: Path, hopper: Picture
) -> None:
    graph = Graph(gain=(0.2, 0.2, 0.2), by_weight=0.5, number=number)
    given = crops(hopper, WEIGHTED.size, 2)
    out = restorer(WEIGHTED, graph, tmp_path, weight).restore(given)
    assert np.abs(out - ((rgb(given) * 2 - 1) * 0.2 + 0.5 * weight + 1) / 2).max() < 3e-4


@pytest.mark.parametrize("batch", [1, "n"])
def test_the_same_weight_serves_all(batch: int | str, tmp_path: Path, hopper: Picture) -> None:
    graph = Graph(gain=(0.2, 0.2, 0.2), by_weight=0.5, batch=batch)
    given = np.repeat(crops(hopper, WEIGHTED.size), 3, 0)
    out = restorer(WEIGHTED, graph, tmp_path, 0.7).restore(given)
    assert np.array_equal(out[0], out[1])
    assert np.array_equal(out[0], out[2])


def test_the_true_layout_of_gfpgan(tmp_path: Path, hopper: Picture) -> None:
    """Its weights are random and few, so that it only shows what goes through a graph as large as that."""
    spec = NETWORKS[0]
    network = graphs.stored(spec, gfpgan_clean(Builder(), 0.05).SerializeToString(), tmp_path)
    made = OnnxRestorer(context_of(EnhancerOptions(), models=tmp_path), network, None, 0.5)
    given = crops(hopper, spec.size, 2)
    out = made.restore(given)
    assert out.shape == given.shape
    assert 0 <= out.min() < out.max() <= 1
    assert np.array_equal(out[1], made.restore(given[1:])[0])
    assert not np.array_equal(out[0], out[1])
