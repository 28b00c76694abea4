"""A job is plain data."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from roop_host import ExecutionOptions, FaceSelection, Job, MediaOptions, Step


def full() -> Job:
    return Job(
        sources=("a.jpg", "b.jpg"),
        target="t.mp4",
        output="o.mp4",
        steps=(Step("a", {"x": 1, "many": (1, 2.5, "z")}), Step("b"), Step("a", {"x": None})),
        faces=FaceSelection("many"),
        on_no_face="fail",
        media=MediaOptions(encoder="libx265", quality=40),
        execution=ExecutionOptions(threads=3, timeout_s=1.5),
        screen_limit=0.4,
        plugin_options={"vision": {"detect_every": 5}},
    )


def test_through_json_and_back() -> None:
    job = full()
    again = Job.from_json(json.loads(json.dumps(job.to_json())))
    assert again == job
    assert json.dumps(again.to_json()) == json.dumps(job.to_json())


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"unknown": 1}, {"steps": [{"x": 1}]}, {"faces": {"mode2": "one"}}, {"sources": 3}],
    ids=str,
)
def test_what_is_no_job_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="this is"):
        Job.from_json({**full().to_json(), **change})


def test_a_job_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        full().target = "other"  # type: ignore[misc]
