"""Each check of an exporter fails on one that is broken just so, and on no other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from kit import Raw, Seal, Times, exporter

from roop_host import Context, Finished, Finisher, FrameView, InputError, JobContext, OutputError, Segment, StreamInfo
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.exporter import CHECKS


class TextPieces(Times):
    def tail(self) -> Any:
        return "end"


class NeverResets(Times):
    def __init__(self) -> None:
        self.number = 0

    def start(self, segment: Segment) -> None:
        self.number = 0 if segment.index == 0 else self.number


class Sums(Times):
    total = 0

    def piece(self, frame: FrameView) -> bytes:
        self.total = 1
        return super().piece(frame)

    def tail(self) -> bytes:
        return f"{self.total}".encode()


class OneFace(Times):
    def piece(self, frame: FrameView) -> bytes:
        if not frame.faces and frame.width == 480:
            raise IndexError("nobody")
        return super().piece(frame)


class EightBits(Times):
    def piece(self, frame: FrameView) -> bytes:
        if frame.depth > 8:
            raise ValueError("only 8 bits")
        return super().piece(frame)


class Jobs(Times):
    jobs = 0

    def begin(self, job: JobContext) -> None:
        self.jobs += 1

    def head(self) -> bytes:
        return f"{self.jobs}".encode()


class Paints(Times):
    def piece(self, frame: FrameView) -> bytes:
        piece = super().piece(frame)
        frame._pixels.planes[0][:] = 0
        return piece


class Keeps(Times):
    def piece(self, frame: FrameView) -> bytes:
        self.last = frame
        return super().piece(frame)


class Bound(Times):
    def setup(self, ctx: Context) -> None:
        self.local = threading.local()
        self.local.ready = True

    def piece(self, frame: FrameView) -> bytes:
        return super().piece(frame) if self.local.ready else b""


class Closes(Raw):
    """A healthy writer."""

    file = None

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if self.file is not None:
            self.file.close()
        self.file = None


class Beside(Closes):
    def open(self, path: Path, stream: StreamInfo) -> None:
        super().open(path, stream)
        path.with_suffix(".index").touch()


class Nowhere(Closes):
    def close(self) -> None:
        super().close()
        Path(self.name).unlink()

    def open(self, path: Path, stream: StreamInfo) -> None:
        super().open(path, stream)
        self.name = path


class Adds(Closes):
    """Every file holds the frames of those before."""

    content = b""

    def write(self, frame: FrameView) -> None:
        super().write(frame)
        self.content += b"\n"
        self.file.write(self.content)


class Clocked(Times):
    calls = 0

    def head(self) -> bytes:
        self.calls += 1
        return f"made at {self.calls}".encode()


class Black(Closes):
    def write(self, frame: FrameView) -> None:
        self.file.write(bytes(frame.width * frame.height * 3))


class DropsTheThird(Closes):
    def open(self, path: Path, stream: StreamInfo) -> None:
        super().open(path, stream)
        self.number = 0

    def write(self, frame: FrameView) -> None:
        self.number += 1
        if self.number % 3:
            super().write(frame)


class Shuffled(Closes):
    """Writes what it is given in an order of its own."""

    def open(self, path: Path, stream: StreamInfo) -> None:
        super().open(path, stream)
        self.frames: list[bytes] = []

    def write(self, frame: FrameView) -> None:
        self.frames.append(frame.bgr().tobytes())

    def close(self) -> None:
        self.file.write(b"".join(sorted(self.frames)))
        super().close()


class Chance(Closes):
    def write(self, frame: FrameView) -> None:
        self.file.write(os.urandom(16))
        super().write(frame)


class Wordless(Closes):
    def write(self, frame: FrameView) -> None:
        if frame.depth > 8:
            raise OutputError("")
        super().write(frame)


class Length(Closes):
    def open(self, path: Path, stream: StreamInfo) -> None:
        super().open(path, stream)
        self.file.write(bytes([stream.frames or 0]) if stream.frames != 9 else bytes(stream.frames / 0))


class LeavesOpen(Closes):
    def close(self) -> None:
        self.file.close()
        self.file = None

    def abort(self) -> None:
        if self.file is not None:
            self.file.flush()


class NeedsOpen(Closes):
    def abort(self) -> None:
        self.file.close()


class EightBitFiles(Closes):
    def write(self, frame: FrameView) -> None:
        if frame.depth > 8:
            raise ValueError("only 8 bits")
        super().write(frame)


class Refuses(Closes):
    """A healthy one that says what it can't hold."""

    def write(self, frame: FrameView) -> None:
        if frame.depth > 8:
            raise OutputError("this format holds 8 bits a sample; take another suffix")
        super().write(frame)


class Crops(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        if path.suffix == ".jpg":
            path.write_bytes(b"")


class CutsClips(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        if path.suffix == ".mp4":
            path.write_bytes(path.read_bytes()[:3000])


class Returns(Seal):
    made: ClassVar[Any] = {".md5": b""}

    def finish(self, path: Path, about: Finished) -> Any:
        return self.made


class Hashes(Seal):
    """A healthy one that makes a file beside."""

    def finish(self, path: Path, about: Finished) -> Mapping[str, bytes] | None:
        return {".sum": b"1"}


class Temporary(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        path.with_suffix(".tmp").write_bytes(b"1")


class Touches(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        assert about.target is not None
        about.target.with_suffix(".seen").touch()


class Rewrites(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        assert about.target is not None
        about.target.write_bytes(about.target.read_bytes())


class KnowsAll(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        {".png": 1, ".jpg": 2, ".mp4": 3}[path.suffix]


class Appends(Seal):
    def finish(self, path: Path, about: Finished) -> None:
        if path.suffix == ".roopkit":
            path.write_bytes(path.read_bytes() + b"1")


class Declines(Seal):
    """A healthy one that says what it does not know."""

    def finish(self, path: Path, about: Finished) -> None:
        if path.suffix == ".roopkit":
            raise OutputError("it can't be sealed; leave the seal out")


class Unready(Seal):
    def setup(self, ctx: Context) -> None:
        raise InputError("the key is not there; make one")


def sidecar(make: Callable[[], Any]) -> SimpleNamespace:
    return exporter(make, "it", "sidecar", ".csv")


def writer(make: Callable[[], Any]) -> SimpleNamespace:
    return exporter(make, "it", "writer", ".raw")


def finisher(make: Callable[[], Finisher]) -> SimpleNamespace:
    return exporter(make, "it", "finisher", ".sum")


BROKEN = {
    "sidecar_gives_bytes": sidecar(TextPieces),
    "sidecar_begins_anew_at_segments": sidecar(NeverResets),
    "sidecar_ends_know_no_frame": sidecar(Sums),
    "sidecar_takes_frames_without_faces": sidecar(OneFace),
    "sidecar_takes_odd_frames": sidecar(EightBits),
    "sidecar_jobs_are_apart": sidecar(Jobs),
    "writer_writes_its_path_alone": writer(Beside),
    "writer_writes_what_it_is_given": writer(Adds),
    "writer_need_not_know_the_length": writer(Length),
    "writer_gives_up_at_any_time": writer(LeavesOpen),
    "writer_takes_odd_frames": writer(EightBitFiles),
    "finisher_keeps_pictures": finisher(Crops),
    "finisher_keeps_clips": finisher(CutsClips),
    "finisher_gives_declared_files": finisher(Returns),
    "finisher_leaves_nothing_beside": finisher(Temporary),
    "finisher_keeps_inputs": finisher(Touches),
    "finisher_leaves_what_it_does_not_know": finisher(KnowsAll),
    "frames_stay_as_they_are": sidecar(Paints),
    "no_frame_is_kept": sidecar(Keeps),
    "another_thread_may_ask": sidecar(Bound),
}
#: The check, the plugin, and what is told.
TOLD = [
    ("sidecar_gives_bytes", sidecar(TextPieces), "its tail is str, not bytes"),
    ("sidecar_ends_know_no_frame", sidecar(Sums), "its tail is another one after frames than before"),
    ("sidecar_takes_odd_frames", sidecar(EightBits), "it failed on a frame of 10 bits: ValueError: only 8 bits"),
    ("writer_writes_its_path_alone", writer(Beside), "it left beside the file: output.index"),
    ("writer_writes_its_path_alone", writer(Nowhere), "it left no file at the path it was given"),
    ("sidecar_ends_know_no_frame", sidecar(Clocked), "its head is another one the second time it is asked for"),
    ("writer_writes_what_it_is_given", writer(Black), "4 frames and the same with another frame 0 make the same file"),
    ("writer_writes_what_it_is_given", writer(DropsTheThird), "4 frames and the same with another frame 2 make the same"),
    ("writer_writes_what_it_is_given", writer(Shuffled), "4 frames and the same with frame 1 before frame 0 make the same"),
    ("writer_writes_what_it_is_given", writer(Chance), "equal frames make another file the second time"),
    ("writer_takes_odd_frames", writer(Wordless), "it refuses a frame of 10 bits without a word"),
    ("writer_gives_up_at_any_time", writer(LeavesOpen), "the file is still open after abort after open"),
    ("writer_gives_up_at_any_time", writer(NeedsOpen), "it failed on abort before open: AttributeError"),
    ("writer_need_not_know_the_length", writer(Length), "whose length is said to be 9: ZeroDivisionError"),
    ("finisher_keeps_pictures", finisher(Crops), "the host refuses the job: "),
    ("finisher_gives_declared_files", finisher(Returns), "it returned a file '.md5', and it declares .sum"),
    ("finisher_gives_declared_files", finisher(type("_", (Returns,), {"made": {".sum": "1"}})), "str for .sum, not bytes"),
    ("finisher_gives_declared_files", finisher(type("_", (Returns,), {"made": b"1"})), "bytes, which is neither None nor"),
    ("finisher_leaves_nothing_beside", finisher(Temporary), "it left beside the file: "),
    ("finisher_keeps_inputs", finisher(Touches), "it wrote beside the job's target: target.seen"),
    ("finisher_keeps_inputs", finisher(Rewrites), "it changed the file that was the job's target"),
    ("finisher_leaves_what_it_does_not_know", finisher(KnowsAll), "it failed on a file in .roopkit: KeyError"),
    ("finisher_leaves_what_it_does_not_know", finisher(Appends), "it changed a file in .roopkit: "),
    ("finisher_keeps_pictures", finisher(Unready), "the key is not there; make one"),
    ("frames_stay_as_they_are", sidecar(Paints), "it changed the pixels of frame 0"),
]


def failures(module: SimpleNamespace, *ids: str) -> dict[str, str]:
    """What each check says that fails, or can't be run, of those of its role or of ``ids`` alone."""
    plugins = plugins_of({"it": module})
    subject = Subject(plugins, "roop_exporters", plugins.named("roop_exporters", "it"))
    results = [run_check(check, subject) for check in CHECKS if not ids or check.id in ids]
    return {result.check.id: result.told for result in results if not result.good}


def test_every_check_has_a_broken_plugin() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    "module",
    [sidecar(Times), writer(Closes), writer(Refuses), finisher(Seal), finisher(Hashes), finisher(Declines)],
    ids=["sidecar", "writer", "refusing writer", "finisher", "finisher with a file", "refusing finisher"],
)
def test_a_healthy_one_passes(module: SimpleNamespace) -> None:
    assert failures(module) == {}


@pytest.mark.parametrize("check", BROKEN)
def test_what_is_broken_fails_that_check_alone(check: str) -> None:
    assert list(failures(BROKEN[check])) == [check]


@pytest.mark.parametrize(("check", "module", "told"), TOLD, ids=[f"{number}" for number in range(len(TOLD))])
def test_what_happened_is_told(check: str, module: SimpleNamespace, told: str) -> None:
    assert told in failures(module, check)[check]


def test_jobs_of_a_check_stand_in_no_ledger_of_the_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_STATE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "mine"))
    assert failures(finisher(Hashes), "finisher_keeps_pictures") == {}
    assert not (tmp_path / "mine").exists()
