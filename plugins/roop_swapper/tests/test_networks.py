"""Every engine of the table by its spec alone, on small graphs: what it is given, what is made of its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import swap_graphs as graphs
from insightface.utils.face_align import norm_crop2
from numpy.typing import NDArray
from swap_graphs import Graph

from roop_host import (
    Face,
    InputError,
    Job,
    JobContext,
    ModelError,
    NoFaceError,
    Segment,
    Session,
    SourceFace,
    Step,
    Window,
)
from roop_host.testing import context_of, frame_of
from roop_swapper import neural
from roop_swapper.networks import NETWORKS, CropSource, EmbeddingSource, NetworkSpec
from roop_swapper.neural import NeuralEngine
from roop_swapper.options import Engine, SwapperOptions
from roop_swapper.processor import Swapper
from roop_vision.align import Template, template_points
from roop_vision.models import ARCFACE

Picture = NDArray[np.uint8]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
JOB = Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),))
BY_VECTOR = [spec for spec in NETWORKS if isinstance(spec.source, EmbeddingSource)]
BY_CROP = [spec for spec in NETWORKS if isinstance(spec.source, CropSource)]

each = pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)
each_by_vector = pytest.mark.parametrize("spec", BY_VECTOR, ids=lambda spec: spec.name)


@pytest.fixture(scope="module")
def hopper() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


@pytest.fixture(scope="module")
def collins() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)


def five_at(template: Template, x: float, y: float, side: float, degrees: float = 0) -> NDArray[np.float32]:
    """Points of a face whose crop has its middle at ``(x, y)`` and is ``side`` pixels of the picture wide."""
    turn = np.radians(degrees)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * side
    return ((template_points(template) - 0.5) @ axes.T + (x, y)).astype(np.float32)


def face_at(
    spec: NetworkSpec, x: float, y: float, side: float, degrees: float = 0, *, number: int = 1, source: int | None = 0
) -> Face:
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(number, box, 0.9, five_at(spec.template, x, y, side, degrees), source=source)


def vector(seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(512) * 20).astype(np.float32)


def person(bgr: Picture, seed: int = 1) -> SourceFace:
    five = five_at("arcface_112_v2", 230, 120, 170, 9)
    face = Face(1, (150, 40, 310, 200), 0.9, five, embedding=vector(seed), recogniser=ARCFACE)
    return SourceFace(f"s{seed}.jpg", bgr, face)


class Scene:
    """A swapper with one small network; what goes to the mask is noted: matrix, crop and what was made of it."""

    def __init__(self, folder: Path, seen: list[tuple[Any, Picture, NDArray[Any]]], collins: Picture) -> None:
        self.folder, self.seen, self.collins = folder, seen, collins

    def made(self, spec: NetworkSpec, graph: Graph, *sources: SourceFace, **options: Any) -> Swapper:
        network = graphs.stored(spec, graphs.swap(spec, graph), self.folder)
        named = {"engine_file": None, "converter_file": None}
        if spec.model is None:  # its file is a person's own
            named = {"engine_file": _path(network.model), "converter_file": _path(network.converter)}
        swapper = Swapper([network])
        swapper.setup(context_of(SwapperOptions(engine=_engine(spec), **named, **options), models=self.folder))
        swapper.begin(JobContext(JOB, sources or (person(self.collins),), 512, 600))
        swapper.start(Segment(0, 0, 250))
        return swapper

    def swapped(self, spec: NetworkSpec, graph: Graph, bgr: Picture, *faces: Face, **options: Any) -> Picture:
        frame = frame_of(bgr, faces=faces)
        self.made(spec, graph, **options).process(Window((), (frame,), ()))
        return np.array(frame.bgr())


def named(name: str) -> NetworkSpec:
    return next(spec for spec in NETWORKS if spec.name == name)


def _path(model: Any) -> Path | None:
    return None if model is None else model.path()


def _engine(spec: NetworkSpec) -> Engine:
    return spec.name  # type: ignore[return-value]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collins: Picture) -> Scene:
    seen: list[tuple[Any, Picture, NDArray[Any]]] = []
    real: Callable[..., NDArray[Any]] = neural.matched
    place: Callable[..., None] = neural.paste_crop
    crops: list[Picture] = []

    def noted(made: NDArray[Any], crop: Picture, alpha: NDArray[np.float32], kind: Any) -> NDArray[Any]:
        crops.append(crop)
        return real(made, crop, alpha, kind)

    def placed(frame: Any, made: NDArray[Any], matrix: Any, alpha: NDArray[np.float32], *, face_id: int) -> None:
        seen.append((matrix, crops.pop(0), made))
        place(frame, made, matrix, alpha, face_id=face_id)

    monkeypatch.setattr(neural, "matched", noted)
    monkeypatch.setattr(neural, "paste_crop", placed)
    return Scene(tmp_path, seen, collins)


# --- through align, model and paste


@each
def test_an_identity_gives_the_picture_back(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    large = cv2.resize(hopper, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    face = face_at(spec, 500, 600, spec.size)
    after = scene.swapped(spec, graphs.identity(spec), np.asarray(large, np.uint8), face)
    assert np.abs(after.astype(int) - large).max() <= 1
    (_, crop, made), *_ = scene.seen
    assert crop.shape == made.shape == (spec.size, spec.size, 3)
    assert crop.std() > 10


@each
@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
def test_channels_and_numbers_in_and_out(spec: NetworkSpec, half: bool, scene: Scene, hopper: Picture) -> None:
    """The graph moves each channel otherwise, in the network's own units: the answer is what the spec says it means."""
    low, gain = (0.30, 0.42, 0.36), (0.20, 0.30, 0.10)
    if spec.denormalised:  # -1..1, or what the spec says
        offset = [(a - m + g * m) / s for a, g, m, s in zip(low, gain, spec.mean, spec.std, strict=True)]
        graph = Graph(gain=gain, offset=offset, half=half)
    else:
        scaled = [g * s for g, s in zip(gain, spec.std, strict=True)]
        offset = [a + g * m for a, g, m in zip(low, gain, spec.mean, strict=True)]
        graph = Graph(gain=scaled, offset=offset, half=half)
    scene.swapped(spec, graph, hopper, face_at(spec, 250, 300, 230, 12))
    (_, crop, made), *_ = scene.seen
    expected = crop.astype(np.float64) * gain[::-1] + np.array(low[::-1]) * 255
    assert np.abs(made - expected).max() <= (1.2 if half else 0.6)


@each
def test_red_is_red_and_lies_on_the_face(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    red = (
        [(c - m) / s for c, m, s in zip((0.9, 0.1, 0.1), spec.mean, spec.std, strict=True)]
        if spec.denormalised
        else (0.9, 0.1, 0.1)
    )
    after = scene.swapped(spec, Graph(gain=(0, 0, 0), offset=red), hopper, face_at(spec, 250, 300, 160))
    assert np.abs(after[290:330, 230:270].astype(int) - (26, 26, 230)).max() <= 2
    off = np.abs(after.astype(int) - hopper).max(2) > 2
    ys, xs = np.nonzero(off)
    assert abs((xs.min() + xs.max()) / 2 - 250) < 5
    assert ys.max() < 300 + 80
    assert ys.min() > 300 - 80


#: Left eye, right eye, nose, left and right mouth corner, in shares of the crop (FaceFusion 3.8).
TABLE: dict[str, Sequence[Sequence[float]]] = {
    "arcface_112_v1": (
        (0.35473214, 0.45658929),
        (0.64526786, 0.45658929),
        (0.5, 0.61154464),
        (0.37913393, 0.776875),
        (0.62086607, 0.776875),
    ),
    "arcface_112_v2": (
        (0.34191607, 0.46157411),
        (0.65653393, 0.45983393),
        (0.500225, 0.64050536),
        (0.37097589, 0.82469196),
        (0.63151696, 0.82325089),
    ),
    "arcface_128": (
        (0.36167656, 0.40387734),
        (0.63696719, 0.40235469),
        (0.50019687, 0.56044219),
        (0.38710391, 0.72160547),
        (0.61507734, 0.72034453),
    ),
    "ffhq_512": (
        (0.37691676, 0.46864664),
        (0.62285697, 0.46912813),
        (0.50123859, 0.61331904),
        (0.39308822, 0.725411),
        (0.61150205, 0.72490465),
    ),
    "mtcnn_512": (
        (0.36562865, 0.46733799),
        (0.63305391, 0.46585885),
        (0.50019127, 0.61942959),
        (0.39032951, 0.77598822),
        (0.61178945, 0.77476328),
    ),
}


@each
def test_the_five_points_land_where_the_table_says(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    face = face_at(spec, 250, 300, 210, 17)
    scene.swapped(spec, graphs.identity(spec), hopper, face)
    (matrix, _, _), *_ = scene.seen
    landed = face.landmarks_5 @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(landed / spec.size - np.array(TABLE[spec.template])).max() < 2e-6


@pytest.mark.parametrize("spec", [spec for spec in NETWORKS if spec.template == "arcface_128"], ids=lambda spec: spec.name)
def test_arcfaces_crop_is_insightfaces(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    face = face_at(spec, 250, 300, 190, 11)
    scene.swapped(spec, graphs.identity(spec), hopper, face)
    (_, crop, _), *_ = scene.seen
    assert np.abs(crop.astype(int) - norm_crop2(hopper, face.landmarks_5, spec.size)[0]).max() <= 1


# --- who it is


def unit(value: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(value / np.linalg.norm(value))


def expected_vector(spec: NetworkSpec, embedding: NDArray[np.float32]) -> NDArray[Any]:
    """What each family is told, written out: of the table of FaceFusion 3.8, and of insightface's INSwapper."""
    family = spec.name.split("_")[0]
    if family == "inswapper":
        return unit(unit(embedding) @ graphs.emap())
    if family == "hyperswap":
        return unit(embedding)
    if family == "ghost":
        return graphs.converted(embedding)
    assert family in {"simswap", "hififace"}
    return unit(graphs.converted(embedding))


def telling(spec: NetworkSpec, length: float) -> tuple[Graph, NDArray[Any]]:
    """A graph that paints a colour of the vector it is told, and the weights of that; ``length`` is the vector's."""
    weights = np.random.default_rng(3).standard_normal((512, 3)) * 0.12 / length
    middle = [(0.5 - m) / s for m, s in zip(spec.mean, spec.std, strict=True)] if spec.denormalised else [0.5] * 3
    return Graph(gain=(1e-3,) * 3, offset=middle, by_source=1, weights=weights), weights


def painted(spec: NetworkSpec, weights: NDArray[Any], told: NDArray[Any]) -> NDArray[Any]:
    """B, G, R in 0..255 of that."""
    colour = told @ weights
    return (0.5 + (colour * spec.std if spec.denormalised else colour))[::-1] * 255


@each_by_vector
def test_the_vector_is_of_the_networks_kind(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    told = expected_vector(spec, vector(1))
    graph, weights = telling(spec, float(np.linalg.norm(told)))
    scene.swapped(spec, graph, hopper, face_at(spec, 250, 300, 160))
    (_, _, made), *_ = scene.seen
    colour = painted(spec, weights, told)
    assert np.abs(made[64, 64] - colour).max() <= 1.5
    assert np.abs(colour - 127.5).max() > 8  # it is no grey that anything would give


@each_by_vector
@pytest.mark.parametrize("batch", [1, "n"])
def test_the_weight_leads_from_the_targets_own_to_the_source(
    spec: NetworkSpec, batch: int | str, scene: Scene, hopper: Picture
) -> None:
    own = expected_vector(spec, vector(5))
    source = expected_vector(spec, vector(1))
    graph, weights = telling(spec, float(np.linalg.norm(source)))
    face = replace(face_at(spec, 250, 300, 160), embedding=vector(5), recogniser=ARCFACE)
    for weight in (0.0, 0.3, 1.0):
        mixed = weight * source + (1 - weight) * own
        told = mixed if spec.name.startswith("ghost") else unit(mixed)
        scene.seen.clear()
        scene.swapped(spec, replace(graph, batch=batch), hopper, face, weight=weight)
        (_, _, made), *_ = scene.seen
        assert np.abs(made[64, 64] - painted(spec, weights, told)).max() <= 1.5


def test_a_target_of_another_recogniser_is_never_mixed_in(scene: Scene, hopper: Picture) -> None:
    spec = BY_VECTOR[1]
    graph, weights = telling(spec, 1)
    for own, recogniser in ((vector(5), "other"), (None, None)):
        face = replace(face_at(spec, 250, 300, 160), embedding=own, recogniser=recogniser)
        scene.seen.clear()
        scene.swapped(spec, graph, hopper, face, weight=0.3)
        (_, _, made), *_ = scene.seen
        assert np.abs(made[64, 64] - painted(spec, weights, expected_vector(spec, vector(1)))).max() <= 1.5


@pytest.mark.parametrize("spec", BY_CROP, ids=lambda spec: spec.name)
def test_the_picture_is_the_crop_that_the_network_takes(
    spec: NetworkSpec, scene: Scene, hopper: Picture, collins: Picture
) -> None:
    assert isinstance(spec.source, CropSource)
    half = [0.25 / s for s in spec.std] if spec.denormalised else [0.25] * 3
    middle = [(0.25 - m) / s for m, s in zip(spec.mean, spec.std, strict=True)] if spec.denormalised else [0.25] * 3
    graph = Graph(gain=(1e-3,) * 3, offset=middle, by_source=half[0])
    scene.swapped(spec, graph, hopper, face_at(spec, 250, 300, 160))
    (_, _, made), *_ = scene.seen
    five = np.array(TABLE[spec.source.template]) * spec.source.size
    matrix, _ = cv2.estimateAffinePartial2D(person(collins).face.landmarks_5, five.astype(np.float32), method=cv2.LMEDS)
    crop = cv2.warpAffine(collins, matrix, (spec.source.size,) * 2, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(made[64, 64] - (0.25 * 255 + 0.25 * crop.mean((0, 1)))).max() <= 2
    assert np.ptp(crop.mean((0, 1))) > 20


@pytest.mark.parametrize("spec", BY_CROP, ids=lambda spec: spec.name)
def test_of_several_pictures_the_best_is_shown(spec: NetworkSpec, scene: Scene, hopper: Picture, collins: Picture) -> None:
    best = person(collins)
    graph = Graph(gain=(1e-3,) * 3, offset=(0.2, 0.2, 0.2), by_source=0.5)
    results = []
    for source in (best, replace(best, others=(person(hopper, 2),)), person(hopper, 2)):
        frame = frame_of(hopper, faces=(face_at(spec, 250, 300, 160),))
        scene.made(spec, graph, source).process(Window((), (frame,), ()))
        results.append(np.array(frame.bgr()))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize("spec", BY_CROP, ids=lambda spec: spec.name)
def test_a_source_whose_points_say_nothing(spec: NetworkSpec, scene: Scene, collins: Picture) -> None:
    source = person(collins)
    line = np.stack([np.arange(5) * 9.0 + 200] * 2, 1).astype(np.float32)
    with pytest.raises(NoFaceError, match=r"s1\.jpg: eyes, nose and mouth .* use another picture"):
        scene.made(spec, graphs.identity(spec), replace(source, face=replace(source.face, landmarks_5=line)))


@each_by_vector
@pytest.mark.parametrize("recogniser", ["facenet", None])
def test_a_vector_of_another_recogniser_is_no_source(
    spec: NetworkSpec, recogniser: str | None, scene: Scene, collins: Picture
) -> None:
    source = person(collins)
    source = replace(source, face=replace(source.face, recogniser=recogniser))
    with pytest.raises(NoFaceError, match=rf"s1\.jpg: .* by (facenet|an unnamed).*{spec.name}.*{ARCFACE}"):
        scene.made(spec, graphs.identity(spec), source)


# --- several at once


@each
def test_faces_together_are_faces_apart(spec: NetworkSpec, scene: Scene, hopper: Picture, collins: Picture) -> None:
    sources = person(collins, 1), person(collins, 2)
    faces = [face_at(spec, 110 + 130 * k, 220 + 50 * k, 100 + 15 * k, 8 * k, number=k, source=k % 2) for k in range(3)]
    length = 450 if spec.name.startswith("ghost") else 1
    results, runs = [], []
    for batch in (1, "n"):
        graph, _ = telling(spec, length)
        swapper = scene.made(spec, replace(graph, gain=graphs.identity(spec).gain, batch=batch, by_source=0.5), *sources)
        count = counted(swapper)
        frames = [frame_of(hopper, k, faces=faces[k:]) for k in range(2)]
        swapper.process(Window((), tuple(frames), ()))
        results.append([np.array(frame.bgr()) for frame in frames])
        runs.append(count[0])
    assert runs == [5, 1]
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(*results, strict=True))


def counted(swapper: Swapper) -> list[int]:
    """How often the network ran from now on."""
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    count = [0]

    class Counting:
        def __init__(self, session: Session) -> None:
            self._session = session

        def run(self, inputs: Any) -> Any:
            count[0] += 1
            return self._session.run(inputs)

    engine._session = Counting(engine._session)  # type: ignore[assignment]
    engine._held = [Counting(session) for session in engine._held]  # type: ignore[misc]
    return count


# --- which graphs it takes


@each
@pytest.mark.parametrize(
    "more",
    [{"names": ("face", "person")}, {"sides": "side"}, {"extra": True}, {"batch": "n", "sides": "side", "extra": True}],
    ids=["by position", "free sides", "a mask too", "all"],
)
def test_names_free_sides_and_more_outputs(more: dict[str, Any], spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    face = face_at(spec, 250, 300, spec.size)
    smooth = np.asarray(cv2.GaussianBlur(hopper, (0, 0), 2), np.uint8)
    after = scene.swapped(spec, graphs.identity(spec, **more), smooth, face)
    assert len(scene.seen) == 1
    assert np.abs(after.astype(int) - smooth).max() <= 1


def test_inputs_in_the_other_order_go_by_their_names(scene: Scene, hopper: Picture) -> None:
    """Where both are pictures of one size, nothing but the name tells them apart."""
    spec = named("uniface_256")
    model = onnx.load_from_string(graphs.swap(spec, graphs.identity(spec)))
    first, second = list(model.graph.input)
    del model.graph.input[:]
    model.graph.input.extend([second, first])
    network = graphs.stored(spec, bytes(model.SerializeToString()), scene.folder)
    swapper = Swapper([network])
    swapper.setup(context_of(SwapperOptions(engine="uniface_256"), models=scene.folder))
    swapper.begin(JobContext(JOB, (person(scene.collins),), 512, 600))
    process(swapper, spec, hopper)
    (_, crop, made), *_ = scene.seen
    assert np.abs(crop.astype(int) - made).max() <= 1


WRONG: Sequence[tuple[dict[str, Any], str]] = [
    ({"sides": 96}, r"its input target is float32 of \(1, 3, 96, 96\) and not floats of \(1, 3, {size}, {size}\)"),
    ({"batch": 3}, r"its input target is float32 of \(3, 3, {size}, {size}\)"),
]


@each
@pytest.mark.parametrize(("more", "said"), WRONG, ids=["sides", "batch"])
def test_a_network_of_another_contract(more: dict[str, Any], said: str, spec: NetworkSpec, scene: Scene) -> None:
    wrong = rf"{spec.name} is no network for the engine '{spec.name}': " + said.format(size=spec.size)
    with pytest.raises(ModelError, match=wrong):
        scene.made(spec, graphs.identity(spec, **more))


def test_a_network_of_another_family(scene: Scene) -> None:
    """A vector where a picture belongs, and a converter in the place of a network."""
    uniface, hyperswap = (
        next(spec for spec in NETWORKS if spec.name == name) for name in ("uniface_256", "hyperswap_1a_256")
    )
    network = graphs.stored(hyperswap, graphs.swap(hyperswap, Graph()), scene.folder)
    swapper = Swapper([replace(uniface, model=network.model)])
    with pytest.raises(ModelError, match=r"its input source is float32 of \(1, 512\) and not floats of \(1, 3, 256, 256\)"):
        swapper.setup(context_of(SwapperOptions(engine="uniface_256"), models=scene.folder))
    swapper = Swapper([replace(hyperswap, model=graphs.stored(hyperswap, graphs.converter(), scene.folder).model)])
    with pytest.raises(ModelError, match="it has 1 inputs and 1 outputs and not 2 and 1"):
        swapper.setup(context_of(SwapperOptions(engine="hyperswap_1a_256"), models=scene.folder))


def test_a_converter_that_is_none(scene: Scene) -> None:
    spec = named("hififace_unofficial_256")
    network = graphs.stored(spec, graphs.swap(spec, graphs.identity(spec)), scene.folder)
    swapper = Swapper([replace(network, converter=network.model)])
    with pytest.raises(
        ModelError, match=r"is no converter for the engine 'hififace_unofficial_256': it has 2 inputs and 1 outputs"
    ):
        swapper.setup(context_of(SwapperOptions(engine="hififace_unofficial_256"), models=scene.folder))


# --- answers that are none


@each
def test_no_numbers(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    """Of the half-precision kind: a trial on noise goes well, a bright face does not."""
    swapper = scene.made(spec, graphs.identity(spec))
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    engine._held = [_Answering(lambda made: made + np.inf)]  # type: ignore[list-item]
    to_do = "take another file" if spec.model is None else "try --precision fp32"
    with pytest.raises(ModelError, match=f"{spec.name} made values that are no numbers; {to_do}"):
        process(swapper, spec, hopper)


@each
def test_one_flat_colour(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    swapper = scene.made(spec, graphs.identity(spec))
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    engine._held = [_Answering(np.zeros_like)]  # type: ignore[list-item]
    with pytest.raises(ModelError, match=f"{spec.name} made one flat colour of a face"):
        process(swapper, replace(spec, mean=(0.5,) * 3), hopper)


@each
def test_another_size(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    swapper = scene.made(spec, graphs.identity(spec))
    engine = swapper._engine
    assert isinstance(engine, NeuralEngine)
    engine._held = [_Answering(lambda made: made[:, :, ::2, ::2])]  # type: ignore[list-item]
    with pytest.raises(ModelError, match=rf"{spec.name} made \(1, 3, {spec.size // 2}, {spec.size // 2}\) from"):
        process(swapper, spec, hopper)


class _Answering:
    """A session that answers with something made of the crop."""

    def __init__(self, answer: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._answer = answer

    def run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return [self._answer(next(iter(inputs.values())))]


def process(swapper: Swapper, spec: NetworkSpec, bgr: Picture) -> None:
    swapper.process(Window((), (frame_of(bgr, faces=(face_at(spec, 250, 300, 160),)),), ()))


@each
def test_a_network_that_answers_the_same_to_everything_is_not_taken(spec: NetworkSpec, scene: Scene) -> None:
    with pytest.raises(ModelError, match="computes nothing of use"):
        scene.made(spec, Graph(gain=(0, 0, 0), offset=(0.5, 0.5, 0.5), by_source=0))


# --- what goes wrong in a file, and what is remembered


@pytest.mark.parametrize("spec", [named("hyperswap_1a_256"), named("inswapper_128")], ids=lambda spec: spec.name)
def test_a_batch_that_is_free_in_name_only(spec: NetworkSpec, scene: Scene, hopper: Picture) -> None:
    """Inside, a shape is fixed to one crop: found out before the first frame, and the faces go one by one."""
    graph = graphs.identity(spec, batch="n")
    model = onnx.load_from_string(graphs.swap(spec, graph))
    (shape,) = (tensor for tensor in model.graph.initializer if tensor.name == "shape")
    shape.CopyFrom(onnx.numpy_helper.from_array(np.array([1, 3, 1, 1], np.int64), "shape"))
    swapper = Swapper([graphs.stored(spec, bytes(model.SerializeToString()), scene.folder)])
    swapper.setup(context_of(SwapperOptions(engine=_engine(spec)), models=scene.folder))
    swapper.begin(JobContext(JOB, (person(scene.collins),), 512, 600))
    count = counted(swapper)
    faces = [face_at(spec, 150 + 200 * k, 300, 120, number=k) for k in range(2)]
    frame = frame_of(hopper, faces=faces)
    swapper.process(Window((), (frame,), ()))
    assert frame.edited == {0, 1}
    assert count[0] == 2


def test_only_the_vectors_of_those_in_the_picture_are_remembered(scene: Scene, hopper: Picture) -> None:
    spec = named("hyperswap_1a_256")
    swapper = scene.made(spec, graphs.identity(spec), weight=0.5)
    assert isinstance(swapper._engine, NeuralEngine)
    for number in range(5):
        face = replace(face_at(spec, 250, 300, 160, number=number), embedding=vector(number), recogniser=ARCFACE)
        swapper.process(Window((), (frame_of(hopper, number, faces=(face,)),), ()))
        assert set(swapper._engine._targets) == {number}


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (
            Graph(gain=(300, 300, 300)),
            "far beyond 0..1, which are no picture; take another file, or say --swapper-engine mesh",
        ),
        (Graph(gain=(0, 0, 0), offset=(0.5,) * 3, by_source=0), "computes nothing of use on cpu; take another file$"),
    ],
    ids=["too large", "flat"],
)
def test_a_bad_file_of_ones_own(graph: Graph, said: str, scene: Scene, hopper: Picture) -> None:
    spec = named("uniface_256")
    own = scene.folder / "mine.onnx"
    own.write_bytes(graphs.swap(spec, graph))
    with pytest.raises(ModelError, match=said):
        swapped_by(own, spec, scene, hopper)


def swapped_by(own: Path, spec: NetworkSpec, scene: Scene, bgr: Picture) -> None:
    swapper = Swapper()
    swapper.setup(context_of(SwapperOptions(engine=_engine(spec), engine_file=own), models=scene.folder))
    swapper.begin(JobContext(JOB, (person(scene.collins),), 512, 600))
    process(swapper, spec, bgr)


def test_an_empty_file_of_ones_own(scene: Scene) -> None:
    own = scene.folder / "mine.onnx"
    own.touch()
    with pytest.raises(InputError, match=r"mine\.onnx is empty; get it again, or say another one"):
        Swapper().setup(context_of(SwapperOptions(engine="uniface_256", engine_file=own), models=scene.folder))
