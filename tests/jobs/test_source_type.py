"""What an output says of how it was made: by the steps, and by the choices that their options make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import av
import pytest
from clips import make_clip
from kit import Tint, job, plugins, processor, run

from roop_host import Choice, ProcessorSpec, Step, hookimpl, option

WARPED, DRAWN, CAPTURED = "compositeSynthetic", "compositeWithTrainedAlgorithmicMedia", "digitalCapture"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    engine: Literal["warp", "draw", "none"] = option("draw", "a test")


def choosing(source_type: str = DRAWN) -> SimpleNamespace:
    choices = (
        Choice(option="engine", value="warp", source_type=WARPED),
        Choice(option="engine", value="draw"),
    )

    @hookimpl
    def roop_processors() -> list[ProcessorSpec]:
        more = {"needs_faces": False, "source_type": source_type}
        return [ProcessorSpec(name="t0", summary="a test", load=lambda: Tint, choices=choices, **more)]  # type: ignore[arg-type]

    return SimpleNamespace(ROOP_API=1, ROOP_OPTIONS=Options, roop_processors=roop_processors)


@pytest.mark.parametrize(
    ("steps", "spec", "said"),
    [
        ((Step("t0", {"engine": "warp"}),), DRAWN, WARPED),
        ((Step("t0", {"engine": "draw"}),), DRAWN, DRAWN),
        ((Step("t0"),), DRAWN, DRAWN),
        ((Step("t0", {"engine": "none"}),), DRAWN, DRAWN),  # no choice of those declared
        ((Step("t0", {"engine": "draw"}),), CAPTURED, CAPTURED),
        ((Step("t0", {"engine": "draw"}),), "nonsense", DRAWN),
        ((Step("t0", {"engine": "warp"}), Step("t0", {"engine": "draw"})), DRAWN, DRAWN),
        ((Step("t0", {"engine": "warp"}), Step("tint")), DRAWN, WARPED),
    ],
)
def test_the_choice_that_was_made_decides(steps: tuple[Step, ...], spec: str, said: str, clip: Path, tmp_path: Path) -> None:
    found = plugins(choosing(spec), processor(Tint, "tint", source_type=CAPTURED))
    out = tmp_path / "o.mp4"
    report = run(found, replace(job(clip, out), steps=steps))
    assert report.source_type == said
    with av.open(str(out), options={"export_xmp": "1"}) as container:
        assert f"digitalsourcetype/{said}" in container.metadata["xmp"]


def test_an_option_of_the_plugin_counts_as_one_of_the_step(clip: Path, tmp_path: Path) -> None:
    what = replace(job(clip, tmp_path / "o.mp4", "t0"), plugin_options={"t0": {"engine": "warp"}})
    assert run(plugins(choosing()), what).source_type == WARPED
