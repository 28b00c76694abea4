"""A step that an option of its plugin adds: behind those that were named, once, and part of the settled job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clips import make_clip
from kit import Tint, breaks, job, left, plugins, processor, refused, run

from roop_host import ExecutionOptions, Host, Job, Step, UsageError, Wish, option
from roop_host.config.jobs import Request, make_job
from roop_host.config.layers import Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    shown: bool = option(False, "a test")
    level: int = option(3, "a test", least=0, most=9)
    shown_text: str = option("text", "a test")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=20)


def adding(name: str, source_type: str = "humanEdits") -> SimpleNamespace:
    more = {"added_by": "shown", "source_type": source_type}
    return SimpleNamespace(**vars(processor(Tint, name, **more)), ROOP_OPTIONS=Options)


FOUND = plugins(adding("later"), adding("earlier"), processor(Tint, "tint", source_type="compositeSynthetic"))


@pytest.mark.parametrize(
    ("named", "options", "made"),
    [
        (("tint",), {}, ("tint",)),
        (("tint",), {"t0": {"shown": False}}, ("tint",)),
        (("tint",), {"t0": {"shown": True}}, ("tint", "later")),
        (("tint",), {"t0": {"shown": "yes"}}, ("tint", "later")),
        (("tint",), {"t1": {"shown": True}, "t0": {"shown": True}}, ("tint", "later", "earlier")),  # as plugins are called
        (("later", "tint"), {"t0": {"shown": True}}, ("later", "tint")),
    ],
)
def test_steps_are_added_behind_those_that_were_named(
    named: tuple[str, ...], options: dict[str, dict[str, bool]], made: tuple[str, ...], clip: Path, tmp_path: Path
) -> None:
    what = job(clip, tmp_path / "o.mp4", *named, plugin_options=options)
    report = run(FOUND, what)
    assert report.steps == made
    assert tuple(step["name"] for step in report.job["steps"]) == made
    again = replace(what, output=str(tmp_path / "again.mp4"), steps=tuple(map(Step, made)))
    assert run(FOUND, again).steps == made  # the settled job is the same job
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "o.mp4").read_bytes()


@pytest.mark.parametrize(
    ("given", "environment", "steps", "is_refused"),
    [
        ({"--t0-shown-text": "here"}, {}, "tint", True),
        ({"--t0-shown-text": "here", "--t0-shown": False}, {"ROOP_T0_SHOWN": "1"}, "tint", True),
        ({"--t0-shown-text": "here", "--t0-shown": True}, {}, "tint", False),
        ({"--t0-shown-text": "here"}, {"ROOP_T0_SHOWN": "1"}, "tint", False),
        ({"--t0-shown-text": "here"}, {}, "tint,later", False),
        ({"--t0-level": "4"}, {}, "tint", False),
        ({}, {"ROOP_T0_SHOWN_TEXT": "for the day when it is shown"}, "tint", False),
    ],
)
def test_a_flag_that_says_how_it_is_shown_is_refused_where_it_is_not(
    given: dict[str, Any], environment: dict[str, str], steps: str, is_refused: bool
) -> None:
    request = Request(Layers({"--processors": steps, **given}, environment, ()), (), "t.mp4", "o.mp4")
    if not is_refused:
        assert make_job(FOUND, request).steps
        return
    with pytest.raises(UsageError) as caught:
        make_job(FOUND, request)
    assert str(caught.value) == "--t0-shown-text does nothing without --t0-shown; say that too, or leave --t0-shown-text out"


def test_a_job_file_may_say_that_it_is_shown() -> None:
    base = Job((), "t.mp4", "o.mp4", (Step("tint"),), plugin_options={"t0": {"shown": True}})
    made = make_job(FOUND, Request(Layers({"--t0-shown-text": "here"}, {}, ()), base=base))
    assert made.plugin_options["t0"] == {"shown": True, "shown_text": "here"}


def test_a_preview_has_it_too(clip: Path, tmp_path: Path) -> None:
    what = job(clip, tmp_path / "o.mp4", "tint", plugin_options={"t0": {"shown": True}})
    with Host(FOUND) as host:
        assert host.preview(what, Wish()).report.steps == ("tint", "later")


def test_nothing_is_added_to_a_job_without_steps(clip: Path, tmp_path: Path) -> None:
    error = refused(FOUND, job(clip, tmp_path / "o.mp4", plugin_options={"t0": {"shown": True}}))
    assert (error.exit_code, "no processor was named" in str(error)) == (2, True)


@pytest.mark.parametrize("options", [{"shown": True, "level": 11}, {"level": 11}, {"shown": "maybe"}, {"show": True}])
def test_wrong_options_are_told_before_any_work(options: dict[str, object], clip: Path, tmp_path: Path) -> None:
    error = refused(FOUND, job(clip, tmp_path / "o.mp4", "tint", plugin_options={"t0": options}))
    assert error.exit_code == 2
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("steps", "term"), [(("later",), "humanEdits"), (("tint",), "compositeSynthetic"), (("t3",), "algorithmicallyEnhanced")]
)
def test_it_does_not_make_more_of_what_was_done(steps: tuple[str, ...], term: str, clip: Path, tmp_path: Path) -> None:
    sharp = processor(Tint, "t3", source_type="algorithmicallyEnhanced")
    found = plugins(adding("later"), processor(Tint, "tint", source_type="compositeSynthetic"), sharp)
    assert run(found, job(clip, tmp_path / "o.mp4", *steps, plugin_options={"t0": {"shown": True}})).source_type == term


def test_flags_of_its_plugin_are_taken_though_no_step_names_it() -> None:
    layers = Layers({"--processors": "tint", "--t0-shown": "yes", "--t0-level": "4"}, {}, ())
    made = make_job(FOUND, Request(layers, (), "t.mp4", "o.mp4"))
    assert made.plugin_options["t0"] == {"shown": True, "level": 4}
    assert [step.name for step in made.steps] == ["tint"]


@pytest.mark.parametrize(("options", "resumed"), [({}, 8), ({"t0": {"shown": True}}, 0)])
def test_a_run_is_not_continued_with_another_set_of_steps(
    options: dict[str, dict[str, bool]], resumed: int, clip: Path, tmp_path: Path
) -> None:
    what = job(clip, tmp_path / "o.mp4", "tint", execution=ExecutionOptions(resumable=True))
    refused(plugins(adding("later"), processor(breaks(Tint, 12), "tint")), what)
    found = plugins(adding("later"), processor(Tint, "tint"))
    assert run(found, replace(what, plugin_options=options)).resumed_frames == resumed
