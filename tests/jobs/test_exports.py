"""Sidecars, finishers and writers: whole with the output or not there at all, and the same after a run was continued."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip, pts_of
from kit import FAST, Quiet, Raw, Seal, Times, Tint, breaks, exporter, job, left, plugins, processor, refused, run, screener
from PIL import Image

from roop_host import ExecutionOptions, Finished, FrameView, Job, Sidecar, Stage, StreamInfo, Window
from roop_host.media.reading.probe import probe
from roop_host.plugins.found import Plugins

RESUMABLE = ExecutionOptions(resumable=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=20)


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "in.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path)
    return path


def with_times(step: Callable[[], Any] = Tint, sidecar: Callable[[], Sidecar] = Times) -> Plugins:
    return plugins(processor(step, "tint", warmup=2), exporter(sidecar, "times", "sidecar", ".csv"))


def exported(clip: Path, output: Path, **more: Any) -> Job:
    return replace(job(clip, output, "tint", **more), exports=("times",))


def test_a_sidecar_has_a_piece_of_every_frame(clip: Path, tmp_path: Path) -> None:
    report = run(with_times(), exported(clip, tmp_path / "my.clip.mp4"))
    lines = (tmp_path / "my.clip.csv").read_text().splitlines()
    assert lines[0] == "frame,in segment,mean"
    assert [line.split(",")[:2] for line in lines[1:-1]] == [[str(i), str(i % 8 + 1)] for i in range(20)]
    assert lines[-1] == "end"
    assert left(tmp_path) == ["my.clip.csv", "my.clip.mp4"]
    assert report.beside == (str(tmp_path / "my.clip.csv"),)
    assert report.plugins == ("roop-t0 0", "roop-t1 0")
    assert "export times" in [stage.name for stage in report.stages]


def test_a_sidecar_sees_what_was_edited(clip: Path, tmp_path: Path) -> None:
    class White(Tint):
        def process(self, window: Window) -> None:
            for frame in window.current:
                frame.put(frame.box, np.full((frame.height, frame.width, 3), 255, np.uint8))

    run(with_times(White), exported(clip, tmp_path / "o.mp4"))
    assert (tmp_path / "o.csv").read_text().splitlines()[1] == "0,1,255.000"


def test_a_continued_run_gives_the_same_sidecar(clip: Path, tmp_path: Path) -> None:
    run(with_times(), exported(clip, tmp_path / "whole.mp4"))
    what = exported(clip, tmp_path / "torn.mp4", execution=RESUMABLE)
    refused(with_times(breaks(Tint, 17)), what)
    work = tmp_path / ".torn.mp4.roop"
    assert [name for name in left(work) if name.startswith("segment-")][:2] == ["segment-000000", "segment-000000-times"]
    (work / "segment-000002-times").write_bytes(b"half of what a killed run was writing")
    report = run(with_times(), what)
    assert report.resumed_frames == 16
    for suffix in (".mp4", ".csv"):
        assert (tmp_path / f"torn{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert left(tmp_path) == ["torn.csv", "torn.mp4", "whole.csv", "whole.mp4"]


def test_another_sidecar_is_another_job_but_another_upload_is_not(clip: Path, tmp_path: Path) -> None:
    class Fails(Times):
        def tail(self) -> bytes:
            raise RuntimeError("a fault")

    what = exported(clip, tmp_path / "o.mp4", execution=RESUMABLE)
    error = refused(with_times(sidecar=Fails), what)
    assert (error.exit_code, "sidecar times (roop-t1 0) failed" in str(error)) == (7, True)
    assert run(with_times(), replace(what, exports=())).resumed_frames == 0
    refused(with_times(sidecar=Fails), replace(what, media=replace(FAST, overwrite=True)))
    assert run(with_times(), replace(what, media=replace(FAST, overwrite=True))).resumed_frames == 20


def test_a_picture_has_sidecars_too(picture: Path, tmp_path: Path) -> None:
    run(with_times(), exported(picture, tmp_path / "o.jpg"))
    assert (tmp_path / "o.csv").read_text().splitlines()[1].startswith("0,1,")
    assert left(tmp_path) == ["o.csv", "o.jpg"]


@pytest.mark.parametrize("stage", [Stage.TARGET, Stage.OUTPUT])
def test_a_blocked_frame_leaves_neither_output_nor_sidecar(stage: Stage, clip: Path, tmp_path: Path) -> None:
    class Blocks(Quiet):
        def screen(self, frames: Any, at: Stage) -> Any:
            return [0.99 if at is stage and frame.index == 18 else 0.0 for frame in frames]

    seen: list[int] = []

    class Sees(Times):
        def piece(self, frame: FrameView) -> bytes:
            seen.append(frame.index)
            return b""

    found = plugins(processor(Tint, "tint"), exporter(Sees, "times", "sidecar", ".csv"), screener(Blocks))
    assert refused(found, exported(clip, tmp_path / "o.mp4")).exit_code == 5
    assert left(tmp_path) == []
    assert max(seen, default=0) < 18


def test_files_beside_the_output_are_never_lost(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("precious")
    error = refused(with_times(), exported(clip, tmp_path / "o.mp4"))
    assert (error.exit_code, "o.csv exists already" in str(error)) == (2, True)
    assert (tmp_path / "o.csv").read_text() == "precious"
    run(with_times(), exported(clip, tmp_path / "o.mp4", media=replace(FAST, overwrite=True)))
    assert (tmp_path / "o.csv").read_text().endswith("end\n")


def test_a_file_that_appears_meanwhile_is_kept_and_nothing_else(clip: Path, tmp_path: Path) -> None:
    class Writes(Times):
        def tail(self) -> bytes:
            (tmp_path / "o.mp4").write_text("precious")
            return b""

    error = refused(with_times(sidecar=Writes), exported(clip, tmp_path / "o.mp4"))
    assert (error.exit_code, "has appeared meanwhile" in str(error)) == (2, True)
    assert left(tmp_path) == ["o.mp4"]
    assert (tmp_path / "o.mp4").read_text() == "precious"


def test_a_sidecar_is_no_input_and_no_other_file(clip: Path, tmp_path: Path) -> None:
    def named(suffix: str) -> Plugins:
        more = exporter(Times, "more", "sidecar", suffix)
        return plugins(processor(Tint, "tint"), exporter(Times, "times", "sidecar", ".csv"), more)

    target = tmp_path / "o.csv"
    target.write_bytes(clip.read_bytes())
    over = replace(FAST, overwrite=True)
    assert "is also an input" in str(refused(named(".txt"), exported(target, tmp_path / "o.mp4", media=over)))
    assert target.read_bytes() == clip.read_bytes()
    raw = plugins(
        processor(Tint, "tint"), exporter(Raw, "raw", "writer", ".raw"), exporter(Times, "more", "sidecar", ".raw")
    )
    for found, output, exports in (
        (named(".csv"), "p.mp4", ("times", "more")),
        (raw, "p.raw", ("more",)),
        (named(".txt"), "p.mp4", ("more", "more")),
    ):
        error = refused(found, replace(job(clip, tmp_path / output, "tint"), exports=exports))
        assert (error.exit_code, "would both be called" in str(error)) == (2, True)
    assert left(tmp_path) == ["o.csv"]


@pytest.mark.parametrize(("name", "said"), [("time", "did you mean 'times'"), ("seal", "works by itself")])
def test_an_export_that_is_none(name: str, said: str, clip: Path, tmp_path: Path) -> None:
    sidecar, finisher = exporter(Times, "times", "sidecar", ".csv"), exporter(Seal, "seal", "finisher")
    found = plugins(processor(Tint, "tint"), sidecar, finisher)
    error = refused(found, replace(job(clip, tmp_path / "o.mp4", "tint"), exports=(name,)))
    assert error.exit_code == 2
    assert said in str(error)


def test_a_piece_that_is_no_bytes_is_the_plugins_fault(clip: Path, tmp_path: Path) -> None:
    class Text(Sidecar):
        def piece(self, frame: FrameView) -> Any:
            return "text"

    class Fails(Sidecar):
        def piece(self, frame: FrameView) -> bytes:
            return b"" if frame.index < 9 else bytes([frame.index * 1000])

    error = refused(with_times(sidecar=Text), exported(clip, tmp_path / "o.mp4"))
    assert (error.exit_code, "sidecar times (roop-t1 0) gave str and not bytes" in str(error)) == (7, True)
    error = refused(with_times(sidecar=Fails), exported(clip, tmp_path / "o.mp4"))
    assert (error.exit_code, "sidecar times (roop-t1 0) failed at frame 9" in str(error)) == (7, True)
    assert left(tmp_path) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".png", ".jpg"])
def test_a_finisher_works_on_every_output(suffix: str, clip: Path, picture: Path, tmp_path: Path) -> None:
    seal = Seal()
    found = plugins(processor(Tint, "tint"), exporter(lambda: seal, "seal", "finisher"))
    target = clip if suffix in (".mp4", ".mkv") else picture
    report = run(found, job(target, tmp_path / f"o{suffix}", "tint"))
    assert (tmp_path / f"o{suffix}").read_bytes().count(b"seal") == (suffix != ".mkv")
    assert report.plugins == ("roop-t0 0", "roop-t1 0")
    assert seal.about is not None
    assert seal.about.kind == probe(target).kind
    assert (seal.about.plugins, seal.about.source_type) == (report.plugins, report.source_type)
    assert seal.about.screening == report.screening


def raises(path: Path) -> None:
    raise RuntimeError("no key")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def other_frames(path: Path) -> None:
    marks = path.read_bytes()[path.read_bytes().rindex(b"uuid") - 4 :]
    path.unlink()
    make_clip(path, frames=5)
    path.write_bytes(path.read_bytes() + marks)


def unmark(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"compositeWith", b"digitalWithout"))


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to(__file__)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (raises, "finisher bad (roop-t1 0) failed (RuntimeError: no key)"),
        (cut, "finisher bad (roop-t1 0) took the marks away"),
        (unmark, "finisher bad (roop-t1 0) took the marks away"),
        (Path.unlink, "finisher bad (roop-t1 0) left no file, an empty one or a link"),
        (link, "finisher bad (roop-t1 0) left no file, an empty one or a link"),
        (other_frames, "finisher bad (roop-t1 0) changed what the file shows or plays"),
    ],
)
def test_a_finisher_that_spoils_the_file_leaves_none(
    act: Callable[[Path], object], said: str, clip: Path, tmp_path: Path
) -> None:
    class Bad(Seal):
        def finish(self, path: Path, about: Finished) -> None:
            act(path)

    found = plugins(processor(Tint, "tint"), exporter(Bad, "bad", "finisher"))
    error = refused(found, job(clip, tmp_path / "o.mp4", "tint"))
    assert (error.exit_code, said in str(error)) == (7, True), str(error)
    assert left(tmp_path) == []


def written(writer: Callable[[], Any] = Raw) -> Plugins:
    sidecar = exporter(Times, "times", "sidecar", ".csv")
    return plugins(processor(Tint, "tint"), exporter(writer, "raw", "writer", ".raw", ".raw.bin"), sidecar)


def test_a_writer_writes_what_the_host_does_not_know(clip: Path, tmp_path: Path) -> None:
    report = run(written(), exported(clip, tmp_path / "o.raw"))
    info = probe(clip)
    content = (tmp_path / "o.raw").read_bytes()
    assert content.startswith(b"128x96\n")
    assert len(content) == 7 + 20 * info.width * info.height * 3
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "o.raw.xmp").read_bytes()
    assert left(tmp_path) == ["o.csv", "o.raw", "o.raw.xmp"]
    assert report.encoder == "raw"
    assert report.beside == (str(tmp_path / "o.csv"), str(tmp_path / "o.raw.xmp"))
    assert report.notices == ("not in the output: audio track 1 (aac); the writer raw (roop-t1 0) is given frames only",)


def test_a_writer_takes_pictures_and_its_longest_suffix(picture: Path, tmp_path: Path) -> None:
    told: list[tuple[str, StreamInfo]] = []

    class Tells(Raw):
        def open(self, path: Path, stream: StreamInfo) -> None:
            told.append((path.name, stream))
            super().open(path, stream)

    report = run(written(Tells), job(picture, tmp_path / "o.RAW.bin", "tint", execution=RESUMABLE))
    assert left(tmp_path) == ["o.RAW.bin", "o.RAW.bin.xmp"]
    assert [(name, stream.width, stream.height, stream.frames) for name, stream in told] == [("output.raw.bin", 64, 48, 1)]
    assert report.notices == ("an output in .raw.bin is always made from the beginning, also with --resumable",)


class Nothing(Raw):
    def close(self) -> None:
        self.file.truncate(0)
        self.file.close()


class Breaks(Raw):
    def write(self, frame: FrameView) -> None:
        raise RuntimeError("no codec")


@pytest.mark.parametrize(
    ("writer", "said"),
    [(Nothing, "writer raw (roop-t1 0) left no file, an empty one"), (Breaks, "writer raw (roop-t1 0) failed at frame 0")],
)
def test_a_writer_that_fails_leaves_nothing(writer: type[Raw], said: str, clip: Path, tmp_path: Path) -> None:
    error = refused(written(writer), exported(clip, tmp_path / "o.raw", execution=RESUMABLE))
    assert (error.exit_code, said in str(error)) == (7, True)
    assert left(tmp_path) == []


def test_the_marks_beside_an_output_are_never_written_over_a_file(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "o.raw.xmp").write_text("precious")
    error = refused(written(), job(clip, tmp_path / "o.raw", "tint"))
    assert (error.exit_code, "the file of marks" in str(error)) == (2, True)


def test_an_unknown_suffix_names_what_writers_know(clip: Path, tmp_path: Path) -> None:
    error = refused(written(), job(clip, tmp_path / "o.xyz", "tint"))
    assert (error.exit_code, ".bmp, .raw, .raw.bin" in str(error)) == (2, True)
    assert refused(written(), job(clip, tmp_path / ".raw", "tint")).exit_code == 2


def test_a_stop_between_names_leaves_neither_output_nor_sidecar(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, named = os.link, []

    def crash(old: Path, new: Path) -> None:
        if named:
            raise KeyboardInterrupt
        named.append(Path(new).name)
        real(old, new)

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", crash)
        with pytest.raises(KeyboardInterrupt):
            run(with_times(), exported(clip, tmp_path / "o.mp4"))
    assert named == ["o.csv"]
    assert left(tmp_path) == []


def test_frames_of_a_clip_keep_their_times_beside_exports(clip: Path, tmp_path: Path) -> None:
    run(with_times(), exported(clip, tmp_path / "o.mp4"))
    assert pts_of(tmp_path / "o.mp4") == pts_of(clip)


def test_an_output_that_cannot_hold_the_marks_is_not_uploaded(clip: Path, tmp_path: Path) -> None:
    error = refused(written(), exported(clip, tmp_path / "o.raw", uploads=("bucket",)))
    assert (error.exit_code, "is not uploaded" in str(error)) == (2, True)


def test_a_writer_is_told_of_a_failure_before_its_file_goes(clip: Path, tmp_path: Path) -> None:
    seen: list[bool] = []

    class Tells(Breaks):
        def open(self, path: Path, stream: StreamInfo) -> None:
            super().open(path, stream)
            self.path = path

        def abort(self) -> None:
            seen.append(self.path.exists())
            self.file.close()

    assert refused(written(Tells), exported(clip, tmp_path / "o.raw")).exit_code == 7
    assert seen == [True]
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("suffixes", "made", "said"),
    [
        ((), {".txt": b"x"}, "is to return nothing, as it declares no suffixes"),
        ((".txt",), {".bin": b"x"}, "is to return bytes for its suffixes .txt"),
        ((".txt",), {".txt": "x"}, "is to return bytes for its suffixes .txt"),
        ((".txt",), {"/../o.txt": b"x"}, "is to return bytes for its suffixes .txt"),
        ((".txt",), b"x", "is to return bytes for its suffixes .txt"),
    ],
)
def test_what_a_finisher_makes_beside_is_what_it_declares(
    suffixes: tuple[str, ...], made: Any, said: str, clip: Path, tmp_path: Path
) -> None:
    class Makes(Seal):
        def finish(self, path: Path, about: Finished) -> Any:
            return made

    found = plugins(processor(Tint, "tint"), exporter(Makes, "makes", "finisher", *suffixes))
    error = refused(found, job(clip, tmp_path / "o.mp4", "tint"))
    assert (error.exit_code, said in str(error), left(tmp_path)) == (7, True, []), str(error)


def test_the_files_of_finishers_are_published_with_the_output(clip: Path, tmp_path: Path) -> None:
    class Makes(Seal):
        def finish(self, path: Path, about: Finished) -> Any:
            about.note("a\nnote")
            about.did("made a text")
            return {".txt": path.suffix.encode()}

    makes = exporter(Makes, "makes", "finisher", ".txt")
    report = run(plugins(processor(Tint, "tint"), makes), job(clip, tmp_path / "o.mp4", "tint"))
    assert ((tmp_path / "o.mp4.txt").read_bytes(), report.beside) == (b".mp4", (str(tmp_path / "o.mp4.txt"),))
    assert (report.finished, "a note" in report.notices) == (("made a text",), True)
    twice = plugins(processor(Tint, "tint"), makes, exporter(Makes, "again", "finisher", ".txt"))
    assert "would both be called" in str(refused(twice, job(clip, tmp_path / "p.mp4", "tint")))
    assert left(tmp_path) == ["o.mp4", "o.mp4.txt"]
