"""The networks that benchmarks make have the interface of those they stand for. Tiny here, but for one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import make_models
import numpy as np
import onnx
import pytest

from roop_host import ModelSpec
from roop_host.models.ort_session import OrtSession
from roop_host.models.sessions import OrtSessions

SMALL = 1 / 16
Opened = Callable[[str], OrtSession]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Verified, loaded, and tried out: it is finite and not constant."""

    def do(name: str) -> OrtSession:
        model = make_models.MODELS[name](SMALL).model
        onnx.checker.check_model(model, full_check=True)
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        data = path.read_bytes()
        spec = ModelSpec(
            name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data), licence="none", path=lambda: path
        )
        return OrtSessions("cpu", 1).open(spec)

    return do


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_inswapper_takes_a_crop_and_a_style_and_has_its_emap_last(opened: Opened) -> None:
    session = opened("inswapper_128")
    assert [(item.name, item.dtype, item.shape) for item in session.inputs] == [
        ("target", "float32", (1, 3, 128, 128)),
        ("source", "float32", (1, 512)),
    ]
    assert [item.shape for item in session.outputs] == [(1, 3, 128, 128)]
    target = np.abs(noise(1, 3, 128, 128))
    (first,), (second,) = (session.run({"target": target, "source": noise(1, 512, seed=seed)}) for seed in (1, 2))
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.abs(first - second).mean() > 1e-3  # another face is another picture
    last = make_models.inswapper(SMALL).model.graph.initializer[-1]
    assert (last.name, list(last.dims)) == ("emap", [512, 512])


def test_scrfd_takes_pictures_of_any_size_and_gives_nine_arrays(opened: Opened) -> None:
    session = opened("scrfd_10g")
    assert [(item.name, item.shape) for item in session.inputs] == [("input.1", (1, 3, None, None))]
    assert session.output_names == ("448", "471", "494", "451", "474", "497", "454", "477", "500")
    outputs = session.run({"input.1": noise(1, 3, 96, 160)})
    cells = [96 // stride * (160 // stride) * 2 for stride in (8, 16, 32)]
    assert [out.shape for out in outputs] == [(count, size) for size in (1, 4, 10) for count in cells]
    assert all(out.min() > 0 and out.max() < 1 for out in outputs[:3])


def test_arcface_takes_any_number_of_faces(opened: Opened) -> None:
    session = opened("arcface_r50")
    assert [(item.name, item.shape) for item in session.inputs] == [("input.1", (None, 3, 112, 112))]
    faces = noise(3, 3, 112, 112)
    (together,) = session.run({"input.1": faces})
    assert together.shape == (3, 512)
    for number in range(3):
        (alone,) = session.run({"input.1": faces[number : number + 1]})
        np.testing.assert_allclose(alone[0], together[number], rtol=1e-3, atol=1e-3)


def test_gfpgan_restores_at_512(opened: Opened) -> None:
    session = opened("gfpgan_clean")
    assert [(item.name, item.shape) for item in session.inputs] == [("input", (1, 3, 512, 512))]
    assert [(item.name, item.shape) for item in session.outputs] == [("output", (1, 3, 512, 512))]
    (first,), (second,) = (session.run({"input": noise(1, 3, 512, 512, seed=seed)}) for seed in (1, 2))
    assert np.abs(first).max() < 10
    assert np.abs(first - second).mean() > 1e-3


def test_the_true_size_and_cost_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_models.main([str(tmp_path / "new"), "scrfd_10g"])
    (path,) = (tmp_path / "new").iterdir()
    assert abs(path.stat().st_size - 16_923_827) < 200_000  # det_10g.onnx
    assert capsys.readouterr().out.strip() == f"{path}: 17 MB, 4.2 M weights, 13.3 G multiply-adds a call"


def test_a_name_that_is_none_says_which_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_models.main([str(tmp_path), "scrfd"])
    assert "no network is called scrfd; there are inswapper_128, scrfd_10g" in capsys.readouterr().err
