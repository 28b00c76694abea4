"""Whole jobs through the host, with small plugins: order, lifetimes, resets, errors, and what is left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, pts_of, sound_of
from kit import FAST, OneFace, Quiet, Tint, analyser, breaks, job, left, plugins, processor, refused, run, screener
from PIL import Image

from roop_host import (
    Box,
    Context,
    Control,
    ExecutionOptions,
    Host,
    Interrupted,
    Processor,
    RoopError,
    Screener,
    Stage,
    Window,
)
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def face(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(path)
    return path


def test_a_clip_goes_through_and_its_report_tells(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "o.mp4"
    out.parent.mkdir()
    report = run(plugins(processor(Tint, "tint")), job(clip, out, "tint"))
    assert left(out.parent) == ["o.mp4"]
    assert (report.status, report.exit_code, report.frames) == ("done", 0, 30)
    assert pts_of(out) == pts_of(clip)
    assert sound_of(out) == sound_of(clip)
    assert report.screening[0].looks == 60
    assert [stage.name for stage in report.stages] == ["decode", "screen target", "tint", "screen output", "encode"]


def test_segments_begin_anew_so_a_resumed_run_gives_the_same_bytes(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint", warmup=2, lookahead=1))
    whole = tmp_path / "whole.mp4"
    run(found, job(clip, whole, "tint"))

    torn = tmp_path / "torn.mp4"
    what = job(clip, torn, "tint", execution=ExecutionOptions(resumable=True))
    broken = plugins(processor(breaks(Tint, 20), "tint", warmup=2, lookahead=1))
    error = refused(broken, what)
    assert "a fault" in str(error)
    assert not torn.exists()
    assert (tmp_path / ".torn.mp4.roop" / "segment-000001").exists()
    report = run(found, what)
    assert report.resumed_frames == 16
    assert report.frames == 30
    assert torn.read_bytes() == whole.read_bytes()
    assert left(tmp_path) == ["torn.mp4", "whole.mp4"]


def test_another_job_does_not_continue_what_is_left(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".o.mp4.roop"
    folder.mkdir()
    (folder / "segment-000000").write_bytes(b"of another job")
    (folder / "manifest.json").write_text('{"key": "other"}')
    report = run(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    assert report.resumed_frames == 0
    assert left(tmp_path) == ["o.mp4"]


def test_a_b_a_runs_a_twice_with_two_objects_in_order(clip: Path, tmp_path: Path) -> None:
    made: list[str] = []

    def make(name: str, amount: int) -> type[Processor]:
        class Adds(Processor):
            def __init__(self) -> None:
                made.append(name)

            def process(self, window: Window) -> None:
                for frame in window.current:
                    frame.put(frame.box, frame.bgr() // 2 + np.uint8(amount))

        return Adds

    found = plugins(processor(make("a", 10), "a"), processor(make("b", 60), "b"))
    out = tmp_path / "o.png"
    source = tmp_path / "in.png"
    Image.fromarray(np.full((32, 32, 3), 200, np.uint8)).save(source)
    run(found, job(source, out, "a", "b", "a"))
    assert made == ["a", "b", "a"]
    assert int(np.asarray(Image.open(out))[0, 0, 0]) == ((200 // 2 + 10) // 2 + 60) // 2 + 10


def test_two_jobs_on_one_host_load_once(clip: Path, tmp_path: Path) -> None:
    events: list[str] = []

    class Noted(Processor):
        def setup(self, ctx: Any) -> None:
            events.append("setup")

        def begin(self, job: Any) -> None:
            events.append("begin")

        def process(self, window: Window) -> None:
            pass

        def end(self) -> None:
            events.append("end")

        def teardown(self) -> None:
            events.append("teardown")

    with Host(plugins(processor(Noted, "noted"))) as host:
        host.run(job(clip, tmp_path / "1.mp4", "noted"))
        host.run(job(clip, tmp_path / "2.mp4", "noted"))
    assert events == ["setup", "begin", "end", "begin", "end", "teardown"]
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_teardown_follows_a_failed_setup(clip: Path, tmp_path: Path) -> None:
    events: list[str] = []

    class Fails(Processor):
        def setup(self, ctx: Any) -> None:
            raise OSError("no such card")

        def teardown(self) -> None:
            events.append("teardown")

    error = refused(plugins(processor(Fails, "fails")), job(clip, tmp_path / "o.mp4", "fails"))
    assert error.exit_code == 7
    assert "fails (roop-t0 0)" in str(error)
    assert events == ["teardown"]


@pytest.mark.parametrize("at", [0, 13, 29])
def test_a_processor_that_raises_leaves_nothing(at: int, clip: Path, tmp_path: Path) -> None:
    class Breaks(Processor):
        def process(self, window: Window) -> None:
            if window.current[0].index == at:
                raise ZeroDivisionError("oops")

    error = refused(plugins(processor(Breaks, "breaks")), job(clip, tmp_path / "o.mp4", "breaks"))
    assert error.exit_code == 7
    assert f"breaks (roop-t0 0) failed at frame {at}" in str(error)
    assert left(tmp_path) == []


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("answer", [None, True, float("nan"), "few", "raise", 0.97], ids=str)
def test_a_bad_screener_leaves_nothing(answer: Any, stage: Stage, clip: Path, face: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()

    class Bad(Quiet):
        def screen(self, frames: Any, at: Stage) -> Any:
            if at is not stage:
                return [0.0]
            if answer == "raise":
                raise RuntimeError("the network fell over")
            return None if answer is None else [] if answer == "few" else [answer]

    what = replace(job(clip, out / "o.mp4", "tint"), sources=(str(face),))
    error = refused(plugins(processor(Tint, "tint"), screener(Bad)), what)
    assert error.exit_code == 5
    assert error.report is not None
    assert error.report.status == "blocked"
    assert left(out) == []


def test_without_a_screener_nothing_is_produced(clip: Path, tmp_path: Path) -> None:
    for found in (
        plugins(processor(Tint, "tint"), quiet=False),
        plugins(processor(Tint, "tint"), screener(Quiet, covers=frozenset({"gore"})), quiet=False),
    ):
        error = refused(found, job(clip, tmp_path / "o.mp4", "tint"))
        assert error.exit_code == 5
        assert "roop-nsfw" in str(error)
    assert left(tmp_path) == []


def test_the_target_is_looked_at_before_any_step_sees_it(clip: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    class Sees(Processor):
        def process(self, window: Window) -> None:
            seen.append(window.current[0].index)

    class Blocks(Screener):
        def screen(self, frames: Any, stage: Stage) -> Sequence[float]:
            return [0.9 if frame.index == 9 else 0.0 for frame in frames]

    error = refused(plugins(processor(Sees, "sees"), screener(Blocks)), job(clip, tmp_path / "o.mp4", "sees"))
    assert "target frame 9 at 0.36 s" in str(error)
    assert max(seen, default=0) < 9
    assert left(tmp_path) == []


def test_a_stage_that_hangs_ends_the_job(clip: Path, tmp_path: Path) -> None:
    release = threading.Event()

    class Hangs(Processor):
        def process(self, window: Window) -> None:
            if window.current[0].index == 5:
                release.wait(30)

    control = Control()
    begun = time.monotonic()
    what = job(clip, tmp_path / "o.mp4", "hangs", execution=ExecutionOptions(timeout_s=0.5))
    with Host(plugins(processor(Hangs, "hangs"))) as host, pytest.raises(RoopError, match=r"0\.5 s") as caught:
        host.run(what, control=control)
    assert caught.value.exit_code == 7
    assert control.unfit
    assert time.monotonic() - begun < 10
    release.set()
    assert not (tmp_path / "o.mp4").exists()


def test_a_long_call_that_shows_that_it_goes_on_is_waited_for(clip: Path, tmp_path: Path) -> None:
    class Slow(Processor):
        shows = True

        def setup(self, ctx: Context) -> None:
            self.ctx = ctx

        def process(self, window: Window) -> None:
            if window.current[0].index != 5:
                return
            for _ in range(6):
                time.sleep(0.25)
                if self.shows:
                    self.ctx.check_cancel()

    class Silent(Slow):
        shows = False

    limit = ExecutionOptions(timeout_s=0.8)
    run(plugins(processor(Slow, "slow")), job(clip, tmp_path / "o.mp4", "slow", execution=limit))
    error = refused(plugins(processor(Silent, "slow")), job(clip, tmp_path / "p.mp4", "slow", execution=limit))
    assert "did not come back within 0.8 s" in str(error)


def test_a_long_call_that_looks_hears_a_cancel(clip: Path, tmp_path: Path) -> None:
    control = Control()

    class Endless(Processor):
        def setup(self, ctx: Context) -> None:
            self.ctx = ctx

        def process(self, window: Window) -> None:
            control.cancel()
            while True:
                time.sleep(0.01)
                self.ctx.check_cancel()

    with Host(plugins(processor(Endless, "endless"))) as host, pytest.raises(Interrupted):
        host.run(job(clip, tmp_path / "o.mp4", "endless"), control=control)
    assert not control.unfit
    assert left(tmp_path) == []


def test_cancel_leaves_nothing_unless_resumable(clip: Path, tmp_path: Path) -> None:
    for resumable in (False, True):
        control = Control()

        class Cancels(Tint):
            def process(self, window: Window, control: Control = control) -> None:
                super().process(window)
                if window.current[0].index == 25:
                    control.cancel()
                    time.sleep(0.2)

        what = job(clip, tmp_path / "o.mp4", "cancels", execution=ExecutionOptions(resumable=resumable))
        error = refused(plugins(processor(Cancels, "cancels")), what, control)
        assert error.exit_code == 130
        assert left(tmp_path) == ([".o.mp4.roop"] if resumable else [])


def test_faces_are_chosen_and_counted(clip: Path, face: Path, tmp_path: Path) -> None:
    class Marks(Processor):
        def process(self, window: Window) -> None:
            for frame in window.current:
                for one in frame.faces:
                    if one.source is not None:
                        frame.put(Box(4, 4, 8, 8), np.zeros((4, 4, 3), np.uint8), face_id=one.id)

    what = replace(job(clip, tmp_path / "o.mp4", "marks"), sources=(str(face),))
    found = plugins(
        processor(Marks, "marks", needs_faces=True, needs_source=True), analyser(lambda: OneFace(lambda i: i % 2 == 1))
    )
    report = run(found, what)
    assert (report.frames, report.frames_with_face, report.faces_changed) == (30, 15, 15)
    error = refused(found, replace(what, on_no_face="fail", output=str(tmp_path / "p.mp4")))
    assert error.exit_code == 4
    assert "frame 1 at 0.04 s" in str(error)
    error = refused(found, replace(what, sources=(), output=str(tmp_path / "p.mp4")))
    assert error.exit_code == 2


@pytest.mark.parametrize(("where", "exit_code"), [("source", 4), ("target", 4)])
def test_no_face_is_said(where: str, exit_code: int, clip: Path, face: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    found = plugins(
        processor(Tint, "tint", needs_faces=True, needs_source=True),
        analyser(lambda: OneFace(lambda index: where == "target", where == "source")),
    )
    error = refused(found, replace(job(clip, out / "o.mp4", "tint"), sources=(str(face),)))
    assert error.exit_code == exit_code
    assert where in str(error)
    assert left(out) == []


def test_pictures_in_and_out_keep_alpha_and_say_that_they_are_synthetic(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 255, (48, 64, 4)).astype(np.uint8)
    Image.fromarray(rgba).save(tmp_path / "in.png", dpi=(300, 300))
    run(plugins(processor(Tint, "tint")), job(tmp_path / "in.png", tmp_path / "out.png", "tint"))
    with Image.open(tmp_path / "out.png") as made:
        assert "compositeWithTrainedAlgorithmicMedia" in made.info["XML:com.adobe.xmp"]
        assert round(made.info["dpi"][0]) == 300
        pixels = np.asarray(made)
    assert (pixels[..., 3] == rgba[..., 3]).all()
    assert (pixels[:8] == rgba[:8]).all()
    assert (pixels[8:40, 8:40] != rgba[8:40, 8:40]).any()
    run(plugins(processor(Tint, "tint")), job(tmp_path / "in.png", tmp_path / "out.jpg", "tint"))
    with Image.open(tmp_path / "out.jpg") as made:
        assert b"compositeWithTrainedAlgorithmicMedia" in made.info["xmp"]


def test_bad_input_is_one_sentence_and_exit_3(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint"))
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello\n" * 50)
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    (tmp_path / "head.mp4").write_bytes(clip.read_bytes()[:3000])
    (tmp_path / "folder.mp4").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    for name in ("missing.mp4", "empty.mp4", "text.mp4", "concat.mp4", "head.mp4", "folder.mp4"):
        error = refused(found, job(tmp_path / name, out / "o.mp4", "tint"))
        assert error.exit_code == 3, name
        assert name in str(error)
        assert "\n" not in str(error)
        assert left(out) == []


def test_a_picture_named_mp4_is_what_it_is(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "really.jpg")
    (tmp_path / "really.jpg").rename(tmp_path / "named.mp4")
    error = refused(plugins(processor(Tint, "tint")), job(tmp_path / "named.mp4", tmp_path / "o.mp4", "tint"))
    assert error.exit_code == 2
    assert "is a picture" in str(error)
    run(plugins(processor(Tint, "tint")), job(tmp_path / "named.mp4", tmp_path / "o.png", "tint"))


def test_outputs_are_never_lost(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint"))
    (tmp_path / "mine.mp4").write_text("precious")
    error = refused(found, job(clip, tmp_path / "mine.mp4", "tint"))
    assert error.exit_code == 2
    assert "--overwrite" in str(error)
    assert (tmp_path / "mine.mp4").read_text() == "precious"
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    error = refused(found, job(copy, copy, "tint", media=replace(FAST, overwrite=True)))
    assert error.exit_code == 2
    assert copy.read_bytes() == clip.read_bytes()
    run(found, job(clip, tmp_path / "mine.mp4", "tint", media=replace(FAST, overwrite=True)))
    assert pts_of(tmp_path / "mine.mp4") == pts_of(clip)
    assert refused(found, job(clip, tmp_path / "no" / "such" / "o.mp4", "tint")).exit_code == 9
    assert refused(found, job(clip, tmp_path / "o.xyz", "tint")).exit_code == 2


def test_two_runs_do_not_share_a_work_folder(clip: Path, tmp_path: Path) -> None:
    entered, go = threading.Event(), threading.Event()

    class Waits(Processor):
        def process(self, window: Window) -> None:
            entered.set()
            go.wait(20)

    thread = threading.Thread(target=run, args=(plugins(processor(Waits, "waits")), job(clip, tmp_path / "o.mp4", "waits")))
    thread.start()
    entered.wait(20)
    error = refused(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    go.set()
    thread.join()
    assert error.exit_code == 2
    assert "another roop" in str(error)
    assert left(tmp_path) == ["o.mp4"]


def test_a_full_disk_is_exit_9_and_leaves_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    error = refused(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"))
    monkeypatch.setattr(os, "fsync", real)
    assert error.exit_code == 9
    assert "no space left" in str(error)
    assert left(tmp_path) == []


def test_what_does_not_come_along_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "plain.mp4", frames=6, metadata={"location": "+51.5-0.1/"})
    more = tmp_path / "more.mkv"
    with av.open(str(clip)) as source, av.open(str(more), "w") as sink:
        sink.metadata.update(source.metadata)
        copies = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams.get(video=0, audio=0)}
        sink.add_attachment("notes.txt", "text/plain", b"a note")
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                sink.mux(packet)
    report = run(plugins(processor(Tint, "tint")), job(more, tmp_path / "o.mkv", "tint"))
    place, track = report.notices
    assert track.startswith("attachment 2 is left out: only fonts come along")
    assert "place (location)" in place.lower()
    assert not run(plugins(processor(Tint, "tint")), job(tmp_path / "o.mkv", tmp_path / "p.mkv", "tint")).notices


def test_more_threads_than_can_be_had(clip: Path, tmp_path: Path) -> None:
    what = job(clip, tmp_path / "o.mp4", "tint", execution=ExecutionOptions(threads=99999))
    assert refused(plugins(processor(Tint, "tint")), what).exit_code == 2


def test_edits_are_in_the_video(clip: Path, tmp_path: Path) -> None:
    class Red(Processor):
        def process(self, window: Window) -> None:
            for frame in window.current:
                frame.put(Box(16, 16, 64, 64), np.full((48, 48, 3), (40, 60, 200), np.uint8))

    run(plugins(processor(Red, "red")), job(clip, tmp_path / "o.mp4", "red", media=replace(FAST, quality=95)))
    with VideoReader(probe(tmp_path / "o.mp4"), threads=1) as reader:
        for frame in reader.frames():
            assert np.abs(frame.bgr(Box(24, 24, 56, 56)).mean((0, 1)) - (40, 60, 200)).max() < 6
