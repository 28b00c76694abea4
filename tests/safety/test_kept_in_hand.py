"""Plugins that keep frames, or the finished file, and write to them later: only what was screened is encoded and named."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import (
    FAST,
    Bucket,
    OneFace,
    Raw,
    Times,
    analyser,
    exporter,
    job,
    left,
    plugins,
    processor,
    refused,
    run,
    screener,
    uploader,
)
from numpy.typing import NDArray
from PIL import Image
from screened import BAD, SPOILS, Leave, Red, clip_of, flat, is_bad, pictures_in, with_bad

from roop_host import (
    Artifact,
    Box,
    ExecutionOptions,
    Face,
    Frame,
    FrameView,
    Plugins,
    Processor,
    Receipt,
    RoopError,
    Screener,
    Segment,
    Stage,
    Window,
)
from roop_host.types.planes import rgb_pixels

RED_YUV = (82, 90, 240)


class Hoard:
    """Keeps every array it can get hold of, and makes them all red whenever it is called again."""

    def __init__(self) -> None:
        self.arrays: list[tuple[int, NDArray[Any], Any]] = []

    def __call__(self, frames: Sequence[FrameView] = ()) -> None:
        self.spoil()
        for frame in frames:
            self.take(frame)

    def take(self, frame: FrameView) -> None:
        pixels = frame._pixels
        colours = BAD[::-1] if pixels.layout.model == "rgb" else RED_YUV
        kept = [*zip(pixels.planes, colours, strict=False), (frame.bgr(), BAD[::-1])]
        self.arrays += [(frame.index, array, value) for array, value in kept]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A thread that goes on doing so meanwhile."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(0.001):
                self.spoil()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def spoil(self, only: Sequence[int] = ()) -> None:
        for index, array, value in list(self.arrays):
            if only and index not in only:
                continue
            try:
                array.flags.writeable = True
                array[:] = value
            except ValueError:  # numpy holds on to some that were made read-only
                continue


@pytest.fixture
def hoard() -> Hoard:
    return Hoard()


@pytest.fixture
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("in") / "in.mp4", with_bad(20))


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(flat()).save(path)
    return path


def sidecar(hoard: Hoard) -> Any:
    class Keeps(Times):
        def start(self, segment: Segment) -> None:
            hoard()
            super().start(segment)

        def piece(self, frame: FrameView) -> bytes:
            hoard((frame,))
            return super().piece(frame)

        def head(self) -> bytes:
            hoard()
            return b""

        def tail(self) -> bytes:
            hoard()
            return b""

    return exporter(Keeps, "keeps", "sidecar", ".csv")


def writer(hoard: Hoard) -> Any:
    class Keeps(Raw):
        def write(self, frame: FrameView) -> None:
            hoard((frame,))
            super().write(frame)

        def close(self) -> None:
            hoard()
            super().close()

    return exporter(Keeps, "raw", "writer", ".raw")


def eyes(hoard: Hoard) -> type[OneFace]:
    class Keeps(OneFace):
        def analyse(self, frame: FrameView) -> Sequence[Face]:
            hoard((frame,))
            return super().analyse(frame)

    return Keeps


def step(hoard: Hoard) -> Any:
    class Keeps(Processor):
        def process(self, window: Window) -> None:
            hoard.spoil()
            for frame in window.current:
                frame.put(Box(8, 8, 40, 40), np.full((32, 32, 3), 90, np.uint8))
            hoard((*window.past, *window.current))

        def end(self) -> None:
            hoard.spoil()

    return processor(Keeps, "step", lookbehind=2)


def with_red(*modules: Any) -> Plugins:
    """A screener that knows red, a step that does nothing, and these."""
    return plugins(processor(Leave, "leave"), screener(Red, "red"), *modules, quiet=False)


def shows_red(*paths: Path) -> bool:
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return any(is_bad(picture) for file in files for picture in pictures_in(file))


def test_a_hoard_would_be_seen(hoard: Hoard) -> None:
    """What it does to a frame that is not sealed: else the tests below would show nothing."""
    frame = Frame(rgb_pixels(flat()))
    hoard((frame,))
    hoard.spoil()
    frame.enter(frame.scratch)
    assert is_bad(frame.bgr()[..., ::-1])


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("target", ["clip", "picture"])
def test_what_a_sidecar_keeps_is_not_what_is_encoded(
    target: str, threaded: bool, hoard: Hoard, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    given: Path = request.getfixturevalue(target)
    name = "o.mp4" if target == "clip" else "o.png"
    honest, spoiled = (tmp_path / which / name for which in ("honest", "spoiled"))
    for path in (honest, spoiled):
        path.parent.mkdir()
    media = replace(FAST, keep_frames=str(spoiled.parent / "kept") if target == "clip" else "")
    run(with_red(), job(given, honest, "leave"))
    what = replace(job(given, spoiled, "leave", media=media), exports=("keeps", "times"))
    with hoard.at_work() if threaded else nullcontext():
        run(with_red(sidecar(hoard), exporter(Times, "times", "sidecar", ".txt")), what)
    assert hoard.arrays
    assert spoiled.read_bytes() == honest.read_bytes()
    assert not shows_red(*(spoiled.parent / "kept",) if target == "clip" else ())
    means = [line.split(",")[2] for line in spoiled.with_suffix(".txt").read_text().splitlines()[1:-1]]
    assert all(float(mean) < 110 for mean in means)  # as calm pictures have it


def test_what_a_writer_keeps_is_in_no_other_file(hoard: Hoard, clip: Path, tmp_path: Path) -> None:
    media = replace(FAST, keep_frames=str(tmp_path / "kept"))
    run(with_red(writer(hoard)), job(clip, tmp_path / "o.raw", "leave", media=media))
    run(with_red(exporter(Raw, "raw", "writer", ".raw")), job(clip, tmp_path / "honest.raw", "leave"))
    assert hoard.arrays
    assert (tmp_path / "o.raw").read_bytes() == (tmp_path / "honest.raw").read_bytes()
    assert not shows_red(tmp_path / "kept")


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("who", ["step", "analyser"])
def test_what_is_kept_before_the_look_is_seen_by_it_or_goes_nowhere(
    who: str, threaded: bool, hoard: Hoard, clip: Path, tmp_path: Path
) -> None:
    sees = analyser(OneFace if who == "step" else eyes(hoard))
    acts = step(hoard) if who == "step" else processor(Leave, "step", needs_faces=True)
    media = replace(FAST, keep_frames=str(tmp_path / "kept"))
    code = 0
    with hoard.at_work() if threaded else nullcontext():
        try:
            run(with_red(sees, acts), job(clip, tmp_path / "o.mp4", "step", media=media))
        except RoopError as error:
            code = error.exit_code
    assert hoard.arrays
    assert code in (0, 5)
    if code:
        assert left(tmp_path) == []
    else:
        assert not shows_red(tmp_path / "o.mp4", tmp_path / "kept")


@pytest.mark.parametrize("who", ["step", "analyser"])
def test_between_the_look_and_the_encoder_nothing_that_was_kept_counts(
    who: str, hoard: Hoard, clip: Path, tmp_path: Path
) -> None:
    """An accomplice says when a frame was looked at: just then everything that was kept of it turns red."""

    class Tells(Screener):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            if stage is Stage.OUTPUT:
                hoard.spoil([frame.index for frame in frames])
            return [0.0] * len(frames)

    class Keeps(Processor):
        def process(self, window: Window) -> None:
            for frame in window.current:
                frame.put(Box(8, 8, 40, 40), np.full((32, 32, 3), 90, np.uint8))
                hoard.take(frame)

    class Sees(OneFace):
        def analyse(self, frame: FrameView) -> Sequence[Face]:
            hoard.take(frame)
            return super().analyse(frame)

    acts = processor(Keeps, "step") if who == "step" else processor(Leave, "step", needs_faces=True)
    media = replace(FAST, keep_frames=str(tmp_path / "kept"))
    found = with_red(analyser(OneFace if who == "step" else Sees), acts, screener(Tells, "tells"))
    report = run(found, job(clip, tmp_path / "o.mp4", "step", media=media))
    assert [one.screener for one in report.screening] == ["red", "tells"]
    assert {index for index, *_ in hoard.arrays} == set(range(20))
    assert not shows_red(tmp_path / "o.mp4", tmp_path / "kept")


def test_a_sidecar_that_writes_the_finished_file_comes_too_early(clip: Path, tmp_path: Path) -> None:
    red = clip_of(tmp_path / "red.mp4", [flat(BAD)] * 20)

    class Writes(Times):
        def tail(self) -> bytes:
            (tmp_path / ".o.mp4.roop" / "output.mp4").write_bytes(red.read_bytes())
            return b""

    run(with_red(exporter(Writes, "w", "sidecar", ".csv")), replace(job(clip, tmp_path / "o.mp4", "leave"), exports=("w",)))
    assert not shows_red(tmp_path / "o.mp4")


# -- an uploader has the published file itself


def uploading(change: Callable[[Path], object], *, fails: bool) -> tuple[Plugins, Bucket]:
    class Changes(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            change(artifact.path)
            if fails:
                raise ConnectionError("reset by peer")
            return super().upload(artifact)

    second = Bucket()
    return with_red(uploader(Changes, "first"), uploader(lambda: second, "second")), second


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("change", SPOILS)
def test_an_uploader_that_changes_the_output_is_found_out(
    change: Callable[[Path], object], fails: bool, picture: Path, tmp_path: Path
) -> None:
    found, second = uploading(change, fails=fails)
    log = tmp_path / "audit.jsonl"
    what = job(picture, tmp_path / "o.png", "leave", execution=ExecutionOptions(audit_log=str(log)))
    error = refused(found, replace(what, uploads=("first", "second")))
    assert error.exit_code == 7
    assert f"uploader first (roop-t2 0) changed or removed the output {tmp_path / 'o.png'} after it was screened" in str(
        error
    )
    assert second.given == []
    assert error.report is not None
    assert (error.report.output, error.report.status) == (None, "failed")
    assert json.loads(log.read_text())["outputs"] == []


@pytest.mark.parametrize("fails", [False, True])
def test_one_that_leaves_it_alone_is_not(fails: bool, picture: Path, tmp_path: Path) -> None:
    found, second = uploading(Path.read_bytes, fails=fails)
    what = replace(job(picture, tmp_path / "o.png", "leave"), uploads=("first", "second"))
    if fails:
        assert refused(found, what).exit_code == 8
    else:
        run(found, what)
    assert len(second.given) == 1
    assert not shows_red(tmp_path / "o.png")
