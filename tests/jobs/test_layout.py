"""What a kept work folder knows of its segments: taken up only in the layout of today, and never the end of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import OneFace, Quiet, Tint, analyser, breaks, job, plugins, processor, refused, run

from roop_host import ExecutionOptions, FaceSelection, Job, Plugins, Processor, Window
from roop_host.gate import Watcher
from roop_host.media.segments import read_times, stored_packets, write_segment
from roop_host.runner import stream
from roop_host.runner.matching import Wanted
from roop_host.runner.selection import People, Selector
from roop_host.runner.state import Counts, Told
from roop_host.types.faces import Face


class Tells(Tint):
    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.measure("number", frame.index)
        super().process(window)


def found(step: type[Processor] = Tells) -> Plugins:
    return plugins(processor(step, "tells", needs_faces=True, warmup=2), analyser(OneFace, warmup=2))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def torn(clip: Path, tmp_path: Path) -> Job:
    """Two segments of it are finished."""
    what = job(clip, tmp_path / "torn.mp4", "tells", execution=ExecutionOptions(resumable=True))
    refused(found(breaks(Tells, 20)), what)
    assert (tmp_path / ".torn.mp4.roop" / "segment-000001").exists()
    return what


def spoil(what: Job, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    folder = Path(what.output).with_name(".torn.mp4.roop")
    path = folder / f"segment-{number:06d}"
    stored = read_times(path)
    tally = dict(stored.tally)
    change(tally)
    write_segment(folder, number, replace(stored, packets=tuple(stored_packets(path)), tally=tally))


def past_without_the_last(tally: dict[str, Any]) -> None:
    """As the choice was stored before a face was told to be chosen."""
    for _, of in tally["selection"]["following"]["past"]:
        for one in of:
            one.pop()


@pytest.mark.parametrize(
    "change",
    [
        lambda tally: tally["counts"].pop("measured"),
        lambda tally: tally["counts"].update(unheard=1),
        lambda tally: tally["screening"].update(quiet={}),
        lambda tally: tally.pop("notices"),
        past_without_the_last,
    ],
    ids=["a count is missing", "a count is not known", "of screening", "notices", "of the choice"],
)
@pytest.mark.parametrize("spoiled", [(1,), pytest.param((0, 1), marks=pytest.mark.slow)])
def test_segments_whose_tally_can_not_be_read_are_made_again(
    spoiled: tuple[int, ...], change: Callable[[dict[str, Any]], object], clip: Path, torn: Job, tmp_path: Path
) -> None:
    whole = run(found(), job(clip, tmp_path / "whole.mp4", "tells"))
    for number in spoiled:
        spoil(torn, number, change)
    report = run(found(), torn)
    assert report.resumed_frames == 8 * (2 - len(spoiled))
    assert (report.frames, report.measures) == (whole.frames, whole.measures)
    assert report.screening == whole.screening
    assert Path(torn.output).read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_segments_of_another_layout_are_those_of_another_job(torn: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LAYOUT", stream.LAYOUT + 1)
    report = run(found(), torn)
    assert (report.resumed_frames, report.frames) == (0, 30)


def layout(value: Any) -> Any:
    """Keys, and what stands in lists; of numbers and texts only which of both they are."""
    if isinstance(value, Mapping):
        return {str(key): layout(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [layout(item) for item in value]
    return "text" if isinstance(value, str) else "number"


def tally(mode: Any) -> Any:
    """What is stored of one frame with one face, with nothing in it that is empty."""
    embedding, points = np.array([1, 0, 0], np.float32), np.zeros((5, 2), np.float32)
    more: dict[str, Any] = {"embedding": embedding, "recogniser": "net", "gender": "female", "age": 30.0}
    face = Face(1, (0.0, 0.0, 9.0, 9.0), 0.9, points, **more)
    wanted = Wanted("anna", 0, face)
    selector = Selector(FaceSelection(mode, gender="female"), 0, People(("female",), (wanted,), {"net": 0.5}), again=2)
    (one,) = selector.choose(0, [face])
    counts = Counts(changed={"tells": 1}, measured={"tells": {"number": Told(1)}})
    counts.note([one], {1})
    watcher = Watcher("quiet", "quiet", Quiet(), 0.5, looks=1, highest={"target": 0.1})
    known = SimpleNamespace(looked={0: [watcher]}, selections={0: selector.snapshot()}, counts=counts)
    return stream._tally(known, SimpleNamespace(notices=["a"]), 0)  # type: ignore[arg-type]


def test_another_layout_has_another_number() -> None:
    """Who changes what is stored counts ``LAYOUT`` up and puts the new pair here: kept segments are then made again."""
    text = json.dumps([layout(tally("one")), layout(tally("reference"))], sort_keys=True)
    assert (stream.LAYOUT, hashlib.sha256(text.encode()).hexdigest()[:16]) == (4, "51883d078fc9f826")
