"""The engine ``inswapper_128`` on small graphs with the real one's names, shapes and types, beside insightface's class."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from insightface.model_zoo.inswapper import INSwapper
from insightface.utils.face_align import norm_crop2
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from roop_host import (
    Face,
    Frame,
    Job,
    JobContext,
    ModelError,
    ModelSpec,
    NoFaceError,
    Segment,
    Session,
    SourceFace,
    Step,
    Window,
)
from roop_host.testing import context_of, frame_of
from roop_swapper import neural
from roop_swapper.identity import identity_of, source_map
from roop_swapper.models import INSWAPPER_128
from roop_swapper.networks import NETWORKS
from roop_swapper.neural import NeuralEngine, Use
from roop_swapper.options import SwapperOptions
from roop_swapper.plugin import roop_processors
from roop_swapper.processor import Swapper
from roop_vision.align import arcface_template
from roop_vision.models import ARCFACE
from roop_vision.pixels import picture_of

Picture = NDArray[np.uint8]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
JOB = Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),))


@pytest.fixture(scope="module")
def hopper() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


# --- graphs


def graph(
    *,
    gain: Sequence[float] = (1, 1, 1),
    offset: Sequence[float] = (0, 0, 0),
    by_source: float = 0.0,
    blur: bool = False,
    batch: int | str = 1,
    half: str = "",
    emap: tuple[int, int] | None = (512, 512),
    target: tuple[int, ...] = (3, 128, 128),
    outputs: int = 1,
) -> bytes:
    """output = blur(target * gain + offset + by_source * source @ w), in R, G, B; the map comes last, and no node uses it.

    ``half`` is "" or, of one whose weights are float16, what its inputs and outputs are: "float32" or "float16".
    """
    rng = np.random.default_rng(7)
    kind, outside = np.float16 if half else np.float32, np.dtype(half or "float32")
    weights = {
        "w": (rng.standard_normal((512, 3)) * by_source).astype(kind),
        "gain": np.array(gain, kind).reshape(1, 3, 1, 1),
        "offset": np.array(offset, kind).reshape(1, 3, 1, 1),
        "shape": np.array([-1, 3, 1, 1], np.int64),
        "kernel": np.tile(np.full((1, 1, 3, 3), 1 / 9, kind), (3, 1, 1, 1)),
    }
    inner, outer = (getattr(TensorProto, {"2": "FLOAT16", "4": "FLOAT"}[str(np.dtype(k).itemsize)]) for k in (kind, outside))
    nodes = [
        helper.make_node("Cast", ["target"], ["t"], to=inner),
        helper.make_node("Cast", ["source"], ["s"], to=inner),
        helper.make_node("MatMul", ["s", "w"], ["style"]),
        helper.make_node("Reshape", ["style", "shape"], ["style4"]),
        helper.make_node("Mul", ["t", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["moved"]),
        helper.make_node("Add", ["moved", "style4"], ["drawn"]),
        helper.make_node("Conv", ["drawn", "kernel"], ["soft"], group=3, pads=[1, 1, 1, 1]),
        *(helper.make_node("Cast", ["soft" if blur else "drawn"], [f"output{k or ''}"], to=outer) for k in range(outputs)),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    if emap is not None:
        tensors.append(numpy_helper.from_array((rng.standard_normal(emap) / 20).astype(kind), "buff2fs"))
    made = helper.make_graph(
        nodes,
        "swapper",
        [
            helper.make_tensor_value_info("target", outer, [batch, *target]),
            helper.make_tensor_value_info("source", outer, [batch, 512]),
        ],
        [helper.make_tensor_value_info(f"output{k or ''}", outer, [batch, *target]) for k in range(outputs)],
        tensors,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


INSWAPPER = NETWORKS[0]
RED = {"gain": (0.5, 0.25, 0.25), "offset": (0.4, 0, 0)}


def spec_of(data: bytes) -> ModelSpec:
    return replace(INSWAPPER_128, sha256=hashlib.sha256(data).hexdigest(), size=len(data), half=None)


def stored(data: bytes, folder: Path) -> ModelSpec:
    """The graph as a file of the store in ``folder``."""
    (folder / "inswapper_128.onnx").write_bytes(data)
    return spec_of(data)


def embedded(seed: int, bgr: Picture, name: str = "s.jpg") -> SourceFace:
    vector = (np.random.default_rng(seed).standard_normal(512) * 20).astype(np.float32)
    return SourceFace(name, bgr, replace(face_at(60, 60, 60), embedding=vector, recogniser=ARCFACE))


def face_at(x: float, y: float, side: float, degrees: float = 0.0, *, number: int = 1, source: int | None = None) -> Face:
    """A face whose crop has its middle at ``(x, y)`` and is ``side`` pixels wide in the picture."""
    turn = np.radians(degrees)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * side / 128
    points = ((arcface_template(128) - 64) @ axes.T + (x, y)).astype(np.float32)
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(number, box, 0.9, points, source=source)


Make = Callable[..., Swapper]


@pytest.fixture
def make(tmp_path: Path, hopper: Picture) -> Make:
    def made(data: bytes, *sources: SourceFace) -> Swapper:
        swapper = Swapper([replace(INSWAPPER, model=stored(data, tmp_path))])
        swapper.setup(context_of(SwapperOptions(engine="inswapper_128"), models=tmp_path))
        swapper.begin(JobContext(JOB, sources or (embedded(1, hopper),), 512, 600))
        swapper.start(Segment(0, 0, 250))
        return swapper

    return made


def swapped(swapper: Swapper, bgr: Picture, *faces: Face) -> Picture:
    frame = frame_of(bgr, faces=faces)
    swapper.process(Window((), (frame,), ()))
    return np.array(frame.bgr())


@pytest.fixture
def crops(monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """What is handed to the paste, in order."""
    seen: list[Picture] = []

    def noted(frame: Frame, crop: Picture, *more: Any, **named: Any) -> None:
        seen.append(crop)
        real(frame, crop, *more, **named)

    real = neural.paste_crop
    monkeypatch.setattr(neural, "paste_crop", noted)
    return seen


# --- the contract, against insightface


def insightfaces(data: bytes, folder: Path, bgr: Picture, face: Face, source: SourceFace) -> Picture:
    path = folder / "theirs.onnx"
    path.write_bytes(data)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert source.face.embedding is not None
    normed = source.face.embedding / np.linalg.norm(source.face.embedding)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = INSwapper(str(path), session)
        crop, _ = theirs.get(
            bgr, SimpleNamespace(kps=face.landmarks_5), SimpleNamespace(normed_embedding=normed), paste_back=False
        )
    return np.asarray(crop, np.uint8)


@pytest.mark.parametrize(("side", "degrees", "odd"), [(128, 0, 0), (190, 11, 1e-3)])
@pytest.mark.parametrize("half", ["", "float32"])
@pytest.mark.parametrize("kind", [{}, RED, {"by_source": 0.5}, {"blur": True, **RED}], ids=["same", "red", "source", "blur"])
def test_the_crop_is_that_of_insightface(
    kind: dict[str, Any],
    half: str,
    side: float,
    degrees: float,
    odd: float,
    make: Make,
    crops: list[Picture],
    hopper: Picture,
    tmp_path: Path,
) -> None:
    """It cuts fractions off and we round, which is one level; where a pixel of the crop was on the fence, it is two."""
    data, source = graph(**kind, half=half), embedded(3, hopper)
    face = face_at(250, 300, side, degrees, source=0)
    swapped(make(data, source), hopper, face)
    theirs = insightfaces(data, tmp_path, hopper, face, source)
    off = np.abs(crops[0].astype(int) - theirs)
    assert off.max() <= 2
    assert (off > 1).mean() <= odd
    assert theirs.std() > 10


def test_the_latent_is_the_formula(hopper: Picture, tmp_path: Path) -> None:
    data, source = graph(), embedded(5, hopper)
    emap = numpy_helper.to_array(onnx.load_from_string(data).graph.initializer[-1])
    assert np.array_equal(source_map(INSWAPPER, "m", data), emap)
    embedding = source.face.embedding
    assert embedding is not None
    mapped = (embedding.astype(np.float64) / np.linalg.norm(embedding)) @ emap
    identity = identity_of(context_of(models=tmp_path), INSWAPPER, stored(data, tmp_path), None)
    latent = identity.of_source(source)
    assert (latent.shape, latent.dtype) == ((1, 512), np.float32)
    assert np.allclose(latent[0], mapped / np.linalg.norm(mapped), atol=1e-6)
    assert np.linalg.norm(latent) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("half", ["float32", "float16"])
def test_half_precision(half: str, make: Make, crops: list[Picture], hopper: Picture) -> None:
    face = face_at(250, 300, 190, source=0)
    swapped(make(graph(**RED, by_source=0.3)), hopper, face)
    swapped(make(graph(**RED, by_source=0.3, half=half)), hopper, face)
    assert np.abs(crops[0].astype(int) - crops[1]).max() <= 1
    assert not np.array_equal(crops[0], norm_crop2(hopper, face.landmarks_5, 128)[0])


# --- through align, model and paste


def test_identity_at_its_own_scale_gives_the_picture_back(make: Make, hopper: Picture) -> None:
    out = swapped(make(graph()), hopper, face_at(250, 300, 128, source=0))
    assert np.abs(out.astype(int) - hopper).max() <= 1


@pytest.mark.parametrize(("side", "degrees"), [(96, 0), (128, 20), (200, -35)])
def test_identity_at_other_scales_is_near(side: float, degrees: float, make: Make, hopper: Picture) -> None:
    smooth = np.asarray(cv2.GaussianBlur(hopper, (0, 0), 3), np.uint8)
    off = np.abs(swapped(make(graph()), smooth, face_at(250, 300, side, degrees, source=0)).astype(int) - smooth)
    assert off.max() <= 6
    assert off[220:380, 170:330].mean() < 0.5


@pytest.mark.parametrize("side", [90, 128, 200, 500])
@pytest.mark.parametrize(("x", "y"), [(2, 300), (509, 300), (250, 3), (250, 597)])
def test_a_face_that_the_edge_cuts_has_no_rim(x: float, y: float, side: float, make: Make, hopper: Picture) -> None:
    """Black from beyond the picture would be a dark line along its edge, with a bright one beside it."""
    smooth = cv2.GaussianBlur(hopper, (0, 0), 6).astype(np.uint8)
    after = swapped(make(graph()), smooth, face_at(x, y, side, source=0)).astype(int)
    assert np.abs(after - smooth).max() <= 8


def test_a_network_that_paints_in_another_range(make: Make, hopper: Picture) -> None:
    with pytest.raises(ModelError, match=r"far beyond 0\.\.1"):
        swapped(make(graph(gain=(255, 255, 255))), hopper, face_at(250, 300, 150, source=0))


@pytest.mark.parametrize(("x", "y", "side", "degrees"), [(250, 300, 150, 30), (10, 20, 200, 0), (505, 590, 90, 180)])
def test_outside_of_the_region_every_bit_is_kept(
    x: float, y: float, side: float, degrees: float, make: Make, hopper: Picture
) -> None:
    frame = frame_of(hopper, faces=(face_at(x, y, side, degrees, source=0),))
    before = [plane.copy() for plane in frame.pixels.planes]
    make(graph(**RED)).process(Window((), (frame,), ()))
    assert frame.changed_by()
    ys, xs = np.indices(before[0].shape)
    far = np.hypot(xs - x, ys - y) > side * 0.75
    for old, new in zip(before, frame.pixels.planes, strict=True):
        assert np.array_equal(old[far], new[far])
        assert not np.array_equal(old, new)


def test_red_is_red_and_lies_on_the_face(make: Make, hopper: Picture) -> None:
    out = swapped(make(graph(gain=(0, 0, 0), offset=(1, 0, 0), by_source=1e-3)), hopper, face_at(250, 300, 160, source=0))
    assert np.abs(out[260:340, 210:290].astype(int) - (0, 0, 255)).max() <= 3
    red = (out.astype(int) - (0, 0, 255) == 0).all(2)
    ys, xs = np.nonzero(red)
    assert abs((xs.min() + xs.max()) / 2 - 250) < 4
    assert abs((ys.min() + ys.max()) / 2 - 302) < 6  # lower: the chin is inside, the hair is not


def test_the_chin_is_inside_and_the_hair_keeps_its_sharpness(make: Make, hopper: Picture) -> None:
    """With dense landmarks the face's outline is the limit."""
    from roop_vision.analyser import EmbeddedAnalyser
    from roop_vision.options import VisionOptions
    from roop_vision.topology import CHIN, OVAL

    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    face = analyser.analyse_picture(frame_of(hopper))[0].with_source(0)
    assert face.mesh_468 is not None
    kind = graph(gain=(0, 0, 0), offset=(1, 0, 0), by_source=1e-3)
    narrow, wide = (swapped(make(kind), hopper, one) for one in (face, replace(face, mesh_468=None)))
    x, y = (int(v) for v in face.mesh_468[CHIN, :2])
    for out in (narrow, wide):
        assert np.abs(out[y - 8, x].astype(int) - (0, 0, 255)).max() <= 12
    outline = np.zeros(hopper.shape[:2], np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(face.mesh_468[list(OVAL), :2].astype(np.int32)), 1)
    beyond = cv2.dilate(outline, np.ones((41, 41), np.uint8)) == 0
    assert np.array_equal(narrow[beyond], hopper[beyond])
    assert not np.array_equal(wide[beyond], hopper[beyond])


def test_ten_bits_stay_ten_bits(make: Make) -> None:
    """A float picture is put back where a frame is deeper than 8 bits."""
    deep = picture_of(np.full((4, 4, 3), 0.12345, np.float32), deep=True)
    assert deep.dtype == np.float32
    assert np.allclose(deep, 0.12345)
    flat = picture_of(np.full((4, 4, 3), 1.7, np.float32), deep=False)
    assert flat.dtype == np.uint8
    assert (flat == 255).all()


# --- several faces, frames and sources


def clip_of(hopper: Picture) -> list[Frame]:
    """Four frames with no, one, two overlapping and three faces, of two sources."""
    rows: tuple[tuple[Face, ...], ...] = (
        (),
        (face_at(250, 300, 180, 5, source=1),),
        (face_at(240, 300, 180, number=1, source=0), face_at(330, 310, 120, number=2, source=1)),
        tuple(face_at(120 + 130 * k, 200 + 60 * k, 90 + 20 * k, number=k, source=k % 2) for k in range(3)),
    )
    return [frame_of(hopper, index, faces=faces) for index, faces in enumerate(rows)]


@pytest.mark.parametrize("half", ["", "float32"])
def test_the_batch_makes_no_difference(half: str, make: Make, hopper: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = embedded(1, hopper), embedded(2, hopper)
    results: list[list[Picture]] = []
    for batch, together, frames_at_once in ((1, 8, 4), ("n", 8, 4), ("n", 1, 4), ("n", 4, 1), (1, 8, 1)):
        monkeypatch.setattr(neural, "TOGETHER", together)
        swapper = make(graph(by_source=0.4, blur=True, batch=batch, half=half), *sources)
        frames = clip_of(hopper)
        for first in range(0, 4, frames_at_once):
            swapper.process(Window((), tuple(frames[first : first + frames_at_once]), ()))
        results.append([np.array(frame.bgr()) for frame in frames])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))
    assert np.array_equal(results[0][0], hopper)
    assert not np.array_equal(results[0][1], results[0][2])


@pytest.mark.parametrize(("batch", "calls"), [(1, 6), ("n", 1)])
def test_all_faces_of_all_frames_go_in_one_run(
    batch: int | str, calls: int, make: Make, hopper: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapper = make(graph(by_source=0.4, batch=batch), embedded(1, hopper), embedded(2, hopper))
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    shapes: list[dict[str, tuple[int, ...]]] = []

    def counted(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def called(inputs: dict[str, NDArray[Any]]) -> Any:
            shapes.append({name: value.shape for name, value in inputs.items()})
            return run(inputs)

        return called

    for session in {id(s): s for s in (engine._session, *engine._held)}.values():
        monkeypatch.setattr(session, "run", counted(session.run))
    swapper.process(Window((), tuple(clip_of(hopper)), ()))
    # A held latent is not handed over again: the fixed graph is given crops only.
    own = [shape for shape in shapes if batch != 1 or set(shape) == {"target"}]
    assert len(own) == calls
    assert own[0]["target"] == ((1 if batch == 1 else 6), 3, 128, 128)


def test_each_face_gets_its_own_source(make: Make, crops: list[Picture], hopper: Picture, tmp_path: Path) -> None:
    sources = tuple(embedded(seed, hopper) for seed in (1, 2, 3))
    data = graph(by_source=0.8)
    faces = [face_at(130 * k + 100, 300, 128, number=k, source=source) for k, source in enumerate((2, 0, 1))]
    swapped(make(data, *sources), hopper, *faces)
    for face, crop in zip(faces, crops, strict=True):
        assert face.source is not None
        theirs = [insightfaces(data, tmp_path, hopper, face, source).astype(int) for source in sources]
        off = [np.abs(crop - other).max() for other in theirs]
        assert off[face.source] <= 1
        assert min(value for k, value in enumerate(off) if k != face.source) > 3


def test_overlapping_faces_are_taken_before_any_is_changed(make: Make, crops: list[Picture], hopper: Picture) -> None:
    small, large = face_at(250, 300, 120, number=1, source=0), face_at(290, 300, 200, number=2, source=0)
    swapped(make(graph(**RED)), hopper, large, small)
    for crop, face in zip(crops, (small, large), strict=True):
        mine = norm_crop2(hopper, face.landmarks_5, 128)[0].astype(np.float32)
        expected = np.rint(mine * (0.25, 0.25, 0.5) + (0, 0, 0.4 * 255))
        assert np.abs(crop - expected).max() <= 1


def test_faces_that_are_left_alone(make: Make, hopper: Picture) -> None:
    line = replace(
        face_at(250, 300, 120, source=0), landmarks_5=np.stack([np.arange(5) * 9.0 + 200] * 2, 1).astype(np.float32)
    )
    unknown = replace(face_at(250, 300, 120, source=0), landmarks_5=np.full((5, 2), np.nan, np.float32))
    swapper = make(graph(**RED))
    for face in (line, unknown, face_at(-400, 300, 120, source=0), face_at(250, 300, 120)):
        frame = frame_of(hopper, faces=(face,))
        swapper.process(Window((), (frame,), ()))
        assert not frame.changed_by()
        assert frame.edited == frozenset()


def test_notes_whose_face_was_changed_and_needs_no_embedding_of_it(make: Make, hopper: Picture) -> None:
    frame = frame_of(hopper, faces=(face_at(250, 300, 120, number=9, source=0), face_at(90, 90, 60, number=4)))
    make(graph(**RED)).process(Window((), (frame,), ()))
    assert frame.edited == {9}


def test_a_warm_up_costs_nothing(make: Make, hopper: Picture) -> None:
    frame = frame_of(hopper, faces=(face_at(250, 300, 120, source=0),))
    make(graph(**RED)).process(Window((), (frame,), (), warming=True))
    assert not frame.changed_by()


def test_a_second_job_with_another_source(make: Make, hopper: Picture) -> None:
    swapper, face = make(graph(by_source=0.8), embedded(1, hopper)), face_at(250, 300, 150, source=0)
    first = swapped(swapper, hopper, face)
    swapper.end()
    swapper.begin(JobContext(JOB, (embedded(2, hopper),), 512, 600))
    assert not np.array_equal(swapped(swapper, hopper, face), first)
    swapper.begin(JobContext(JOB, (embedded(1, hopper),), 512, 600))
    assert np.array_equal(swapped(swapper, hopper, face), first)


# --- what is refused


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        (None, r"group\.jpg: the analyser gives no embedding.*--vision-backend insightface"),
        (np.ones(128, np.float32), r"group\.jpg: the embedding of the face is not one of 512 numbers"),
        (np.zeros(512, np.float32), "numbers that say something"),
        (np.full(512, np.nan, np.float32), "numbers that say something"),
    ],
    ids=["none", "short", "zero", "nan"],
)
def test_a_source_without_a_usable_embedding(embedding: Any, said: str, make: Make, hopper: Picture) -> None:
    source = SourceFace("group.jpg", hopper, replace(face_at(60, 60, 60), embedding=embedding, recogniser=ARCFACE))
    with pytest.raises(NoFaceError, match=said):
        make(graph(), source)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"emap": None}, r"last initializer is \(3, 1, 3, 3\) and not \(512, 512\)"),
        ({"emap": (512, 256)}, r"last initializer is \(512, 256\)"),
        ({"target": (3, 256, 256)}, r"its input target is float32 of \(1, 3, 256, 256\)"),
        ({"batch": 2}, r"its input target is float32 of \(2, 3, 128, 128\)"),
    ],
)
def test_a_network_of_another_kind(kind: dict[str, Any], said: str, make: Make) -> None:
    with pytest.raises(ModelError, match=rf"inswapper_128 is no network for the engine.*{said}"):
        make(graph(**kind))


def test_a_network_that_computes_no_numbers_later_on(make: Make, hopper: Picture) -> None:
    """What a trial on noise does not show: values that a half-precision network can't hold."""
    swapper = make(graph(gain=(60000, 60000, 60000), half="float32"))
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    engine._held = [engine._session.holding({"source": np.full((1, 512), np.inf, np.float32)})]
    with pytest.raises(ModelError, match="values that are no numbers; try --precision fp32"):
        swapped(swapper, hopper, face_at(250, 300, 120, source=0))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="inswapper_128 is missing"):
        Swapper([replace(INSWAPPER, model=spec_of(b"x"))]).setup(
            context_of(SwapperOptions(engine="inswapper_128"), models=tmp_path)
        )


# --- what is declared


def test_what_the_step_declares() -> None:
    (spec,) = roop_processors()
    ours, mesh = spec.choices[:2]
    assert (ours.value, ours.models, ours.needs) == ("inswapper_128", (INSWAPPER_128,), {f"embedding:{ARCFACE}"})
    assert (mesh.value, mesh.models, mesh.needs) == ("mesh", (), {"mesh_468"})
    assert (ours.source_type or spec.source_type) == "compositeWithTrainedAlgorithmicMedia"
    assert mesh.source_type == "compositeSynthetic"
    engines = [choice for choice in spec.choices if choice.option == "engine"]
    assert [choice.by_name for choice in engines] == [False, False] + [True] * (len(NETWORKS) - 1)
    half = INSWAPPER_128.half
    assert half is not None
    assert not INSWAPPER_128.commercial
    assert not half.commercial
    assert (half.file, half.size) == ("inswapper_128_fp16.onnx", 277_680_638)


def test_left_open_it_is_the_engine_without_a_download() -> None:
    from roop_swapper.mesh_engine import MeshEngine

    swapper = Swapper()
    swapper.setup(context_of(SwapperOptions()))
    assert isinstance(swapper._engine, MeshEngine)


class _FallenBack:
    """Sessions that try the half file first, on which nothing runs: what is read is that file until the full one runs."""

    def __init__(self, half: bytes, full: bytes, session: Session) -> None:
        self._data, self._full, self._session = half, full, session

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Session:
        self._data = self._full
        return self._session

    def read(self, model: ModelSpec) -> bytes:
        return self._data


def test_the_map_is_that_of_the_file_that_runs(tmp_path: Path) -> None:
    full, half = graph(), graph(half="float32")
    model = stored(full, tmp_path)
    sessions = _FallenBack(half, full, context_of(models=tmp_path).sessions.open(model))
    use = Use(model=model, pixels=INSWAPPER.size)
    engine = NeuralEngine(replace(context_of(), sessions=sessions), INSWAPPER, use, SwapperOptions())
    identity = engine._identity
    source = embedded(1, np.zeros((9, 9, 3), np.uint8))
    full_one, half_one = (
        identity_of(context_of(models=tmp_path), INSWAPPER, stored(d, tmp_path), None) for d in (full, half)
    )
    assert np.array_equal(identity.of_source(source), full_one.of_source(source))
    assert not np.array_equal(identity.of_source(source), half_one.of_source(source))
