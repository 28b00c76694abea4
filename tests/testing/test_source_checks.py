"""Each check of sources lets honest ones pass, and fails for one that does what it must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import kit
import pytest
from honest import ADDRESS, BLACK, HEIGHT, WIDTH
from honest import Gives as Honest

from roop_host import Context, InputError, Interrupted, Source, SourceFrame, StreamInfo, UsageError
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Result, Subject, run_check
from roop_host.testing.checks import source as module

IDS = [check.id for check in module.CHECKS]


class Endless(Honest):
    total = 1_000_000


class OneFrame(Honest):
    total = 1


class Patient(Honest):
    """Waits for frames that never come, but hears."""

    def frames(self) -> Iterator[SourceFrame]:
        yield SourceFrame(BLACK + 1, 0)
        yield SourceFrame(BLACK + 2, 1)
        if not self.ctx.cancel.wait(0.2):
            return
        raise Interrupted("stopped on request")


class Listed(Honest):
    """No generator."""

    def frames(self) -> Iterator[SourceFrame]:
        return iter(list(super().frames()))


class TakesAll(Honest):
    def open(self, address: str) -> StreamInfo:
        return super().open(ADDRESS)


class NoRate(Honest):
    def open(self, address: str) -> StreamInfo:
        return replace(super().open(address), rate=25.0)  # type: ignore[arg-type]


class NoFrames(Honest):
    def open(self, address: str) -> StreamInfo:
        return replace(super().open(address), frames=0)


class Huge(Honest):
    def open(self, address: str) -> StreamInfo:
        return replace(super().open(address), width=1_000_000, height=1_000_000)


class Swapped(Honest):
    def open(self, address: str) -> StreamInfo:
        return replace(super().open(address), width=HEIGHT, height=WIDTH)


class Empty(Honest):
    total = 0


class Late(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        for frame in super().frames():
            yield replace(frame, pts=frame.pts // 100)


class Floats(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        for frame in super().frames():
            yield replace(frame, bgr=frame.bgr / 255)


class Bare(Honest):
    def frames(self) -> Iterator[Any]:
        for frame in super().frames():
            yield frame if frame.pts == 7000 else (frame.bgr, frame.pts)


class Buffer(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        buffer = BLACK.copy()
        for frame in super().frames():
            buffer[...] = frame.bgr
            yield replace(frame, bgr=buffer)


class Same(Honest):
    """Gives one array, in which nothing changes."""

    def frames(self) -> Iterator[SourceFrame]:
        for frame in super().frames():
            yield replace(frame, bgr=BLACK)


class Raises(Honest):
    def open(self, address: str) -> StreamInfo:
        if address != ADDRESS:
            raise OSError("[Errno 2] no such device")
        return super().open(address)


class Curt(Honest):
    def open(self, address: str) -> StreamInfo:
        if address != ADDRESS:
            raise InputError("ENODEV")
        return super().open(address)


class Folder(Honest):
    """A folder and a rate, where the folder is there."""

    def open(self, address: str) -> StreamInfo:
        folder, _, rate = address.partition(":")[2].rpartition("@")
        if not folder or not rate.isdigit():
            raise InputError(f"{address} is no address; say camera:FOLDER@25")
        self.look(folder)
        return super().open(ADDRESS)

    def look(self, folder: str) -> None:
        if folder != "/clips/of june":
            raise InputError(f"{folder} is no folder; check the address")


class LooksNotWhetherItIsThere(Folder):
    def look(self, folder: str) -> None:
        if folder != "/clips/of june":
            raise FileNotFoundError(2, "No such file or directory")


class ClosesWhatIsNotThere(Honest):
    def open(self, address: str) -> StreamInfo:
        info = super().open(address)
        self.device = object()
        return info

    def close(self) -> None:
        del self.device


class Once(Honest):
    """Can't be opened again once it has been read to its end."""

    done = False

    def open(self, address: str) -> StreamInfo:
        info = super().open(address)
        if self.done:
            raise InputError(f"{address} is in use by another program")
        return info

    def frames(self) -> Iterator[SourceFrame]:
        yield from super().frames()
        self.done = True


class Exhausted(Honest):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.left = list(super().frames())

    def frames(self) -> Iterator[SourceFrame]:
        while self.left:
            yield self.left.pop(0)


class HoldsOn(Honest):
    """Lets go of the device only where it was read to its end."""

    held = False

    def open(self, address: str) -> StreamInfo:
        info = super().open(address)
        if self.held:
            raise InputError(f"{address} is in use by another program")
        self.held = True
        return info

    def frames(self) -> Iterator[SourceFrame]:
        yield from super().frames()
        self.held = False


class FailsAtTheEnd(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        try:
            yield from super().frames()
        except GeneratorExit:
            raise RuntimeError("the reader was cut off") from None


class Deaf(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        for frame in super().frames():
            if self.ctx.cancel.is_set():
                time.sleep(1.5)
            yield frame


class StopIsFailure(Honest):
    def frames(self) -> Iterator[SourceFrame]:
        for frame in super().frames():
            if self.ctx.cancel.is_set():
                raise InputError("the camera gives nothing any more")
            yield frame


BROKEN: list[tuple[str, type[Source], str]] = [
    ("stream_is_described", NoRate, "the time base Fraction(1, 1000) and the rate 25.0"),
    ("stream_is_described", NoFrames, "8x6 and 0 frames"),
    ("frames_are_as_described", Swapped, "uint8 (6, 8, 3) and not uint8 (8, 6, 3) as frame 0"),
    ("frames_are_as_described", Empty, "gave no frame of camera:0"),
    ("frames_are_as_described", Late, "the time 70, which is no whole number later than 70, as frame 1"),
    ("frames_are_as_described", Floats, "float64 (6, 8, 3) and not uint8"),
    ("frames_are_the_hosts", Buffer, "changed frame 0"),
    ("frames_are_the_hosts", Same, "the array of frame 0 for a later one too"),
    ("nothing_there_is_an_input_error", Raises, "OSError: [Errno 2] no such device for camera:roop-check"),
    ("nothing_there_is_an_input_error", Curt, "'ENODEV'"),
    ("closes_after_a_failed_open", ClosesWhatIsNotThere, "AttributeError"),
    ("opens_again_after_close", Once, "a second time: camera:0 is in use"),
    ("closes_in_the_middle", HoldsOn, "in the middle of it: camera:0 is in use"),
    ("closes_in_the_middle", FailsAtTheEnd, "RuntimeError: the reader was cut off"),
    ("cancel_is_heard", Deaf, "did not end 0.5 s after the job was stopped"),
    ("cancel_is_heard", StopIsFailure, "for a failure: InputError"),
]


def results(made: type[Source], address: str = ADDRESS) -> dict[str, Result]:
    plugins = plugins_of({"cam": kit.source(made)})
    subject = Subject(plugins, "roop_sources", plugins.named("roop_sources", "cam"), address=address)
    return {check.id: run_check(check, subject) for check in module.CHECKS}


@pytest.fixture(autouse=True)
def _little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.5)


@pytest.mark.parametrize("honest", [Honest, Endless, OneFrame, Patient, Listed, TakesAll])
def test_an_honest_source_passes(honest: type[Source]) -> None:
    found = results(honest)
    assert [(name, result.told) for name, result in found.items() if not result.good] == []


@pytest.mark.parametrize(("wrong", "made", "said"), BROKEN)
def test_what_is_wrong_fails_its_check_alone(wrong: str, made: type[Source], said: str) -> None:
    found = results(made)
    assert [name for name, result in found.items() if result.state == "failed"] == [wrong]
    assert said in found[wrong].told


def test_a_stream_that_is_too_large_for_any_job_is_told() -> None:
    assert "it gave a stream that no job takes: " in results(Huge)["stream_is_described"].told


def test_a_folder_that_is_gone_is_tried_too() -> None:
    address = "camera:/clips/of june@25"
    assert {result.state for result in results(Folder, address).values()} == {"passed"}
    told = results(LooksNotWhetherItIsThere, address)["nothing_there_is_an_input_error"].told
    assert "FileNotFoundError" in told
    assert "for camera:/roop-check-gone-clips/of june@25" in told


@pytest.mark.parametrize(
    ("address", "gone"),
    [
        ("camera:0", []),
        ("", []),
        ("camera:front", ["camera:X-front"]),
        (
            "rtsp://me:secretly@cam.example:554/live",
            [
                "rtsp://me:secretly@cam.X-example:554/live",
                "rtsp://me:secretly@cam.example:554/X-live",
                "rtsp://me:secretly@X-cam.example:554/live",
            ],
        ),
        ("src:C:\\clips@10", ["src:C:\\X-clips@10", "src:X-C:\\clips@10"]),
    ],
)
def test_names_of_an_address_are_changed_but_who_asks_is_not(address: str, gone: list[str]) -> None:
    assert [one.replace("roop-check-gone", "X") for one in module._gone(address)] == gone


def test_what_is_no_frame_is_told() -> None:
    assert "it gave tuple and not a SourceFrame as frame 1" in results(Bare)["frames_are_as_described"].told


def test_a_source_that_is_exhausted_after_one_job_fails() -> None:
    assert "gave no frame of camera:0 a second time" in results(Exhausted)["opens_again_after_close"].told


def test_a_hanging_call_ends_the_checks() -> None:
    found = results(Deaf)
    assert found["cancel_is_heard"].hangs


def test_without_an_address_it_is_said_how_to_give_one() -> None:
    found = results(Honest, "")
    wanted = {"nothing_there_is_an_input_error": "passed", "closes_after_a_failed_open": "passed"}
    assert {name: result.state for name, result in found.items()} == {**dict.fromkeys(IDS, "not run"), **wanted}
    error = found["stream_is_described"].error
    assert isinstance(error, UsageError)
    assert "--address camera:" in str(error)


def test_where_nothing_is_at_the_address_nothing_failed() -> None:
    found = results(Honest, "camera:9")
    assert {result.state for result in found.values()} == {"not run", "passed"}
    assert "no camera is called camera:9" in found["frames_are_as_described"].told


def test_every_check_is_seen_failing() -> None:
    assert {wrong for wrong, _, _ in BROKEN} == set(IDS)
