"""Frames without the face that was asked for: held, left out or the end, with length, sound and bytes as they must be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, pts_of, sound_of
from kit import (
    FAST,
    OneFace,
    Quiet,
    Raw,
    Seal,
    Times,
    Tint,
    analyser,
    breaks,
    exporter,
    job,
    left,
    plugins,
    processor,
    refused,
    run,
)
from kit import screener as screening
from PIL import Image

from roop_host import Box, ExecutionOptions, Face, Finished, FrameView, Job, Processor, Report, Stage, Window
from roop_host.media.reading.probe import probe
from roop_host.media.segments import read_times
from roop_host.plugins.found import Plugins

LOSSLESS = replace(FAST, quality=100, preset="auto")
RESUMABLE = ExecutionOptions(resumable=True)


class Count(Processor):
    """Writes the frame's number in a square of grey, so that a decoded frame says which one it shows."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            ids = [face.id for face in frame.faces if face.source is not None]
            grey = np.full((64, 64, 3), 40 + 3 * frame.index, np.uint8)
            frame.put(Box(0, 0, 64, 64), grey, face_id=ids[0] if ids else None)


class Blind(OneFace):
    """Blind in pictures of the target too; the source is the only square one."""

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return self._found(frame) if frame.width == frame.height else self.analyse(frame)


def blind_at(*frames: int, step: Callable[[], Processor] = Count) -> Plugins:
    """A swapper, and eyes that see nobody in these frames."""
    return plugins(
        processor(step, "count", needs_faces=True, needs_source=True),
        analyser(lambda: Blind(lambda index: index in frames)),
        exporter(Times, "times", "sidecar", ".csv"),
        exporter(Raw, "raw", "writer", ".raw"),
    )


#: The beginning of the clip, one at a time, over the end of a segment of 8, and a whole segment and more up to the end.
BLIND = (0, 1, 4, 6, 7, 8, 9, 12, 22, 23, 24, 25, 26, 27, 28, 29)
DROPPED = [index for index in range(30) if index not in BLIND]
#: In a segment whose first match comes later, nothing can be held before.
HELD = [2, 3, 3, 5, 5, 5, 10, 11, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 21, 21]
HELD_AT = [0, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("face") / "face.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each frame stands a little longer than the one before."""
    pts = [index * (index + 40) for index in range(30)]
    return make_clip(tmp_path_factory.mktemp("clip") / "uneven.mp4", pts=pts, time_base=Fraction(1, 1000))


def asked(target: Path, output: Path, face: Path, way: Any, **more: Any) -> Job:
    what = job(target, output, "count", media=more.pop("media", LOSSLESS), **more)
    return replace(what, sources=(str(face),), on_no_face=way)


def numbers_of(path: Path) -> list[int]:
    """Which frames a file shows."""
    if path.suffix in (".gif", ".webp", ".apng"):
        with Image.open(path) as image:
            pages = [np.asarray(page.convert("L")) for page in _pages(image)]
    else:
        with av.open(str(path)) as container:
            pages = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [round((float(page[20:44, 20:44].mean()) - 40) / 3) for page in pages]


def _pages(image: Any) -> Any:
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        yield image


def times_of(path: Path) -> list[float]:
    return [float(time) for time in pts_of(path)]


def length_of(path: Path) -> float:
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / av.time_base


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("target", ["clip", "uneven"])
@pytest.mark.parametrize("way", ["drop", "hold"])
def test_length_and_sound_stay(
    way: str, target: str, suffix: str, face: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(target)
    out = tmp_path / f"o{suffix}"
    report = run(blind_at(*BLIND), asked(source, out, face, way))
    shown, at = (DROPPED, [0, *DROPPED[1:]]) if way == "drop" else (HELD, HELD_AT)
    assert numbers_of(out) == shown
    before = times_of(source)
    assert times_of(out) == pytest.approx([before[index] for index in at], abs=0.001)
    kept = tmp_path / f"kept{suffix}"
    run(blind_at(*BLIND), asked(source, kept, face, "keep"))
    # MP4 counts the last frame of an uneven rate by its neighbours: one frame more or less.
    assert length_of(out) == pytest.approx(length_of(kept), abs=0.001 if target == "clip" else 0.07)
    assert sound_of(out) == sound_of(kept)
    assert report.frames == len(shown)
    assert report.frames_dropped == 30 - len(shown)
    assert report.frames_held == (0 if way == "drop" else len(HELD) - len(DROPPED))
    assert (report.frames_with_face, report.frames_matched) == (len(DROPPED), len(DROPPED))
    assert report.faces_changed == len(DROPPED)
    assert report.screening[0].looks == 1 + 30 + len(shown)


def test_what_stands_to_the_end_lasts_until_the_end(clip: Path, face: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    run(blind_at(*range(5, 30)), asked(clip, out, face, "drop", media=replace(LOSSLESS, skip_audio=True)))
    with av.open(str(out)) as container:
        video = container.streams.video[0]
        assert video.duration is not None
        assert video.time_base is not None
        assert video.duration * video.time_base == Fraction(30, 25)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_in_an_animation_the_delay_before_grows(suffix: str, clip: Path, face: Path, tmp_path: Path) -> None:
    out = tmp_path / f"o{suffix}"
    run(blind_at(*BLIND), asked(clip, out, face, "drop", media=replace(LOSSLESS, quality=100)))
    assert numbers_of(out) == DROPPED
    starts = [0, *DROPPED[1:], 30]
    with Image.open(out) as image:
        delays = [page.info["duration"] for page in _pages(image)]
    assert delays == [40 * (after - now) for now, after in itertools.pairwise(starts)]


@pytest.mark.parametrize(
    ("suffix", "way", "blind", "media"),
    [
        (".mp4", "drop", BLIND, {}),
        (".mp4", "hold", BLIND, {}),
        pytest.param(".gif", "drop", BLIND, {}, marks=pytest.mark.slow),
        pytest.param(".gif", "hold", BLIND, {"trim_start": "3f"}, marks=pytest.mark.slow),
        pytest.param(".mp4", "drop", range(19), {"trim_start": "0.08", "trim_end": "1.1"}, marks=pytest.mark.slow),
        pytest.param(".mkv", "hold", range(8, 16), {"fps": "50"}, marks=pytest.mark.slow),
        (".mp4", "drop", (14, 15, 23), {"fps": "50"}),
        pytest.param(".mp4", "hold", (14, 15, 23), {"trim_start": "0.08"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_run_that_is_continued_gives_the_same_bytes(
    blind: tuple[int, ...], way: str, suffix: str, media: dict[str, Any], clip: Path, face: Path, tmp_path: Path
) -> None:
    whole, torn, options = tmp_path / f"whole{suffix}", tmp_path / f"torn{suffix}", replace(LOSSLESS, **media)
    options = replace(options, keep_frames=str(tmp_path / "kept"))
    first = run(blind_at(*blind), asked(clip, whole, face, way, media=options, exports=("times",)))
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    what = asked(clip, torn, face, way, media=options, exports=("times",), execution=RESUMABLE)
    assert "a fault" in str(refused(blind_at(*blind, step=breaks(Count, 20)), what))
    stored = [read_times(path) for path in sorted((tmp_path / f".torn{suffix}.roop").glob("segment-00000[0-9]"))]
    assert [len(segment.target_pts) for segment in stored] == [8, 8]
    report = run(blind_at(*blind), what)
    assert report.resumed_frames == sum(len(segment.frame_pts) for segment in stored)
    assert torn.read_bytes() == whole.read_bytes()
    assert (tmp_path / "torn.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()} == kept
    assert len(kept) == report.frames
    assert amounts(report) == amounts(first)


def amounts(report: Report) -> tuple[Any, ...]:
    return (report.frames, report.frames_held, report.frames_dropped, report.frames_with_face, report.frames_matched)


def test_a_run_whose_segments_are_all_there_is_only_joined(clip: Path, face: Path, tmp_path: Path) -> None:
    class Fails(Seal):
        def finish(self, path: Path, about: Finished) -> None:
            raise RuntimeError("a fault")

    class Never(Processor):
        def process(self, window: Window) -> None:
            raise AssertionError("all frames were finished")

    parts = [screening(Quiet, "looks"), analyser(lambda: OneFace(lambda index: index in (5, *range(24, 30))))]
    what = asked(clip, tmp_path / "o.mp4", face, "drop", execution=RESUMABLE)
    steps = [processor(step, "count", needs_faces=True, needs_source=True) for step in (Count, Never)]
    refused(plugins(*parts, steps[0], exporter(Fails, "seal", "finisher")), what)
    report = run(plugins(*parts, steps[1]), what)
    assert (report.frames, report.resumed_frames, report.frames_dropped) == (23, 23, 7)
    assert numbers_of(tmp_path / "o.mp4") == [index for index in range(24) if index != 5]
    assert length_of(tmp_path / "o.mp4") == pytest.approx(length_of(clip), abs=0.03)


def test_kept_frames_and_sidecars_are_of_what_is_shown(clip: Path, face: Path, tmp_path: Path) -> None:
    media = replace(LOSSLESS, keep_frames=str(tmp_path / "kept"))
    run(blind_at(*BLIND), asked(clip, tmp_path / "o.mp4", face, "drop", media=media, exports=("times",)))
    assert left(tmp_path / "kept") == [f"{index + 1:06d}.png" for index in DROPPED]
    lines = (tmp_path / "o.csv").read_text().splitlines()[1:-1]
    assert [int(line.split(",")[0]) for line in lines] == DROPPED
    again = replace(media, overwrite=True)
    report = run(blind_at(2, *BLIND), asked(clip, tmp_path / "o.mp4", face, "drop", media=again))
    assert left(tmp_path / "kept") == [f"{index + 1:06d}.png" for index in DROPPED if index != 2]
    assert any("1 frames of an earlier run were removed" in notice for notice in report.notices)


class Told(Raw):
    """Notes when each frame is shown and until when."""

    def write(self, frame: FrameView) -> None:
        shown = frame.pts * frame.time_base * 25, frame.duration * frame.time_base * 25
        self.file.write(f"{frame.index} {float(shown[0]):.2f} {float(shown[1]):.2f}\n".encode())


def test_a_writer_is_told_until_when_each_frame_stands(clip: Path, face: Path, tmp_path: Path) -> None:
    found = plugins(
        processor(Count, "count", needs_faces=True, needs_source=True),
        analyser(lambda: OneFace(lambda index: index in BLIND)),
        exporter(Told, "told", "writer", ".told"),
    )
    media = replace(LOSSLESS, keep_frames=str(tmp_path / "kept"))
    report = run(found, asked(clip, tmp_path / "o.told", face, "drop", media=media))
    starts = [0, *DROPPED[1:], 30]
    lines = (tmp_path / "o.told").read_text().splitlines()[1:]
    lasting = [(start, after - start) for start, after in itertools.pairwise(starts)]
    assert lines == [f"{i} {start:.2f} {lasts:.2f}" for i, (start, lasts) in zip(DROPPED, lasting, strict=True)]
    assert left(tmp_path / "kept") == [f"{index + 1:06d}.png" for index in DROPPED]
    assert report.frames_dropped == len(BLIND)


def test_a_held_frame_is_screened_as_it_is_shown(clip: Path, face: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    class Looks(Quiet):
        def screen(self, frames: Any, stage: Stage) -> list[float]:
            if stage is Stage.OUTPUT:
                seen.extend((frame.index, round((float(frame.bgr(Box(8, 8, 56, 56)).mean()) - 40) / 3)) for frame in frames)
            return [0.0] * len(frames)

    found = plugins(
        processor(Count, "count", needs_faces=True, needs_source=True),
        analyser(lambda: OneFace(lambda index: index in (3, 4))),
        screening(Looks, "looks"),
    )
    run(found, asked(clip, tmp_path / "o.mp4", face, "hold"))
    assert seen[:6] == [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 5)]


class Two(OneFace):
    """Frames of two people, the one on the left in only some of them."""

    def analyse(self, frame: FrameView) -> list[Face]:
        (one,) = self._found(frame)
        other = replace(one, id=2, box_xyxy=(one.box_xyxy[0] + 20, *one.box_xyxy[1:]))
        return [other] if self.blind(frame.index) else [one, other]


def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the face numbered 1 is asked for."""
    from roop_host.runner.selection import Selector

    def choose(self: Selector, frame_index: int, faces: Any) -> tuple[Face, ...]:
        return tuple(face.with_source(0 if face.id == 1 else None) for face in faces)

    monkeypatch.setattr(Selector, "choose", choose)


def test_another_face_is_no_match(clip: Path, face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch)
    found = plugins(
        processor(Count, "count", needs_faces=True, needs_source=True), analyser(lambda: Two(lambda index: index >= 10))
    )
    report = run(found, asked(clip, tmp_path / "o.mp4", face, "drop"))
    assert (report.frames, report.frames_dropped, report.frames_with_face, report.frames_matched) == (10, 20, 30, 10)
    error = refused(found, asked(clip, tmp_path / "p.mp4", face, "fail"))
    assert (error.exit_code, "frame 10 at 0.40 s shows faces, but not the one that was asked for" in str(error)) == (4, True)


@pytest.mark.parametrize("way", ["keep", "hold", "drop"])
@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".raw"])
def test_nobody_in_the_whole_clip_is_said(way: str, suffix: str, clip: Path, face: Path, tmp_path: Path) -> None:
    error = refused(blind_at(*range(30)), asked(clip, tmp_path / f"o{suffix}", face, way))
    assert (error.exit_code, "no face was found" in str(error)) == (4, True)
    assert left(tmp_path) == []


def test_only_others_in_the_whole_clip_is_said(
    clip: Path, face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(monkeypatch)
    found = plugins(
        processor(Count, "count", needs_faces=True, needs_source=True), analyser(lambda: Two(lambda index: True))
    )
    error = refused(found, asked(clip, tmp_path / "o.mp4", face, "keep"))
    assert (error.exit_code, "none of the faces" in str(error)) == (4, True)


@pytest.mark.parametrize("way", ["hold", "drop"])
def test_a_step_that_needs_no_faces_is_not_asked(way: Any, clip: Path, tmp_path: Path) -> None:
    report = run(plugins(processor(Tint, "tint")), replace(job(clip, tmp_path / "o.mp4", "tint"), on_no_face=way))
    assert (report.frames, report.frames_held, report.frames_dropped) == (30, 0, 0)


# -- pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    for number in range(4):
        Image.new("RGB", (96, 80), (60 * number, 90, 40)).save(path / f"{number}.png")
    return path


@pytest.mark.parametrize(("way", "names"), [("drop", ["0.png", "2.png"]), ("hold", ["0.png", "1.png", "2.png", "3.png"])])
def test_a_picture_without_a_match_is_left_out_of_a_folder_or_kept(
    way: str, names: list[str], folder: Path, face: Path, tmp_path: Path
) -> None:
    report = run(blind_at(1, 3), asked(folder, tmp_path / "out", face, way, exports=("times",)))
    assert left(tmp_path / "out") == names
    assert (report.frames, report.frames_held, report.frames_dropped) == (len(names), 0, 4 - len(names))
    said = [notice for notice in report.notices if "--on-no-face hold" in notice or "left out" in notice]
    assert len(said) == (2 if way == "drop" else 1)
    lines = (tmp_path / "out.csv").read_text().splitlines()[1:-1]
    assert [line.split(",")[0] for line in lines] == [name[0] for name in names]


def test_a_page_without_a_match_is_left_out(face: Path, tmp_path: Path) -> None:
    pages = [Image.new("RGB", (96, 80), (60 * number, 90, 40)) for number in range(4)]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    report = run(blind_at(1, 3), asked(tmp_path / "in.tif", tmp_path / "o.tif", face, "drop"))
    assert (probe(tmp_path / "o.tif").pages, report.frames, report.frames_dropped) == (2, 2, 2)


@pytest.mark.parametrize("way", ["keep", "hold", "drop", "fail"])
@pytest.mark.parametrize("suffix", [".png", ".raw"])
def test_a_single_picture_without_a_match_is_no_output(
    way: str, suffix: str, folder: Path, face: Path, tmp_path: Path
) -> None:
    error = refused(blind_at(0), asked(folder / "1.png", tmp_path / f"o{suffix}", face, way))
    assert (error.exit_code, left(tmp_path)) == (4, ["in"])


@pytest.mark.parametrize("way", ["hold", "drop"])
def test_what_does_nothing_for_a_picture_is_said(way: str, folder: Path, face: Path, tmp_path: Path) -> None:
    report = run(blind_at(), asked(folder / "1.png", tmp_path / "o.png", face, way))
    assert [f"--on-no-face {way}" in notice for notice in report.notices if "of no use" in notice] == [True]
