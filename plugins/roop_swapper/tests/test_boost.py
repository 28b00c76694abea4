"""Pixel boost: tiles are whole faces, they agree, and which sizes there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import swap_graphs as graphs
from numpy.typing import NDArray

from roop_host import Face, Frame, Job, JobContext, Segment, SourceFace, Step, Window
from roop_host.testing import context_of, frame_of
from roop_swapper import neural
from roop_swapper.boost import join, split, wider
from roop_swapper.networks import NETWORKS, NetworkSpec
from roop_swapper.neural import NeuralEngine
from roop_swapper.options import SwapperOptions
from roop_swapper.processor import Swapper
from roop_vision.align import crop_matrix, template_points
from roop_vision.models import ARCFACE

Picture = NDArray[np.uint8]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
INSWAPPER = NETWORKS[0]


@pytest.fixture(scope="module")
def large() -> Picture:
    """Four times as large as a face of 256 pixels."""
    hopper = cv2.imread(str(MEDIA / "hopper.jpg"))
    return np.asarray(cv2.resize(hopper, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def smooth(large: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(large[600:1800, 400:1600], (0, 0), 20), np.uint8)


def floats(tiles: Picture) -> NDArray[np.float32]:
    return tiles.astype(np.float32) / np.float32(255)


def woven(tiles: NDArray[Any], k: int) -> NDArray[Any]:
    """Tiles joined as they are."""
    m = tiles.shape[1]
    out = np.empty((m * k, m * k, 3), tiles.dtype)
    for number, tile in enumerate(tiles):
        out[number // k :: k, number % k :: k] = tile
    return out


def pattern(picture: NDArray[Any], k: int) -> float:
    """How far the pixels of one tile lie above or below those of all, at most."""
    return max(abs(float(picture[i::k, j::k].mean() - picture.mean())) for i in range(k) for j in range(k))


@pytest.mark.parametrize("k", [2, 3, 4, 8])
def test_each_tile_is_the_whole_face(k: int, large: Picture) -> None:
    smooth = np.asarray(cv2.GaussianBlur(large[600 : 600 + 64 * k, 800 : 800 + 64 * k], (0, 0), 3 * k), np.uint8)
    tiles = split(smooth, k)
    assert tiles.shape == (k * k, 64, 64, 3)
    small = cv2.resize(smooth, (64, 64), interpolation=cv2.INTER_AREA)
    off = np.abs(tiles.astype(int) - small)[:, 2:-2, 2:-2]
    assert off.max() <= 12  # a pixel of the tile beside
    assert off.mean() < 1.5
    assert small.std() > 10


@pytest.mark.parametrize("k", [2, 3, 4, 8])
def test_tiles_that_agree_are_joined_as_they_are(k: int, large: Picture) -> None:
    smooth = cv2.GaussianBlur(floats(large[600 : 600 + 64 * k, 800 : 800 + 64 * k]), (0, 0), 2 * k)
    tiles = np.stack([smooth[i::k, j::k] for i in range(k) for j in range(k)])
    assert np.array_equal(woven(tiles, k), smooth)
    off = np.abs(join(tiles, k) - smooth) * 255
    assert off[3 * k : -3 * k, 3 * k : -3 * k].max() < 0.05
    assert off.max() < 1.5  # at the edge, which no mask shows


@pytest.mark.parametrize("k", [2, 4, 8])
def test_what_a_tile_has_of_its_own_makes_no_pattern(k: int, large: Picture) -> None:
    """Each tile comes back in another light, as of a network that looks at its own pixels only."""
    crop = large[600 : 600 + 64 * k, 800 : 800 + 64 * k]
    tiles = floats(split(np.asarray(crop, np.uint8), k))
    light = np.random.default_rng(1).uniform(-0.06, 0.06, (k * k, 1, 1, 3)).astype(np.float32)
    made = join(tiles + light, k)
    assert pattern(woven(tiles + light, k), k) * 255 > 2.5
    assert pattern(made, k) * 255 < pattern(floats(np.asarray(crop, np.uint8)), k) * 255 + 0.3
    assert np.abs(made - (join(tiles, k) + light.mean(0)))[k:-k, k:-k].max() * 255 < 0.8


@pytest.mark.parametrize("k", [2, 4])
def test_fine_grain_does_not_fold_into_other_tiles(k: int) -> None:
    """A pattern of every other pixel is black in one tile and white in the next, but for the softening."""
    stripes = np.zeros((64 * k, 64 * k, 3), np.uint8)
    stripes[::2] = 255
    tiles = split(stripes, k).astype(float)
    assert np.ptp(tiles.mean((1, 2, 3))) < (90 if k == 2 else 2)


def test_tiles_lie_around_the_plain_crop() -> None:
    plain = np.array([[0.5, 0.1, 3], [-0.1, 0.5, 7]], np.float64)
    for k in (1, 2, 4):
        x, y = np.array([37.0, 81.0]) @ plain[:, :2].T + plain[:, 2]
        wide = np.array([37.0, 81.0]) @ wider(plain, k)[:, :2].T + wider(plain, k)[:, 2]
        assert np.allclose(wide, (np.array([x, y]) + 0.5) * k - 0.5)


# --- in the engine


def face_at(spec: NetworkSpec, x: float, y: float, side: float, number: int = 1) -> Face:
    five = ((template_points(spec.template) - 0.5) * side + (x, y)).astype(np.float32)
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(number, box, 0.9, five, embedding=np.ones(512, np.float32), recogniser=ARCFACE, source=0)


def boosted(spec: NetworkSpec, folder: Path, graph: graphs.Graph, pixels: Any) -> Swapper:
    network = graphs.stored(spec, graphs.swap(spec, graph), folder)
    own = {}
    if spec.model is None:
        own["engine_file"] = network.models[0].path  # type: ignore[assignment]
    files = {name: path() for name, path in own.items()}  # type: ignore[operator]
    if spec.model is None and spec.converts:
        files["converter_file"] = network.models[-1].path()  # type: ignore[misc]
    swapper = Swapper([network])
    options = SwapperOptions(engine=spec.name, pixel_boost=pixels, **files)  # type: ignore[arg-type]
    swapper.setup(context_of(options, models=folder))
    source = SourceFace("s.jpg", np.zeros((240, 240, 3), np.uint8), face_at(spec, 120, 120, 160))
    swapper.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 512, 600))
    swapper.start(Segment(0, 0, 250))
    return swapper


@pytest.mark.parametrize(
    "spec",
    [NETWORKS[0], *(pytest.param(spec, marks=pytest.mark.slow) for spec in NETWORKS[1:])],
    ids=lambda spec: spec.name,
)
def test_an_identity_is_the_plain_one_where_nothing_is_fine(spec: NetworkSpec, tmp_path: Path, smooth: Picture) -> None:
    pixels = spec.boosts[1]
    face = face_at(spec, 600, 600, pixels)
    results = []
    for size in ("native", pixels):
        frame = frame_of(smooth, faces=(face,))
        boosted(spec, tmp_path, graphs.identity(spec), size).process(Window((), (frame,), ()))
        assert frame.changed_by()
        results.append(np.array(frame.bgr()).astype(int))
    assert np.abs(results[1] - smooth).max() <= 1
    assert np.abs(results[0] - results[1]).max() <= 2  # the plain one is enlarged, and rounded once more
    assert np.abs(results[0] - results[1]).mean() < 0.2


def test_a_boosted_face_is_finer(tmp_path: Path, large: Picture) -> None:
    face = face_at(INSWAPPER, 1000, 1200, 512)
    sharp = np.asarray(large + np.random.default_rng(1).integers(0, 9, large.shape).astype(np.uint8) // 2, np.uint8)
    off = []
    for pixels in ("native", 256, 512):
        frame = frame_of(sharp, faces=(face,))
        boosted(INSWAPPER, tmp_path, graphs.identity(INSWAPPER), pixels).process(Window((), (frame,), ()))
        inner = np.s_[1100:1300, 900:1100]
        off.append(float(np.abs(np.array(frame.bgr())[inner].astype(int) - sharp[inner]).mean()))
    assert off[0] > off[1] * 1.05
    assert off[1] > off[2] * 1.02


@pytest.mark.parametrize(("batch", "runs"), [(1, [1] * 8), ("n", [4, 4])])
def test_tiles_go_in_as_few_runs_as_the_network_allows(
    batch: int | str, runs: list[int], tmp_path: Path, large: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neural, "TOGETHER", 4)
    swapper = boosted(INSWAPPER, tmp_path, graphs.identity(INSWAPPER, batch=batch), 256)
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    sizes: list[int] = []

    def counted(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda inputs: sizes.append(len(inputs["target"])) or run(inputs)

    for session in engine._held or [engine._session]:
        monkeypatch.setattr(session, "run", counted(session.run))
    faces = tuple(face_at(INSWAPPER, 600 + 700 * k, 1200, 500, number=k) for k in range(2))
    swapper.process(Window((), (frame_of(large, faces=faces),), ()))
    assert sizes == runs


def test_the_mask_sees_the_wide_crop(tmp_path: Path, large: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted: list[tuple[Any, ...]] = []
    real = neural.paste_crop

    def noted(frame: Frame, crop: Any, matrix: Any, alpha: Any, **more: Any) -> None:
        pasted.append((crop.shape, alpha.shape, matrix))
        real(frame, crop, matrix, alpha, **more)

    monkeypatch.setattr(neural, "paste_crop", noted)
    face = face_at(INSWAPPER, 1000, 1200, 512)
    swapper = boosted(INSWAPPER, tmp_path, graphs.identity(INSWAPPER), 384)
    swapper.process(Window((), (frame_of(large, faces=(face,)),), ()))
    ((crop, alpha, matrix),) = pasted
    assert (crop, alpha) == ((384, 384, 3), (384, 384))
    plain = crop_matrix(face.landmarks_5, template_points("arcface_128") * np.float32(128))
    assert plain is not None
    assert np.allclose(matrix, wider(plain, 3))
