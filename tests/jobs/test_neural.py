"""The neural way through a whole job, with small graphs in the place of InsightFace's: found, embedded, redrawn, pasted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import insight_graphs as graphs
import numpy as np
import onnx
import pytest
from kit import FAST, left
from onnx import TensorProto, helper, numpy_helper

import roop_nsfw.plugin
import roop_swapper.plugin
import roop_vision.plugin
from roop_host import AnalyserSpec, Choice, Control, Host, Job, ModelSpec, ProcessorSpec, Report, Step, hookimpl
from roop_host.errors import Interrupted
from roop_host.host import Progress
from roop_host.models.store import Store
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of
from roop_swapper.models import INSWAPPER_128
from roop_swapper.networks import NETWORKS
from roop_swapper.processor import Swapper
from roop_vision.faces import FaceAnalyser
from roop_vision.models import DET_10G, W600K_R50, InsightModels

MEDIA = Path(__file__).parents[2] / "examples" / "media"
#: Of collins.jpg: the face as SCRFD would box it, and its five points.
FACE_BOX = (177, 68, 271, 172)
FACE_POINTS = ((206, 106), (244, 105), (226, 128), (210, 148), (242, 147))


def in_store(spec: ModelSpec, graph: bytes, root: Path) -> ModelSpec:
    """``spec``, whose file is this graph, which lies in the store."""
    path = Store(root).path(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph)
    return replace(spec, sha256=hashlib.sha256(graph).hexdigest(), size=len(graph), half=None)


def reddener() -> bytes:
    """A swap network by its contract that makes what it is given redder, by how much the source's vector says."""
    pick = np.zeros((512, 3), np.float32)
    pick[:, 0] = 0.01
    constants = {
        "pick": pick,
        "gain": np.array([0.6, 0.5, 0.5], np.float32).reshape(1, 3, 1, 1),
        "red": np.array([0.3, 0, 0], np.float32).reshape(1, 3, 1, 1),
        "shape": np.array([1, 3, 1, 1], np.int64),
        "emap": np.eye(512, dtype=np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["source", "pick"], ["style"]),
        helper.make_node("Reshape", ["style", "shape"], ["style4"]),
        helper.make_node("Mul", ["target", "gain"], ["dark"]),
        helper.make_node("Add", ["dark", "red"], ["redder"]),
        helper.make_node("Add", ["redder", "style4"], ["output"]),
    ]
    info = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    graph = helper.make_graph(
        nodes,
        "swap",
        [info("target", shape=[1, 3, 128, 128]), info("source", shape=[1, 512])],
        [info("output", shape=[1, 3, 128, 128])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def found(store: Path) -> Plugins:
    """The plugins of this repository, with other files behind the same names."""
    collins = np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)
    detector = in_store(DET_10G, graphs.scrfd_of(collins, FACE_BOX, np.array(FACE_POINTS)), store)
    recogniser = in_store(W600K_R50, graphs.arcface(), store)
    insight = InsightModels(detector=detector, recogniser=recogniser)
    swap = in_store(INSWAPPER_128, reddener(), store)
    others = {DET_10G: detector, W600K_R50: recogniser, INSWAPPER_128: swap}

    def replaced(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
        return tuple(replace(c, models=tuple(others.get(model, model) for model in c.models)) for c in choices)

    class Vision:
        ROOP_API, ROOP_OPTIONS = 1, roop_vision.plugin.ROOP_OPTIONS

        @staticmethod
        @hookimpl
        def roop_analysers() -> Iterable[AnalyserSpec]:
            for spec in roop_vision.plugin.roop_analysers():
                yield replace(spec, choices=replaced(spec.choices), load=lambda: partial(FaceAnalyser, insight))

    class Swaps:
        ROOP_API, ROOP_OPTIONS = 1, roop_swapper.plugin.ROOP_OPTIONS

        @staticmethod
        @hookimpl
        def roop_processors() -> Iterable[ProcessorSpec]:
            for spec in roop_swapper.plugin.roop_processors():
                yield replace(
                    spec, choices=replaced(spec.choices), load=lambda: partial(Swapper, [replace(NETWORKS[0], model=swap)])
                )

    modules = {"vision": Vision, "swapper": Swaps, "nsfw": roop_nsfw.plugin}
    return plugins_of({name: _namespace(module) for name, module in modules.items()})


def _namespace(module: object) -> SimpleNamespace:
    return SimpleNamespace(**{name: getattr(module, name) for name in dir(module) if name.lower().startswith("roop_")})


def job(target: Path, output: Path, **more: object) -> Job:
    source = str(MEDIA / "collins.jpg")
    return Job((source,), str(target), str(output), (Step("swapper"),), media=FAST, **more)  # type: ignore[arg-type]


def run(found: Plugins, store: Path, what: Job) -> Report:
    with Host(found, models=store) as host:
        return host.run(what)


def test_a_picture(found: Plugins, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    report = run(found, store, job(MEDIA / "collins.jpg", out))
    assert report.job["steps"][0]["options"]["engine"] == "inswapper_128"
    assert report.job["plugin_options"]["vision"]["backend"] == "insightface"
    told = {model["name"]: (model["provider"], model["precision"]) for model in report.models}
    assert {"det_10g", "w600k_r50", "inswapper_128", "facemesh", "open-nsfw"} <= set(told)
    assert set(told.values()) == {("CPUExecutionProvider", "fp32")}
    assert report.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert report.faces_changed == 1
    before, after = (np.asarray(cv2.imread(str(path))).astype(int) for path in (MEDIA / "collins.jpg", out))
    changed = (np.abs(after - before) > 3).any(2)
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    assert 50 < rows[0] < rows[-1] < 190
    assert 160 < columns[0] < columns[-1] < 290
    inner = np.s_[100:150, 205:245]
    assert changed[inner].mean() > 0.95  # the middle of the face is the network's, and redder
    assert (after - before)[inner][..., 2].mean() > (after - before)[inner][..., 0].mean() + 20


def test_a_network_of_ones_own(found: Plugins, store: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.onnx"
    own.write_bytes(reddener())
    steps = (Step("swapper", {"engine": "inswapper_128", "engine_file": str(own), "pixel_boost": 256, "weight": 0.5}),)
    report = run(found, store, replace(job(MEDIA / "collins.jpg", tmp_path / "o.png"), steps=steps))
    assert report.faces_changed == 1
    digests = {model["name"]: model["sha256"] for model in report.models}
    assert digests["mine"] == hashlib.sha256(own.read_bytes()).hexdigest()
    assert "inswapper_128" not in digests


def test_the_mesh_engine_is_marked_as_what_it_is(found: Plugins, store: Path, tmp_path: Path) -> None:
    what = replace(job(MEDIA / "hopper.jpg", tmp_path / "o.png"), steps=(Step("swapper", {"engine": "mesh"}),))
    report = run(found, store, what)
    assert report.source_type == "compositeSynthetic"
    assert "inswapper_128" not in {model["name"] for model in report.models}
    assert report.job["plugin_options"]["vision"]["backend"] == "embedded"


def test_one_host_tells_each_job_its_own_networks(found: Plugins, store: Path, tmp_path: Path) -> None:
    mesh = (Step("swapper", {"engine": "mesh"}),)
    told = []
    with Host(found, models=store) as host:
        for number, steps in enumerate((None, mesh, None)):
            what = job(MEDIA / "collins.jpg", tmp_path / f"{number}.png")
            report = host.run(what if steps is None else replace(what, steps=steps))
            told.append([model["name"] for model in report.models])
    assert told[0] == told[2] == ["det_10g", "facemesh", "inswapper_128", "open-nsfw", "w600k_r50"]
    assert told[1] == ["blazeface_full", "blazeface_short", "facemesh", "open-nsfw"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collins, who moves through the picture and turns a little."""
    import av

    path = tmp_path_factory.mktemp("clip") / "collins.mp4"
    picture = np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for number in range(20):
            matrix = cv2.getRotationMatrix2D((224, 120), number * 0.4, 1.0)
            matrix[:, 2] += (-40 + 2.5 * number, 20 + number)
            frame = cv2.warpAffine(picture, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_a_clip_and_the_same_bytes_when_it_is_continued(found: Plugins, store: Path, clip: Path, tmp_path: Path) -> None:
    from roop_host import ExecutionOptions

    resumable = ExecutionOptions(resumable=True)
    whole, torn = tmp_path / "whole" / "out.mp4", tmp_path / "torn" / "out.mp4"
    whole.parent.mkdir()
    torn.parent.mkdir()
    report = run(found, store, job(clip, whole, execution=resumable))
    assert (report.frames, report.faces_changed) == (20, 20)
    control = Control()

    def stop(progress: Progress) -> None:
        if progress.phase == "frames" and progress.done >= 10:
            control.cancel()

    with Host(found, models=store) as host, pytest.raises(Interrupted):
        host.run(job(clip, torn, execution=resumable), control=control, on_progress=stop)
    again = run(found, store, job(clip, torn, execution=resumable))
    assert again.resumed_frames >= 8
    assert torn.read_bytes() == whole.read_bytes()
    assert left(torn.parent) == ["out.mp4"]
