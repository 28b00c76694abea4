"""Which stages wait for whom: for every object that is called on frames of the stream, but for the source of the frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kit import Camera, OneFace, Quiet, Raw, Times, Tint, analyser, exporter, job, plugins, processor, screener, source
from PIL import Image

from roop_host import Context, Host, Job, Look, Plugins
from roop_host.pipeline.run import PipelineRun, StageSpec
from roop_host.runner import chain
from roop_host.types.objects import Pulse

Pulses = list[tuple[str, Pulse]]


def kept(name: str, base: type, pulses: Pulses) -> Callable[[], Any]:
    class Kept(base):  # type: ignore[misc]
        def setup(self, ctx: Context) -> None:
            pulses.append((name, ctx.pulse))
            super().setup(ctx)

    return Kept


def everyone(pulses: Pulses) -> Plugins:
    modules: list[SimpleNamespace] = [
        screener(kept("quiet", Quiet, pulses), "quiet"),
        screener(kept("calm", Quiet, pulses), "calm"),
        processor(kept("tint", Tint, pulses), "tint", needs_faces=True),
        analyser(kept("eyes", OneFace, pulses)),
        exporter(kept("times", Times, pulses), "times", "sidecar", ".csv"),
        exporter(kept("raw", Raw, pulses), "raw", "writer", ".raw"),
        source(kept("camera", Camera, pulses)),
    ]
    return plugins(*modules, quiet=False)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[StageSpec]:
    """Those of the last chain that ran."""
    ran: list[StageSpec] = []

    class Noted(PipelineRun):
        def __init__(self, frames: Any, stages: list[StageSpec], **more: Any) -> None:
            ran[:] = stages
            super().__init__(frames, stages, **more)

    monkeypatch.setattr(chain, "PipelineRun", Noted)
    return ran


def waited_for(stages: list[StageSpec], pulses: Pulses) -> dict[str, list[str]]:
    return {stage.label: sorted(name for name, pulse in pulses if pulse in stage.pulses) for stage in stages}


@pytest.fixture
def what(tmp_path: Path) -> Job:
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "in.png")
    return replace(job(tmp_path / "in.png", tmp_path / "o.png", "tint"), exports=("times",))


def test_each_stage_waits_for_the_objects_that_it_calls(what: Job, stages: list[StageSpec]) -> None:
    pulses: Pulses = []
    with Host(everyone(pulses)) as host:
        host.run(what)
    assert waited_for(stages, pulses) == {
        "screen target": ["calm", "quiet"],
        "analyse": ["eyes"],
        "tint": ["tint"],
        "screen output": ["calm", "quiet"],
        "export times": ["times"],
        "encode": [],
    }


def test_a_writer_is_waited_for_and_a_source_is_not(what: Job, stages: list[StageSpec], tmp_path: Path) -> None:
    pulses: Pulses = []
    with Host(everyone(pulses)) as host:
        host.run(replace(what, target="camera:0", output=str(tmp_path / "o.raw"), exports=()))
    told = waited_for(stages, pulses)
    assert told["write raw"] == ["raw"]
    assert "camera" in dict(pulses)
    assert not [names for names in told.values() if "camera" in names]


def test_a_look_waits_for_whom_it_asks(what: Job, stages: list[StageSpec], tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(folder / f"{number}.png")
    pulses: Pulses = []
    media = replace(what.media, folder="frames")
    with Host(everyone(pulses)) as host:
        host.look(replace(what, target=str(folder), media=media, exports=()), Look())
    assert waited_for(stages, pulses) == {"screen target": ["calm", "quiet"], "analyse": ["eyes"]}
