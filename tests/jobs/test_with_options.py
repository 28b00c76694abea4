"""A choice that is one only with other options said: ``auto`` and the models that are needed go by that."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from clips import make_clip
from kit import FAST, Quiet, Tint, processor, run, screener

from roop_host import Choice, Host, Job, ModelSpec, Plugins, Report, Step
from roop_host.config.files import parse
from roop_host.config.layers import Layers
from roop_host.config.unasked import Unasked
from roop_host.errors import InputError, ModelError
from roop_host.host import Question
from roop_host.models.store import Store
from roop_host.plugins.loader import plugins_of
from roop_host.plugins.wanted import wanted_models


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    model: Literal["auto", "net", "other", "plain"] = "auto"
    backend: Literal["onnx", "torch"] = "onnx"
    model_file: Path | None = None
    look: Literal["auto", "sharp", "soft"] = "auto"
    fast: bool = False
    sure: bool = True
    size: int = 1
    parts: tuple[Literal["a", "b"], ...] = ()


def model_of(name: str) -> ModelSpec:
    data = name.encode()
    urls = ("https://models.invalid/" + name,)
    return ModelSpec(
        name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest(), licence="test", urls=urls, form="data"
    )


NET, WEIGHTS, OTHER = map(model_of, ("net_onnx", "net_torch", "other_onnx"))
ONNX, TORCH = (("backend", "onnx"),), (("backend", "torch"),)
CHOICES = (
    Choice(option="model", value="net", models=(NET,), with_options=ONNX, own_files=("model_file",)),
    Choice(option="model", value="net", models=(WEIGHTS,), with_options=TORCH, own_files=("model_file",)),
    Choice(option="model", value="other", models=(OTHER,), with_options=ONNX, by_name=True),
    Choice(option="model", value="plain", with_options=ONNX, source_type="algorithmicallyEnhanced"),
    # Goes by what was decided of the option before it.
    Choice(option="look", value="sharp", with_options=(("model", "plain"),)),
    Choice(option="look", value="soft"),
)


def found(*choices: Choice) -> Plugins:
    step = processor(Tint, "step", choices=choices or CHOICES)
    step.ROOP_OPTIONS = Options
    return plugins_of({"step": step, "quiet": screener(Quiet, "quiet")})


@dataclass
class Scene:
    folder: Path
    asked: list[Question] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)

    def put(self, *models: ModelSpec) -> None:
        for model in models:
            path = Store(self.folder / "store").path(model)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(model.name.encode())

    def run(self, **options: Any) -> Report:
        def ask(question: Question) -> bool:
            self.asked.append(question)
            return False

        def refuse(models: Sequence[ModelSpec]) -> None:
            self.needed = [model.name for model in models]
            raise ModelError("nothing is fetched here")

        clip = self.folder / "in.mp4"
        if not clip.exists():
            make_clip(clip, frames=2)
        output = self.folder / f"{len(list(self.folder.iterdir()))}.mp4"
        what = Job((), str(clip), str(output), (Step("step", options),), media=FAST)
        with Host(found(), models=self.folder / "store", ask=ask, may_fetch=refuse) as host:
            return host.run(what)

    def decided(self, **options: Any) -> tuple[str, str]:
        made = self.run(**options).job["steps"][0]["options"]
        return made["model"], made["look"]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_auto_is_the_first_that_can_be_had_of_those_that_go_with_the_options(scene: Scene) -> None:
    assert scene.decided() == ("plain", "sharp")
    assert [question.models for question in scene.asked] == [(NET,)]
    scene.put(NET)
    assert scene.decided() == ("net", "soft")
    assert scene.decided(backend="onnx") == ("net", "soft")


def test_of_the_models_only_those_that_go_with_the_options_are_needed(scene: Scene) -> None:
    scene.put(NET)
    with pytest.raises(ModelError):
        scene.run(model="net", backend="torch")
    assert scene.needed == [WEIGHTS.name]
    with pytest.raises(ModelError):
        scene.run(backend="torch")  # no other choice goes with it, so it is what remains
    assert (scene.needed, scene.asked) == ([WEIGHTS.name], [])
    scene.put(WEIGHTS)
    assert scene.decided(backend="torch") == ("net", "soft")


def test_auto_that_nothing_goes_with_stays_open(scene: Scene) -> None:
    only = Choice(option="model", value="net", models=(NET,), with_options=ONNX)
    clip, step = make_clip(scene.folder / "in.mp4", frames=2), Step("step", {"backend": "torch"})
    report = run(found(only), Job((), str(clip), str(scene.folder / "o.mp4"), (step,), media=FAST))
    assert report.job["steps"][0]["options"] == {"backend": "torch"}


def test_a_file_of_ones_own_stands_for_either(scene: Scene) -> None:
    own = scene.folder / "own.bin"
    own.write_bytes(b"mine")
    for backend in ("onnx", "torch"):
        assert scene.decided(model="net", backend=backend, model_file=str(own))[0] == "net"
    assert scene.needed == []
    with pytest.raises(InputError, match=r"--step-model-file: .* not there"):
        scene.run(model="net", backend="torch", model_file=str(scene.folder / "gone.bin"))


def test_what_does_not_go_together_is_no_choice() -> None:
    made = {
        (model, backend): [choice.models for choice in CHOICES[:4] if choice.made_by(Options(model=model, backend=backend))]  # type: ignore[arg-type]
        for model in ("net", "other", "plain")
        for backend in ("onnx", "torch")
    }
    assert made == {
        ("net", "onnx"): [(NET,)],
        ("net", "torch"): [(WEIGHTS,)],
        ("other", "onnx"): [(OTHER,)],
        ("other", "torch"): [],
        ("plain", "onnx"): [()],
        ("plain", "torch"): [],
    }


def test_the_source_type_is_of_the_choice_that_is_made(scene: Scene) -> None:
    only = Choice(option="model", value="plain", with_options=ONNX, source_type="algorithmicallyEnhanced")
    clip = make_clip(scene.folder / "in.mp4", frames=2)
    terms = []
    for backend in ("onnx", "torch"):
        step = Step("step", {"model": "plain", "backend": backend})
        what = Job((), str(clip), str(scene.folder / f"{backend}.mp4"), (step,), media=FAST)
        terms.append(run(found(only), what).source_type)
    assert terms == ["algorithmicallyEnhanced", "compositeWithTrainedAlgorithmicMedia"]


def test_a_list_of_models_says_all_that_asks_for_each() -> None:
    said = {wanted.model.name: [use.said for use in wanted.uses] for wanted in wanted_models(found())}
    assert said == {
        NET.name: ["--step-model net"],  # with what is the default anyway
        WEIGHTS.name: ["--step-model net --step-backend torch"],
        OTHER.name: ["--step-model other"],
    }
    label = next(wanted.label for wanted in wanted_models(found()) if wanted.model == WEIGHTS)
    assert label.endswith(" with --step-model net --step-backend torch")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (("backnd", "onnx"), "backnd"),
        (("backend", "onxx"), "onxx"),
        (("fast", "true"), "is of 'true', and the option holds True: no options would ever say it"),
        (("size", "2"), "is of '2', and the option holds 2: no options would ever say it"),
    ],
)
def test_an_option_that_nobody_can_say_makes_the_plugin_unusable(other: tuple[str, Any], says: str) -> None:
    plugins = found(Choice(option="model", value="net", with_options=(other,)))
    status = next(status for status in plugins.statuses if status.name == "step")
    assert (status.state, says in status.reason) == ("broken", True)


def test_a_file_that_was_only_found_decides_nothing_by_the_other_option(tmp_path: Path) -> None:
    unasked = Unasked()
    plugins = found()
    file = parse(tmp_path / "roop.toml", '[plugin.step]\nbackend = "torch"\n')
    unasked.look(Layers({}, {}, [replace(file, found=True)]), plugins)
    with pytest.raises(ModelError, match="--step-backend"):
        unasked([WEIGHTS])


@pytest.mark.parametrize(
    ("other", "said", "flags"),
    [
        (("fast", True), {"fast": True}, " --step-fast"),
        (("fast", False), {"fast": False}, ""),
        (("sure", False), {"sure": False}, " --no-step-sure"),
        (("size", 2), {"size": 2}, " --step-size 2"),
        (("parts", "b"), {"parts": ("a", "b")}, " --step-parts b"),
    ],
)
def test_options_that_hold_no_words_are_asked_for_as_they_are_held(
    other: tuple[str, Any], said: dict[str, Any], flags: str
) -> None:
    choice = Choice(option="model", value="net", models=(NET,), with_options=(other,))
    assert choice.made_by(Options(model="net", **said))
    lacking = {"fast": {"fast": not said.get("fast")}, "sure": {}, "size": {}, "parts": {"parts": ("a",)}}[other[0]]
    assert not choice.made_by(Options(model="net", **lacking))
    ((_, told),) = ((wanted.model, [use.said for use in wanted.uses]) for wanted in wanted_models(found(choice)))
    assert told == [f"--step-model net{flags}"]
