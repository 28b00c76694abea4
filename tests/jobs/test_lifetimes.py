"""When an object is called and from where, and that no call of a plugin can hold a job for ever or end the process."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import Quiet, Tint, job, left, one_of_each, plugins, processor, refused, run, screener
from PIL import Image

from roop_host import (
    ContentBlocked,
    Control,
    ExecutionOptions,
    Host,
    InputError,
    Interrupted,
    Job,
    MediaOptions,
    NoFaceError,
    OutputError,
    Processor,
    RoopError,
    ScreenerFailed,
    Step,
    UploadError,
    UsageError,
    Window,
    hookimpl,
    option,
)
from roop_host.pipeline import calls

OUTSIDE = ("setup", "begin", "end", "teardown", "finish", "upload", "head", "tail")


@pytest.fixture
def what(tmp_path: Path) -> Job:
    """A picture with a source picture, so that everything is called once."""
    for name in ("in.png", "face.png"):
        Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / name)
    made = job(tmp_path / "in.png", tmp_path / "o.png", "tint", execution=ExecutionOptions(timeout_s=0.2))
    return replace(made, sources=(str(tmp_path / "face.png"),), exports=("times",), uploads=("bucket",))


@pytest.fixture
def streamed(what: Job, tmp_path: Path) -> Job:
    """The same from a stream to a format of a plugin."""
    return replace(what, target="camera:0", output=str(tmp_path / "o.raw"), uploads=())


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What hung calls wait for; they come back when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_the_order_of_a_hosts_life(what: Job, tmp_path: Path) -> None:
    events: list[str] = []
    with Host(one_of_each(events.append)) as host:
        host.run(replace(what, execution=ExecutionOptions()))
        host.run(replace(what, output=str(tmp_path / "p.png"), execution=ExecutionOptions()))
    loaded = ["screener", "screener", "uploader", "analyser", "processor", "sidecar", "finisher"]
    one_job = [
        *["screener.screen", "analyser.analyse_picture"],
        *[f"{kind}.begin" for kind in loaded],
        *["screener.screen", "analyser.analyse_picture", "processor.process", "screener.screen", "sidecar.piece"],
        *["finisher.finish", "sidecar.head", "sidecar.tail", "uploader.upload"],
        *[f"{kind}.end" for kind in reversed(loaded)],
    ]
    # When a stage is told of a segment does not hang on how far a frame of it has come.
    assert [event for event in events if not event.endswith(".start")] == [
        *[f"{kind}.setup" for kind in loaded],
        *one_job,
        *one_job,
        *[f"{kind}.teardown" for kind in reversed(loaded)],
    ]
    for kind, call in (("processor", "process"), ("sidecar", "piece")):
        in_stream = [event for event in events if event in (f"{kind}.start", f"{kind}.{call}")]
        assert in_stream == [f"{kind}.start", f"{kind}.{call}"] * 2


def test_a_stream_is_opened_before_begin_and_closed_at_last(streamed: Job) -> None:
    events: list[str] = []
    run(one_of_each(events.append), replace(streamed, execution=ExecutionOptions()))
    life = [event.removeprefix("source.") for event in events if event.startswith("source.")]
    assert life == ["setup", "open", "begin", "frames", "end", "close", "teardown"]


def test_one_thread_calls_all_that_is_outside_of_the_stream(what: Job) -> None:
    threads: dict[str, set[int]] = {"outside": set(), "stream": set()}

    def act(place: str) -> None:
        threads["outside" if place.split(".")[1] in OUTSIDE else "stream"].add(threading.get_ident())

    before = set(threading.enumerate())  # another test's hung call may be on its way back
    run(one_of_each(act), replace(what, execution=ExecutionOptions(), sources=what.sources))
    assert len(threads["outside"]) == 1
    assert threading.get_ident() not in threads["outside"] | threads["stream"]
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.name == "roop-calls"]


PLACES = {
    "screener.setup": 5,
    "screener.screen": 5,
    "analyser.analyse_picture": 7,
    "uploader.begin": 7,
    "processor.setup": 7,
    "processor.begin": 7,
    "processor.start": 7,
    "sidecar.piece": 7,
    "sidecar.head": 7,
    "finisher.finish": 7,
    "uploader.upload": 8,
}
STREAMED = {"source.open": 7, "source.frames": 7, "writer.open": 7, "writer.write": 7, "writer.close": 7}


def hung(place: str, what: Job, never: threading.Event, seen: list[str]) -> RoopError:
    def act(at: str) -> None:
        seen.append(at)
        if at == place:
            never.wait(20)

    host = Host(one_of_each(act))
    begun = time.monotonic()
    with pytest.raises(RoopError) as caught:
        host.run(what)
    assert time.monotonic() - begun < 4
    assert host.unfit
    reached = len(seen)
    host.close()
    assert len(seen) == reached  # neither end nor teardown: they may need what the hung call holds
    return caught.value


@pytest.mark.parametrize("place", [place for place in PLACES | STREAMED if place != "screener.setup"])
def test_a_call_that_hangs_is_given_up(place: str, what: Job, streamed: Job, never: threading.Event, tmp_path: Path) -> None:
    seen: list[str] = []
    error = hung(place, streamed if place in STREAMED else what, never, seen)
    assert error.exit_code == (PLACES | STREAMED)[place]
    limit = "2 s" if place.endswith(("setup", "upload", "finish", "writer.close")) else "0.2 s"
    assert f"did not come back within {limit}" in str(error)
    assert place.split(".")[0] in str(error)
    assert "(roop-t" in str(error)
    assert not [event for event in seen if event.endswith((".end", ".teardown"))]
    kept = ["o.csv", "o.png"] if place == "uploader.upload" else []
    assert [name for name in left(tmp_path) if name[0] == "o"] == kept


@pytest.mark.parametrize("place", ["processor.end", "processor.teardown"])
def test_an_end_that_hangs_is_logged_and_the_job_is_done(
    place: str, what: Job, never: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    after: list[str] = []

    def act(at: str) -> None:
        if after or at == place:
            after.append(at)
        if at == place:
            never.wait(20)

    control = Control()
    with Host(one_of_each(act)) as host:
        assert host.run(what, control=control).exit_code == 0
        assert control.unfit == host.unfit == (place == "processor.end")
    assert host.unfit
    assert after == [place]
    assert "processor tint (roop-t1 0) hangs at its end" in caplog.text


@pytest.mark.parametrize("place", PLACES | STREAMED)
@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_no_plugin_ends_the_process(place: str, error: BaseException, what: Job, streamed: Job, tmp_path: Path) -> None:
    seen: list[str] = []

    def act(at: str) -> None:
        seen.append(at)
        if at == place:
            raise error

    chosen = replace(streamed if place in STREAMED else what, execution=ExecutionOptions())
    told = refused(one_of_each(act), chosen)
    assert told.exit_code == (PLACES | STREAMED)[place]
    assert f"{type(error).__name__}" in str(told)
    assert "(roop-t" in str(told)
    assert seen.count("processor.begin") == seen.count("processor.end")
    assert seen.count("processor.setup") == seen.count("processor.teardown")
    assert seen.count("source.open") == seen.count("source.close")
    kept = ["o.csv", "o.png"] if place == "uploader.upload" else []
    assert [name for name in left(tmp_path) if name[0] == "o"] == kept


@pytest.mark.parametrize("place", ["processor.end", "processor.teardown"])
@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_no_end_of_a_plugin_ends_the_process(
    place: str, error: BaseException, what: Job, caplog: pytest.LogCaptureFixture
) -> None:
    def act(at: str) -> None:
        if at == place:
            raise error

    assert run(one_of_each(act), what).exit_code == 0
    assert f"processor tint (roop-t1 0) failed at its end ({type(error).__name__}" in caplog.text


def stops(place: str, control: Control, then: Callable[[], object]) -> Callable[[str], None]:
    def act(at: str) -> None:
        if at == place:
            control.cancel()
            then()

    return act


@pytest.mark.parametrize("place", ["processor.setup", "analyser.analyse_picture", "processor.begin", "finisher.finish"])
def test_a_cancel_does_not_wait_for_a_call_that_hangs(
    place: str, what: Job, never: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(calls, "GRACE_S", 0.2)
    control = Control()
    begun = time.monotonic()
    with Host(one_of_each(stops(place, control, lambda: never.wait(20)))) as host, pytest.raises(Interrupted) as caught:
        host.run(replace(what, execution=ExecutionOptions()), control=control)
    assert time.monotonic() - begun < 2
    assert host.unfit
    assert caught.value.report is not None
    assert caught.value.report.status == "interrupted"
    assert not [name for name in left(tmp_path) if name[0] == "o"]


def test_a_cancel_lets_a_short_call_come_back(what: Job) -> None:
    control = Control()
    with Host(one_of_each(stops("processor.setup", control, lambda: time.sleep(0.2)))) as host:
        with pytest.raises(Interrupted):
            host.run(what, control=control)
        assert not host.unfit


class Waits(Tint):
    """Takes long to set up, but looks whether it is still wanted."""

    def setup(self, ctx: Any) -> None:
        while True:
            ctx.check_cancel()
            time.sleep(0.01)


def test_ctrl_c_in_a_python_program_ends_in_order(what: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Noted(Waits):
        def teardown(self) -> None:
            events.append("teardown")

    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt), Host(plugins(processor(Noted, "tint"))) as host:
        host.run(replace(what, exports=(), uploads=()))
    assert not host.unfit
    assert events == ["teardown"]


def test_ctrl_c_in_a_python_program_gives_a_hung_call_up(
    what: Job, never: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "GRACE_S", 0.2)

    def act(at: str) -> None:
        if at == "processor.setup":
            _thread.interrupt_main()
            never.wait(20)

    with Host(one_of_each(act)) as host, pytest.raises(Interrupted):
        host.run(replace(what, execution=ExecutionOptions()))
    assert host.unfit


def test_a_fault_in_a_window_names_its_frames(tmp_path: Path) -> None:
    class Breaks(Processor):
        def process(self, window: Window) -> None:
            if window.current[0].index == 8:
                raise ValueError("odd")

    clip = make_clip(tmp_path / "in.mp4", frames=20, sound=False)
    error = refused(plugins(processor(Breaks, "breaks", batch_size=5)), job(clip, tmp_path / "o.mp4", "breaks"))
    assert "processor breaks (roop-t0 0) failed at frames 8-12 (ValueError: odd)" in str(error)


def watching(seen: Callable[[object], None]) -> SimpleNamespace:
    @hookimpl
    def roop_job_finished(report: object) -> None:
        seen(report)

    return SimpleNamespace(ROOP_API=1, roop_job_finished=roop_job_finished)


def test_an_observer_that_hangs_is_given_up_and_the_job_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = threading.Event()
    try:
        watcher = watching(lambda report: held.wait(30))
        with Host(plugins(processor(Tint, "tint"), watcher)) as host:
            what = job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint", execution=ExecutionOptions(timeout_s=0.5))
            assert host.run(what).status == "done"
            assert host.unfit
        assert "an observer of finished jobs hangs" in caplog.text
    finally:
        held.set()


def test_an_observer_hears_of_a_failure_too(tmp_path: Path) -> None:
    heard: list[object] = []
    refused(plugins(processor(Tint, "tint"), watching(heard.append)), job(tmp_path / "no.mp4", tmp_path / "o.mp4", "tint"))
    assert [report.exit_code for report in heard] == [3]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"media": MediaOptions(quality=101)}, "media.quality of the job takes a whole number (0 to 100), not 101"),
        ({"execution": ExecutionOptions(timeout_s=0)}, "execution.timeout_s of the job takes a number (0.1 or more), not 0"),
        ({"on_no_face": "skip"}, "on_no_face of the job takes one of keep, hold, drop, fail, not 'skip'"),
        ({"screen_limit": float("nan")}, "screen_limit of the job takes"),
        ({"sources": "face.jpg"}, "sources of the job takes a tuple of names of files, not 'face.jpg'"),
        ({"sources": ("a\0b",)}, "sources of the job takes"),
        ({"target": ""}, "target of the job takes the name of a file, not ''"),
        ({"steps": ("tint",)}, "steps of the job takes a tuple of Step, not ('tint',)"),
        ({"steps": (Step("tint", None),)}, "options in the job are a table of keys and values, not None"),
        ({"plugin_options": {"quiet": 3}}, "options in the job are a table of keys and values, not 3"),
        ({"media": None}, "media of the job takes a MediaOptions, not None"),
        ({"plugin_options": {"quiet": {"nonsense": 1}}}, "the plugin quiet has no option 'nonsense'"),
        ({"plugin_options": {"t1": {}}}, "options for the plugin t1, which takes no part in this job"),
        ({"plugin_options": {"quite": {}}}, "did you mean 'quiet'"),
    ],
)
def test_a_job_that_was_built_by_hand_is_checked(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    made = replace(job(tmp_path / "c.mp4", tmp_path / "o.mp4", "tint"), **change)
    error = refused(plugins(processor(Tint, "tint"), processor(Tint, "other")), made)
    assert error.exit_code == 2
    assert words in str(error)


def test_what_is_no_job_at_all_is_refused() -> None:
    with Host(plugins()) as host, pytest.raises(RoopError, match="a run takes a Job, not 'x'"):
        host.run("x")  # type: ignore[arg-type]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str!")


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (InputError("no such table"), 3, "the processor tint (roop-t0 0): no such table"),
        (NoFaceError("nobody"), 4, "the processor tint (roop-t0 0): nobody"),
        (ContentBlocked("bad"), 7, "the processor tint (roop-t0 0): bad"),
        (RoopError("odd"), 7, "the processor tint (roop-t0 0): odd"),
        (OutputError("full"), 7, "the processor tint (roop-t0 0): full"),
        (Interrupted("enough"), 7, "the processor tint (roop-t0 0): enough"),
        (UploadError("gone"), 7, "the processor tint (roop-t0 0): gone"),
        (Unspeakable(), 7, "the processor tint (roop-t0 0) failed at frame 0 (Unspeakable)"),
        (ValueError("a\nb\x1b[31m\u202e" + "x" * 900), 7, "(ValueError: a b [31m xxx"),
    ],
)
def test_an_error_of_a_plugin_is_shown_as_the_plugins(error: Exception, exit_code: int, said: str, tmp_path: Path) -> None:
    class Raises(Tint):
        def process(self, window: Window) -> None:
            raise error

    told = refused(plugins(processor(Raises, "tint")), job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint"))
    assert (told.exit_code, said in str(told)) == (exit_code, True), str(told)
    assert len(str(told)) < 800
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(Interrupted("me"), 5), (NoFaceError("me"), 5), (ScreenerFailed("me"), 5), (UsageError("me"), 2), (OSError("me"), 5)],
)
@pytest.mark.parametrize("place", ["setup", "begin"])
def test_what_a_screener_raises_is_a_screeners_failure(
    error: Exception, exit_code: int, place: str, what: Job, tmp_path: Path
) -> None:
    def act(at: str) -> None:
        if at == f"screener.{place}":
            raise error

    told = refused(one_of_each(act), replace(what, execution=ExecutionOptions()))
    assert (told.exit_code, "the screener look (roop-t0 0)" in str(told)) == (exit_code, True), str(told)
    assert "leave it out" not in str(told)


@pytest.mark.parametrize("error", [TypeError("odd"), SystemExit("odd")])
def test_an_options_class_that_fails_is_the_plugins(error: BaseException, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Bad:
        amount: int = option(1, "How much.")

        def __post_init__(self) -> None:
            raise error

    step = processor(Tint, "tint")
    step.ROOP_OPTIONS = Bad
    told = refused(plugins(step), job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint"))
    assert (told.exit_code, f"the options class of the plugin t0 failed ({type(error).__name__}: odd)" in str(told)) == (
        7,
        True,
    )


def test_options_of_a_plugin_are_checked_as_its_step_completes_them(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Range:
        low: int = option(0, "Where it begins.")
        high: int = option(10, "Where it ends.")

        def __post_init__(self) -> None:
            if self.low >= self.high:
                raise ValueError("low must be under high")

    step = processor(Tint, "tint")
    step.ROOP_OPTIONS = Range
    made = job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint", plugin_options={"t0": {"low": 20}})
    assert "low must be under high" in str(refused(plugins(step), made))
    assert run(plugins(step), replace(made, steps=(Step("tint", {"high": 30}),))).status == "done"


def test_a_screener_whose_threshold_is_none_keeps_the_hosts_limit(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Open:
        threshold: float | None = option(None, "The limit.")

    watch = screener(Quiet, "watch")
    watch.ROOP_OPTIONS = Open
    report = run(plugins(processor(Tint, "tint"), watch), job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint"))
    assert {verdicts.limit for verdicts in report.screening} == {0.85}


def test_a_link_that_leads_nowhere_is_in_the_way_before_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "o.mp4").symlink_to(tmp_path / "nowhere")

    class Never(Tint):
        def setup(self, ctx: Any) -> None:
            raise AssertionError("work was begun")

    error = refused(plugins(processor(Never, "tint")), job(make_clip(tmp_path / "c.mp4"), tmp_path / "o.mp4", "tint"))
    assert (error.exit_code, "exists already" in str(error)) == (2, True)
