"""What ``auto`` stands for, which models are pulled for it, and who is asked."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from clips import make_clip
from kit import FAST, OneFace, Quiet, Tint, analyser, processor, screener
from pulled import spec
from web import Web, serving, whole

from roop_host import Choice, Context, Control, ExecutionOptions, Host, Job, ModelSpec, Report, Step
from roop_host.errors import InputError, Interrupted, ModelError, UsageError
from roop_host.host import Question
from roop_host.models.devices import TINY_MODEL
from roop_host.models.providers import PROVIDERS
from roop_host.models.store import Store
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    engine: Literal["auto", "neural", "mesh", "special"] = "auto"
    engine_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class See:
    backend: Literal["auto", "small", "large"] = "auto"
    details: tuple[Literal["age"], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    backend: Literal["auto", "mesh", "vector"] = "auto"


class Shelf:
    """Models on a web server of this machine, and the paths that were asked for."""

    def __init__(self, web: Web) -> None:
        self.web, self.files = web, dict[str, bytes]()

    @property
    def asked(self) -> list[str]:
        return [path for path, _ in self.web.asked]

    def model(self, name: str) -> ModelSpec:
        # Each file is another one, as models are known by their hash: a field that nobody reads makes it so.
        data = self.files[name] = TINY_MODEL + b"\x12" + bytes([len(name)]) + name.encode()
        return spec(data, self.web.at(f"/{name}", whole(data)), name=name, licence="test")

    def put(self, root: Path, *models: ModelSpec) -> None:
        for model in models:
            path = Store(root).path(model)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.files[model.name])


@pytest.fixture
def server() -> Iterator[Shelf]:
    with serving() as web:
        yield Shelf(web)


@dataclass
class Scene:
    """A swapper with two engines and an analyser with two backends; what they were set up with is noted."""

    found: Plugins
    models: dict[str, ModelSpec]
    folder: Path
    clip: Path
    set_up: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    answer: bool = False
    may_fetch: Callable[[Sequence[ModelSpec]], None] = lambda models: None

    @property
    def root(self) -> Path:
        return self.folder / "store"

    def run(
        self,
        *,
        swap: Mapping[str, Any] = {},
        see: Mapping[str, Any] = {},
        control: Control | None = None,
        **execution: Any,
    ) -> Report:
        def ask(question: Question) -> bool:
            self.questions.append(question)
            return self.answer

        what = Job(
            sources=(),
            target=str(self.clip),
            output=str(self.folder / "out.mp4"),
            steps=(Step("swap", swap),),
            media=FAST,
            execution=ExecutionOptions(**execution),
            plugin_options={"see": see} if see else {},
        )
        with Host(self.found, models=self.root, ask=ask, may_fetch=self.may_fetch) as host:
            return host.run(what, control=control)


@pytest.fixture
def scene(server: Shelf, tmp_path: Path) -> Scene:
    models = {name: server.model(name) for name in ("net", "embed", "age")}
    noted: dict[str, Any] = {}

    class Swapper(Tint):
        def setup(self, ctx: Context) -> None:
            noted["swap"] = ctx.options
            if ctx.options.engine == "neural":
                own = ctx.options.engine_file
                ctx.sessions.open(models["net"] if own is None else ModelSpec.from_file(own))

    class Eyes(OneFace):
        def setup(self, ctx: Context) -> None:
            noted["see"] = ctx.options

    neural = Choice(
        option="engine",
        value="neural",
        models=(models["net"],),
        needs=frozenset({"embedding"}),
        own_files=("engine_file",),
    )
    mesh = Choice(option="engine", value="mesh", needs=frozenset({"mesh_468"}))
    special = Choice(option="engine", value="special", by_name=True)
    swap = processor(Swapper, "swap", needs_faces=True, choices=(neural, mesh, special))
    swap.ROOP_OPTIONS = Swap
    small = Choice(option="backend", value="small", gives=frozenset({"mesh_468"}))
    large = Choice(option="backend", value="large", models=(models["embed"],), gives=frozenset({"mesh_468", "embedding"}))
    age = Choice(option="details", value="age", models=(models["age"],), needs=frozenset({"embedding"}))
    see = analyser(Eyes, choices=(small, large, age))
    see.ROOP_OPTIONS = See
    found = plugins_of({"swap": swap, "see": see, "quiet": screener(Quiet, "quiet")})
    return Scene(found, models, tmp_path, make_clip(tmp_path / "in.mp4", frames=4), noted)


def decided(report: Report) -> tuple[Any, Any]:
    """The engine and the backend of the job as the report holds it."""
    return report.job["steps"][0]["options"].get("engine"), report.job["plugin_options"].get("see", {}).get("backend")


def test_auto_takes_what_is_here_and_says_what_else_could_be_had(scene: Scene, server: Shelf) -> None:
    report = scene.run()
    assert decided(report) == ("mesh", "small")
    assert scene.set_up["swap"].engine == "mesh"
    assert scene.set_up["see"].backend == "small"
    assert [notice for notice in report.notices if "roop models pull net embed" in notice and "mesh" in notice]
    assert server.asked == []


def test_auto_takes_the_better_one_when_its_models_are_here_and_the_analyser_follows(scene: Scene, server: Shelf) -> None:
    server.put(scene.root, scene.models["net"], scene.models["embed"])
    report = scene.run()
    assert decided(report) == ("neural", "large")
    assert scene.questions == []
    assert not report.notices
    assert {"name": "net"}.items() <= report.models[0].items()
    assert server.asked == []


def test_a_person_is_asked_once_for_all_that_is_missing_and_a_yes_pulls(scene: Scene, server: Shelf) -> None:
    server.put(scene.root, scene.models["net"])
    scene.answer = True
    assert decided(scene.run()) == ("neural", "large")
    (question,) = scene.questions
    assert (question.step, question.option, question.value) == ("swap", "engine", "neural")
    assert question.models == (scene.models["embed"],)
    assert question.size == scene.models["embed"].size
    assert server.asked == ["/embed"]
    assert Store(scene.root).present(scene.models["embed"])


def test_a_no_is_a_no(scene: Scene, server: Shelf) -> None:
    assert decided(scene.run()) == ("mesh", "small")
    assert len(scene.questions) == 1
    assert server.asked == []


def test_offline_nobody_is_asked_and_nothing_is_pulled(
    scene: Scene, server: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    scene.answer = True
    assert decided(scene.run(offline=True)) == ("mesh", "small")
    assert scene.questions == []
    (scene.folder / "out.mp4").unlink()
    with pytest.raises(ModelError, match="roop models import") as caught:
        scene.run(swap={"engine": "neural"}, offline=True)
    assert caught.value.exit_code == 6
    assert "fetching" not in caplog.text
    assert server.asked == []
    assert not (scene.folder / "out.mp4").exists()


def test_what_is_named_is_pulled_without_a_question_and_its_licence_is_told(
    scene: Scene, server: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    report = scene.run(swap={"engine": "neural"})
    assert decided(report) == ("neural", "large")
    assert scene.questions == []
    assert sorted(server.asked) == ["/embed", "/net"]
    assert "licence: test" in caplog.text


def test_what_does_not_go_together_is_refused(scene: Scene, server: Shelf) -> None:
    with pytest.raises(UsageError, match=r"needs faces with embedding, which --see-backend small does not give.*large"):
        scene.run(swap={"engine": "neural"}, see={"backend": "small"})
    assert server.asked == []


def test_auto_bows_to_a_named_backend(scene: Scene, server: Shelf) -> None:
    server.put(scene.root, *scene.models.values())
    assert decided(scene.run(see={"backend": "small"})) == ("mesh", "small")


def test_details_of_the_analyser_bring_their_models_and_their_backend(scene: Scene, server: Shelf) -> None:
    report = scene.run(swap={"engine": "mesh"}, see={"details": ("age",)})
    assert decided(report) == ("mesh", "large")
    assert sorted(server.asked) == ["/age", "/embed"]


def test_auto_never_stands_for_what_is_only_taken_by_its_name(scene: Scene) -> None:
    """It is the last choice and needs nothing; the one before it is what remains."""
    report = scene.run()
    assert decided(report)[0] == "mesh"
    assert any("engine mesh, as the models of neural are not here" in notice for notice in report.notices)
    (scene.folder / "out.mp4").unlink()
    assert decided(scene.run(swap={"engine": "special"}))[0] == "special"


def test_a_file_of_ones_own_is_used_in_the_place_of_a_pull_and_stands_in_the_report(scene: Scene, server: Shelf) -> None:
    server.put(scene.root, scene.models["embed"])
    own = scene.folder / "my net.onnx"
    own.write_bytes(TINY_MODEL)
    report = scene.run(swap={"engine": "neural", "engine_file": str(own)})
    assert server.asked == []
    (told,) = [model for model in report.models if model["name"] == "my_net"]
    assert told["sha256"] == hashlib.sha256(TINY_MODEL).hexdigest()


def test_a_file_of_ones_own_that_is_not_there_is_told_before_anything_is_pulled(scene: Scene, server: Shelf) -> None:
    for own, says in ((scene.folder / "gone.onnx", "not there"), (scene.folder, "no file")):
        with pytest.raises(InputError, match=rf"--swap-engine-file: {own} is {says}"):
            scene.run(swap={"engine": "neural", "engine_file": str(own)})
    assert (server.asked, scene.questions, scene.set_up) == ([], [], {})
    with pytest.raises(InputError, match="can't be read"):
        ModelSpec.from_file(scene.folder / "gone.onnx")


def test_bad_input_is_told_before_anything_is_pulled(scene: Scene, server: Shelf) -> None:
    scene.clip.write_bytes(b"no clip")
    with pytest.raises(InputError):
        scene.run(swap={"engine": "neural"})
    assert server.asked == []


def test_a_device_that_is_not_here_is_told_before_anybody_is_asked(scene: Scene, server: Shelf) -> None:
    import onnxruntime

    listed = onnxruntime.get_available_providers()
    device = next(name for name, provider in PROVIDERS.items() if provider not in listed)
    for swap in ({}, {"engine": "neural"}):
        with pytest.raises(UsageError, match=f"^--device {device} is not available here"):
            scene.run(swap=swap, device=device)
    assert (scene.questions, server.asked) == ([], [])


def test_without_a_runtime_nothing_is_pulled(scene: Scene, server: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="needs ONNX Runtime"):
        scene.run(swap={"engine": "neural"})
    assert server.asked == []


@pytest.mark.parametrize(("option", "value", "says"), [("engien", "mesh", "engien"), ("engine", "mehs", "mehs")])
def test_a_choice_that_nobody_can_make_makes_the_plugin_unusable(option: str, value: str, says: str) -> None:
    odd = processor(Tint, "odd", choices=(Choice(option=option, value=value),))
    odd.ROOP_OPTIONS = Swap
    (status,) = plugins_of({"odd": odd}).statuses
    assert status.state == "broken"
    assert says in status.reason


def test_who_prepares_a_job_may_refuse_what_nobody_was_asked_about(scene: Scene, server: Shelf) -> None:
    heard: list[str] = []

    def refuse(models: Sequence[ModelSpec]) -> None:
        heard.extend(model.name for model in models)
        raise ModelError("nothing is fetched here")

    scene.may_fetch = refuse
    with pytest.raises(ModelError, match="nothing is fetched here"):
        scene.run(swap={"engine": "neural"})
    assert (sorted(heard), server.asked) == (["embed", "net"], [])
    scene.answer = True  # what a person agrees to is another matter
    assert decided(scene.run()) == ("neural", "large")
    assert sorted(server.asked) == ["/embed", "/net"]


def test_two_steps_that_no_single_choice_serves_are_refused(scene: Scene, tmp_path: Path) -> None:
    steps = {name: processor(Tint, name, needs_faces=True, needs=frozenset({name})) for name in ("mesh_468", "embedding")}
    parts = {"mesh": frozenset({"mesh_468"}), "vector": frozenset({"embedding"})}
    see = analyser(OneFace, choices=tuple(Choice(option="backend", value=v, gives=g) for v, g in parts.items()))
    see.ROOP_OPTIONS = Halves
    found = plugins_of({**{f"p{n}": s for n, s in enumerate(steps.values())}, "see": see, "quiet": screener(Quiet, "quiet")})
    for names in (("mesh_468",), ("embedding",), ("mesh_468", "embedding")):
        output = tmp_path / f"{len(names)}{names[0]}.mp4"
        what = Job((), str(scene.clip), str(output), tuple(map(Step, names)), media=FAST)
        with Host(found, models=scene.root) as host:
            if len(names) == 1:
                assert host.run(what).status == "done"
                continue
            with pytest.raises(UsageError, match=r"the step embedding needs .* no single --see-backend gives"):
                host.run(what)


def test_nobody_is_asked_to_fetch_what_is_part_of_a_package(scene: Scene, server: Shelf, tmp_path: Path) -> None:
    """It is the package that is damaged, and whoever opens the network says so."""
    inside = ModelSpec(name="inside", sha256="a" * 64, size=1, licence="none", path=lambda: tmp_path / "lost.onnx")
    choices = (Choice(option="engine", value="neural", models=(inside,)), Choice(option="engine", value="mesh"))
    step = processor(Tint, "step", choices=choices)
    step.ROOP_OPTIONS = Swap
    found = plugins_of({"step": step, "quiet": screener(Quiet, "quiet")})
    what = Job((), str(scene.clip), str(tmp_path / "o.mp4"), (Step("step"),), media=FAST)
    with Host(found, models=scene.root, ask=lambda question: pytest.fail("it was asked")) as host:
        assert host.run(what).job["steps"][0]["options"] == {"engine": "neural"}


def test_what_no_single_choice_gives_is_refused(scene: Scene, server: Shelf, tmp_path: Path) -> None:
    both = processor(Tint, "both", needs_faces=True, needs=frozenset({"mesh_468", "embedding"}))
    parts = {"mesh": frozenset({"mesh_468"}), "vector": frozenset({"embedding"})}
    see = analyser(OneFace, choices=tuple(Choice(option="backend", value=v, gives=g) for v, g in parts.items()))
    see.ROOP_OPTIONS = Halves
    found = plugins_of({"both": both, "see": see, "quiet": screener(Quiet, "quiet")})
    what = Job((), str(scene.clip), str(tmp_path / "o.mp4"), (Step("both"),), media=FAST)
    with Host(found, models=scene.root) as host, pytest.raises(UsageError, match=r"no single --see-backend gives"):
        host.run(what)


def test_models_that_come_between_two_runs_make_another_job_of_auto(scene: Scene, server: Shelf) -> None:
    jobs = [scene.run().job]
    server.put(scene.root, *scene.models.values())
    (scene.folder / "out.mp4").unlink()
    jobs.append(scene.run().job)
    assert jobs[0] != jobs[1]
    assert Job.from_json(jobs[1]).steps == (Step("swap", {"engine": "neural"}),)


def test_a_job_that_is_cancelled_asks_nobody(scene: Scene) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Interrupted):
        scene.run(control=control)
    assert scene.questions == []
