"""Targets that are no files: their frames go the way of all frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip, pts_of
from kit import FAST, Camera, Quiet, Tint, job, left, plugins, processor, refused, run, screener, source

from roop_host import (
    Box,
    Control,
    ExecutionOptions,
    Host,
    InputError,
    Job,
    JobContext,
    MediaOptions,
    Processor,
    RoopError,
    SourceFrame,
    Stage,
    StreamInfo,
    Window,
)
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.plugins.found import Plugins


class Corner(Processor):
    """Leaves the picture but for one corner, and notes what it was told of the job."""

    context: JobContext | None = None

    def begin(self, job: JobContext) -> None:
        self.context = job

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(Box(0, 40, 4, 44), np.zeros((4, 4, 3), np.uint8))


def with_camera(make: Callable[[], Any] = Camera, step: Callable[[], Any] = Tint, *more: Any) -> Plugins:
    return plugins(processor(step, "tint"), source(make), *more)


def live(output: Path, target: str = "camera:0", **more: Any) -> Job:
    return job(Path(target), output, "tint", **more)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_stream_becomes_a_video(suffix: str, tmp_path: Path) -> None:
    step = Corner()
    report = run(with_camera(step=lambda: step), live(tmp_path / f"o{suffix}"))
    assert (report.frames, report.exit_code) == (12, 0)
    assert report.screening[0].looks == 24
    assert report.plugins == ("roop-t1 0", "roop-t0 0")
    out = tmp_path / f"o{suffix}"
    assert pts_of(out) == [Fraction(40 * i, 1000) for i in range(12)]
    assert b"compositeWithTrainedAlgorithmicMedia" in out.read_bytes()
    assert step.context is not None
    assert (step.context.width, step.context.height) == Camera.size
    with VideoReader(probe(out), threads=1) as reader:
        for frame in reader.frames():
            assert np.abs(frame.bgr(Box(30, 24, 60, 44)).mean((0, 1)) - (40, 60, 200)).max() < 6
            assert frame.bgr(Box(frame.index + 3, 7, frame.index + 9, 13)).mean() > 230
    assert left(tmp_path) == [out.name]


def test_an_odd_size_works(tmp_path: Path) -> None:
    make = type("Odd", (Camera,), {"size": (63, 47)})
    report = run(with_camera(make), live(tmp_path / "o.mp4", media=MediaOptions()))
    assert (report.frames, report.encoder) == (12, "libvpx-vp9")
    assert (probe(tmp_path / "o.mp4").width, probe(tmp_path / "o.mp4").height) == (63, 47)


def test_a_file_goes_before_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip(tmp_path / "camera:0.mp4", frames=4).rename(tmp_path / "camera:0")
    monkeypatch.chdir(tmp_path)
    assert run(with_camera(), live(tmp_path / "o.mp4")).frames == 4


@pytest.mark.parametrize("target", ["rtsp://example.test/x", "clip:1.mp4"])
def test_what_nobody_opens_is_bad_input(target: str, tmp_path: Path) -> None:
    error = refused(with_camera(), live(tmp_path / "o.mp4", target))
    assert error.exit_code == 3
    assert f"no installed plugin opens {target.split(':')[0]}: (what can be opened: camera:)" in str(error)


def test_a_stream_is_no_picture_and_is_not_continued(tmp_path: Path) -> None:
    def never() -> Any:
        class Opens(Camera):
            def open(self, address: str) -> StreamInfo:
                raise AssertionError("opened")

        return Opens()

    assert refused(with_camera(never), live(tmp_path / "o.png")).exit_code == 2
    error = refused(with_camera(never), live(tmp_path / "o.mp4", execution=ExecutionOptions(resumable=True)))
    assert (error.exit_code, "--resumable" in str(error)) == (2, True)


def test_what_a_killed_run_left_is_not_taken_for_a_stream(tmp_path: Path) -> None:
    work, kept = tmp_path / ".o.mp4.roop", {}

    class Keeps(Tint):
        def end(self) -> None:
            work.mkdir()
            for name, content in kept.items():
                (work / name).write_bytes(content)

        def process(self, window: Window) -> None:
            super().process(window)
            kept.update({path.name: path.read_bytes() for path in work.iterdir() if path.suffix != ".part"})
            time.sleep(0.01)

    what = live(tmp_path / "o.mp4", media=replace(FAST, segment_frames=2, overwrite=True))
    run(with_camera(step=Keeps), what)
    assert {"manifest.json", "segment-000000"} <= set(left(work))
    assert run(with_camera(), what).resumed_frames == 0


def test_frames_of_a_stream_are_screened_first(tmp_path: Path) -> None:
    seen: list[int] = []

    class Sees(Tint):
        def process(self, window: Window) -> None:
            seen.append(window.current[0].index)

    class Blocks(Quiet):
        def screen(self, frames: Any, stage: Stage) -> Any:
            return [0.9 if frame.index == 5 else 0.0 for frame in frames]

    closed: list[str] = []

    class Notes(Camera):
        def close(self) -> None:
            closed.append("closed")

    error = refused(with_camera(Notes, Sees, screener(Blocks)), live(tmp_path / "o.mp4"))
    assert error.exit_code == 5
    assert max(seen, default=0) < 5
    assert closed == ["closed"]
    assert left(tmp_path) == []


def test_a_stream_without_end_ends_with_a_cancel(tmp_path: Path) -> None:
    control = Control()
    ended: list[str] = []

    class Endless(Camera):
        total = None

        def frames(self) -> Iterator[SourceFrame]:
            try:
                for number in range(1_000_000):
                    if number == 20:
                        control.cancel()
                    yield SourceFrame(np.zeros((48, 64, 3), np.uint8), number)
            finally:
                ended.append("ended")

    error = refused(with_camera(Endless), live(tmp_path / "o.mp4"), control)
    assert error.exit_code == 130
    assert ended == ["ended"]
    assert not control.unfit
    assert left(tmp_path) == []


def gives(*frames: Any) -> type[Camera]:
    return type("Gives", (Camera,), {"frames": lambda self: iter(frames)})


def opens(stream: Any) -> type[Camera]:
    def open_(self: Camera, address: str) -> Any:
        if isinstance(stream, Exception):
            raise stream
        return stream

    return type("Opens", (Camera,), {"open": open_})


GOOD = SourceFrame(np.zeros((48, 64, 3), np.uint8), 7)


def broken(self: Camera) -> Iterator[SourceFrame]:
    yield GOOD
    raise ConnectionError("unplugged")


@pytest.mark.parametrize(
    ("make", "exit_code", "said"),
    [
        (opens(InputError("camera 0 is in use; close what uses it")), 3, "camera 0 is in use"),
        (opens(OSError("no bus")), 7, "source cam (roop-t1 0) failed (OSError: no bus)"),
        (opens(None), 7, "source cam (roop-t1 0) gave NoneType and not a StreamInfo"),
        (opens(StreamInfo(0, 48, Fraction(1), Fraction(25))), 7, "gave the size 0x48"),
        (opens(StreamInfo(64, 48, Fraction(1), 29.97)), 7, "the rate 29.97"),  # type: ignore[arg-type]
        (opens(StreamInfo(99999, 48, Fraction(1), Fraction(25))), 3, "more than can be worked on"),
        (type("Broken", (Camera,), {"frames": broken}), 7, "source cam (roop-t1 0) failed at frame 1 (ConnectionError"),
        (gives(), 3, "camera:0 gave no frame"),
        (gives(GOOD, GOOD), 7, "gave the time 7, which is no whole number later than 7, as frame 1"),
        (gives(SourceFrame(np.zeros((48, 32, 3), np.uint8), 0)), 7, "gave uint8 (48, 32, 3) and not uint8 (48, 64, 3)"),
        (gives("frame"), 7, "gave str and not a SourceFrame as frame 0"),
        (type("None", (Camera,), {"frames": lambda self: None}), 7, "source cam (roop-t1 0) failed (TypeError"),
    ],
)
def test_what_is_wrong_with_a_stream_is_said(make: Any, exit_code: int, said: str, tmp_path: Path) -> None:
    error = refused(with_camera(make), live(tmp_path / "o.mp4"))
    assert (error.exit_code, said in str(error)) == (exit_code, True), str(error)
    assert left(tmp_path) == []


def test_a_frame_that_is_none_is_not_taken_for_the_end(tmp_path: Path) -> None:
    error = refused(with_camera(gives(SourceFrame(np.zeros((48, 64, 3), np.uint8), 0), None)), live(tmp_path / "o.mp4"))
    assert (error.exit_code, "NoneType and not a SourceFrame as frame 1" in str(error)) == (7, True)
    assert left(tmp_path) == []


def test_a_source_that_waits_hears_that_the_job_has_failed(tmp_path: Path) -> None:
    closed: list[str] = []

    class Waits(Camera):
        def setup(self, ctx: Any) -> None:
            self.cancel = ctx.cancel

        def frames(self) -> Iterator[SourceFrame]:
            yield next(super().frames())
            self.cancel.wait(30)

        def close(self) -> None:
            closed.append("closed" if not self.cancel.is_set() else "closed while told to hurry")

    class Blocks(Quiet):
        def screen(self, frames: Any, stage: Stage) -> Any:
            return [0.99] * len(frames)

    with Host(with_camera(Waits, Tint, screener(Blocks, "blocks"))) as host:
        begun = time.monotonic()
        with pytest.raises(RoopError) as caught:
            host.run(live(tmp_path / "o.mp4"))
        assert caught.value.exit_code == 5
        assert time.monotonic() - begun < 4
        assert not host.unfit
    assert closed == ["closed"]


def test_a_scheme_is_known_in_any_case_and_its_options_with_it(tmp_path: Path) -> None:
    from roop_host.plugins.taking_part import beside_steps

    what = live(tmp_path / "o.mp4", "CAMERA:0")
    assert "t1" in beside_steps(what, with_camera())
    assert run(with_camera(), what).frames == 12
