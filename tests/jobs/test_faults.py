"""Faults at awkward moments: a run that is continued, a host that goes on, and calls besides ``process``."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import OneFace, Quiet, Tint, analyser, breaks, job, left, plugins, processor, refused, run, screener
from PIL import Image

from roop_host import (
    Box,
    Control,
    ExecutionOptions,
    Host,
    Interrupted,
    PluginError,
    Processor,
    Stage,
    UsageError,
    Window,
)
from roop_host.runner import products

RESUMABLE = ExecutionOptions(resumable=True)


class Invert(Processor):
    """Looks at no neighbour and needs no warm-up."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(frame.box, 255 - frame.bgr())


@pytest.fixture(scope="module", params=[24, 30], ids=["whole segments", "a short last one"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=request.param)


@pytest.mark.parametrize(("make", "spec"), [(Invert, {}), (Tint, {"warmup": 3})], ids=["no reach", "warm-up"])
def test_a_run_that_fell_over_in_the_middle_is_continued(
    make: type[Processor], spec: dict[str, Any], clip: Path, tmp_path: Path
) -> None:
    whole, torn = tmp_path / "whole.mp4", tmp_path / "torn.mp4"
    run(plugins(processor(make, "step", **spec)), job(clip, whole, "step"))
    what = job(clip, torn, "step", execution=RESUMABLE)
    refused(plugins(processor(breaks(make, 20), "step", **spec)), what)
    report = run(plugins(processor(make, "step", **spec)), what)
    assert report.resumed_frames == 16
    assert torn.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("make", "spec"), [(Invert, {}), (Tint, {"warmup": 3})], ids=["no reach", "warm-up"])
def test_a_run_that_fell_over_while_joining_is_only_joined(
    make: type[Processor], spec: dict[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, torn = tmp_path / "whole.mp4", tmp_path / "torn.mp4"
    found = plugins(processor(make, "step", **spec))
    run(found, job(clip, whole, "step"))
    what = job(clip, torn, "step", execution=RESUMABLE)

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(products, "mux", no_space)
        refused(found, what)
    assert left(tmp_path) == [".torn.mp4.roop", "whole.mp4"]
    report = run(found, what)
    assert report.resumed_frames == report.frames
    assert torn.read_bytes() == whole.read_bytes()
    assert left(tmp_path) == ["torn.mp4", "whole.mp4"]


def test_what_a_new_screener_did_not_see_is_not_taken_over(clip: Path, tmp_path: Path) -> None:
    class Strict(Quiet):
        def screen(self, frames: Any, stage: Stage) -> Any:
            return [0.99 if frame.index < 8 else 0.0 for frame in frames]

    what = job(clip, tmp_path / "o.mp4", "tint", execution=RESUMABLE)
    refused(plugins(processor(breaks(Tint, 20), "tint")), what)
    error = refused(plugins(processor(Tint, "tint"), screener(Strict, "strict")), what)
    assert error.exit_code == 5
    assert left(tmp_path) == []


def test_a_tighter_limit_begins_anew(clip: Path, tmp_path: Path) -> None:
    what = job(clip, tmp_path / "o.mp4", "tint", execution=RESUMABLE)
    refused(plugins(processor(breaks(Tint, 20), "tint")), what)
    assert run(plugins(processor(Tint, "tint")), replace(what, screen_limit=0.5)).resumed_frames == 0


def test_a_continued_report_knows_what_was_seen_before(clip: Path, tmp_path: Path) -> None:
    class Shocked(Quiet):
        def screen(self, frames: Any, stage: Stage) -> Any:
            return [0.7 if frame.index == 3 and stage is Stage.TARGET else 0.1 for frame in frames]

    what = job(clip, tmp_path / "o.mp4", "tint", execution=RESUMABLE)
    refused(plugins(processor(breaks(Tint, 20), "tint"), screener(Shocked, "quiet"), quiet=False), what)
    report = run(plugins(processor(Tint, "tint"), screener(Shocked, "quiet"), quiet=False), what)
    assert report.resumed_frames == 16
    assert report.screening[0].highest == {"target": 0.7, "output": 0.1}
    assert report.screening[0].looks >= 2 * report.frames


def test_a_frame_that_was_kept_cannot_be_changed_any_more(clip: Path, tmp_path: Path) -> None:
    class Keeps(Processor):
        kept: Any = None

        def process(self, window: Window) -> None:
            if self.kept is not None:
                self.kept.put(Box(0, 0, 8, 8), np.zeros((8, 8, 3), np.uint8))
            self.kept = window.current[0]

    error = refused(plugins(processor(Keeps, "keeps")), job(clip, tmp_path / "o.mp4", "keeps"))
    assert error.exit_code == 7
    assert "has left this stage" in str(error)


@pytest.mark.parametrize("place", ["setup", "begin"])
@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit(0)], ids=repr)
def test_a_fault_before_the_first_frame_is_the_plugins(place: str, error: BaseException, clip: Path, tmp_path: Path) -> None:
    def fails(self: object, _: object) -> None:
        raise error

    step = type("Step", (Processor,), {place: fails})
    watch = type("Watch", (Quiet,), {place: fails})
    told = refused(plugins(processor(step, "step")), job(clip, tmp_path / "o.mp4", "step"))
    assert (told.exit_code, "step (roop-t0 0)" in str(told)) == (7, True)
    told = refused(plugins(processor(Tint, "tint"), screener(watch)), job(clip, tmp_path / "o.mp4", "tint"))
    assert (told.exit_code, "watch (roop-t1 0)" in str(told), "-p no:" in str(told)) == (5, True, False)
    assert left(tmp_path) == []


def test_an_analyser_that_fails_on_a_source_is_named(clip: Path, tmp_path: Path) -> None:
    class Fails(OneFace):
        def analyse_picture(self, frame: Any) -> Any:
            raise RuntimeError("boom")

    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "face.png")
    what = replace(job(clip, tmp_path / "o.mp4", "tint"), sources=(str(tmp_path / "face.png"),))
    error = refused(plugins(processor(Tint, "tint", needs_faces=True), analyser(Fails)), what)
    assert (error.exit_code, "eyes (roop-t1 0)" in str(error)) == (7, True)


def test_a_failing_end_hides_nothing(clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Ends(Tint):
        def end(self) -> None:
            raise RuntimeError("end boom")

    class Refuses(Quiet):
        def screen(self, frames: Any, stage: Stage) -> Any:
            return [0.99] * len(frames)

    report = run(plugins(processor(Ends, "ends")), job(clip, tmp_path / "o.mp4", "ends"))
    assert report.exit_code == 0
    assert "end boom" in caplog.text
    error = refused(plugins(processor(Ends, "ends"), screener(Refuses)), job(clip, tmp_path / "p.mp4", "ends"))
    assert error.exit_code == 5


def test_each_job_of_a_host_has_a_cancel_of_its_own(clip: Path, tmp_path: Path) -> None:
    class Checks(Tint):
        def setup(self, ctx: Any) -> None:
            self.ctx = ctx

        def process(self, window: Window) -> None:
            self.ctx.check_cancel()
            super().process(window)

    with Host(plugins(processor(Checks, "checks"))) as host:
        control = Control()
        control.cancel()
        with pytest.raises(Interrupted):
            host.run(job(clip, tmp_path / "o.mp4", "checks"), control=control)
        assert host.run(job(clip, tmp_path / "o.mp4", "checks")).exit_code == 0


def test_after_a_hung_call_nothing_is_torn_down_and_nothing_run(clip: Path, tmp_path: Path) -> None:
    release, torn_down = threading.Event(), []

    class Hangs(Processor):
        def process(self, window: Window) -> None:
            release.wait(30)

        def teardown(self) -> None:
            torn_down.append(self)

    host = Host(plugins(processor(Hangs, "hangs")))
    what = job(clip, tmp_path / "o.mp4", "hangs", execution=ExecutionOptions(timeout_s=0.3))
    with pytest.raises(PluginError, match=r"0\.3 s"):
        host.run(what)
    with pytest.raises(PluginError, match="hangs in this process"):
        host.run(what)
    host.close()
    release.set()
    assert not torn_down


def test_an_error_of_who_watches_ends_the_threads(clip: Path, tmp_path: Path) -> None:
    class Slow(Tint):
        def process(self, window: Window) -> None:
            time.sleep(0.05)
            super().process(window)

    def watch(progress: Any) -> None:
        if progress.phase == "frames":
            raise KeyboardInterrupt

    before = set(threading.enumerate())  # another test's hung call may be on its way back
    with Host(plugins(processor(Slow, "slow"))) as host, pytest.raises(KeyboardInterrupt):
        host.run(job(clip, tmp_path / "o.mp4", "slow"), on_progress=watch)
    assert not [one.name for one in set(threading.enumerate()) - before if one.name.startswith("roop-")]
    assert left(tmp_path) == []


def test_options_for_a_plugin_that_is_not_there_are_refused(clip: Path, tmp_path: Path) -> None:
    what = replace(job(clip, tmp_path / "o.mp4", "tint"), plugin_options={"quite": {"threshold": 0.1}})
    with pytest.raises(UsageError, match="did you mean 'quiet'"):
        run(plugins(processor(Tint, "tint")), what)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a locked folder can't be removed")
def test_a_lock_on_a_removed_folder_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from roop_host.media import output

    first = output.WorkFolder(tmp_path / "o.mp4", "key")
    real, seen = output._lock, []

    def remove_before(file: Any) -> bool:
        if not seen:
            seen.append(file)
            first.remove()  # between our opening of the file and our lock, its owner ends
        return real(file)

    monkeypatch.setattr(output, "_lock", remove_before)
    second = output.WorkFolder(tmp_path / "o.mp4", "key")
    with pytest.raises(UsageError, match="another roop"):
        output.WorkFolder(tmp_path / "o.mp4", "key")
    second.remove()
    assert left(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="links need no right here")
@pytest.mark.parametrize("target", ["victim", "gone", "file"])
def test_a_link_in_place_of_the_work_folder_is_not_followed(target: str, clip: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "sub").mkdir(parents=True)
    for path in (victim / "precious.txt", victim / "segment-000000", tmp_path / "file"):
        path.write_text("mine")
    (tmp_path / ".o.mp4.roop").symlink_to(target)
    before = sorted(victim.rglob("*"))
    error = refused(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    assert type(error) is UsageError
    assert f"{tmp_path / '.o.mp4.roop'} is in the way" in str(error)
    assert sorted(victim.rglob("*")) == before
    assert (tmp_path / ".o.mp4.roop").is_symlink()
    assert left(tmp_path) == [".o.mp4.roop", "file", "victim"]


@pytest.mark.parametrize("locked", [True, False])
def test_a_work_folder_with_files_of_others_is_left_alone(locked: bool, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".o.mp4.roop"
    folder.mkdir()
    for name in ("segment-000000", "holiday.jpg", *(["lock"] if locked else [])):
        (folder / name).write_text("mine")
    before = left(folder)
    error = refused(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    assert type(error) is UsageError
    assert f"{folder} holds holiday.jpg, which is not of roop's making" in str(error)
    assert left(folder) == before
    (folder / "holiday.jpg").unlink()
    run(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    assert left(tmp_path) == ["o.mp4"]


@pytest.mark.skipif(os.name != "posix", reason="links need no right here")
def test_links_in_the_work_folder_are_removed_and_not_followed(clip: Path, tmp_path: Path) -> None:
    folder, victim = tmp_path / ".o.mp4.roop", tmp_path / "victim"
    folder.mkdir()
    victim.mkdir()
    (victim / "precious.txt").write_text("mine")
    (folder / "output").symlink_to(victim)
    run(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    assert left(victim) == ["precious.txt"]
