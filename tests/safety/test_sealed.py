"""``Frame.sealed``: what it gives is what is looked at and then encoded, and nobody else has it in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from numpy.typing import NDArray

from roop_host.media.av_pixels import AvPixels
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, let_go
from roop_host.types.geometry import Box
from roop_host.types.planes import grey_pixels, rgb_pixels

Make = Callable[[Path], Frame]


def noise(*shape: int, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype)


def decoded(path: Path, **more: Any) -> Frame:
    with VideoReader(probe(make_clip(path, frames=3, sound=False, **more)), threads=1) as reader:
        return list(reader.frames())[1]


class Stubborn(np.ndarray[Any, Any]):
    """An array that gives itself out as its copy."""

    def copy(self, order: Any = "C") -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __array_finalize__(self, whole: Any) -> None:
        self.flags.writeable = True


KINDS: dict[str, Make] = {
    "of a picture": lambda path: Frame(rgb_pixels(noise(24, 32, 3))),
    "16 bit": lambda path: Frame(rgb_pixels(noise(24, 32, 3, dtype=np.uint16))),
    "grey": lambda path: Frame(grey_pixels(noise(24, 32))),
    "with alpha": lambda path: Frame(rgb_pixels(noise(24, 32, 3), noise(24, 32))),
    "rows upwards": lambda path: Frame(rgb_pixels(noise(24, 32, 3)[::-1])),
    "arrays of another's class": lambda path: Frame(rgb_pixels(noise(24, 32, 3).view(Stubborn))),
    "decoded": lambda path: decoded(path / "a.mp4"),
    "decoded, 10 bit": lambda path: decoded(path / "a.mkv", encoder="ffv1", pix_fmt="yuv420p10le", options={}),
    "decoded, R, G, B": lambda path: decoded(path / "a.mkv", encoder="ffv1", pix_fmt="gbrp10le", options={}),
    "decoded, with alpha": lambda path: decoded(path / "a.mkv", encoder="ffv1", pix_fmt="yuva420p", options={}),
    "decoded, fields": lambda path: decoded(path / "a.mp4", options={"flags": "+ilme+ildct", "x264opts": "tff=1"}),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def frame(request: pytest.FixtureRequest, tmp_path: Path) -> Frame:
    made: Frame = request.param(tmp_path)
    made.rotation = 90
    made.faces = (Face(3, (1.0, 1.0, 9.0, 9.0), 0.9, np.zeros((5, 2), np.float32)),)
    return made


def planes_of(frame: Frame) -> list[NDArray[Any]]:
    return [np.array(plane) for plane in frame.pixels.planes]


def scribble(planes: tuple[NDArray[Any], ...]) -> None:
    for plane in planes:
        plane.flags.writeable = True
        plane[:] = 7


def edit(frame: Frame) -> None:
    frame.put(Box(2, 2, 9, 9), np.full((7, 7, 3), 200, np.uint8), face_id=3)


def same(frame: Frame, planes: list[NDArray[Any]]) -> bool:
    return all(map(np.array_equal, frame.pixels.planes, planes))


@pytest.mark.parametrize("edited", [False, True])
def test_it_is_the_frame_in_all_that_belongs_to_it(edited: bool, frame: Frame) -> None:
    frame.index, frame.pts, frame.time_base, frame.duration = 5, 70, Fraction(1, 90), 3
    frame.trace = np.zeros((frame.height, frame.width), np.float32)
    frame.enter(frame.scratch, "step")
    if edited:
        edit(frame)
        frame.measure("m", 0.5)
    before, kind = planes_of(frame), type(frame.pixels)
    sealed = frame.sealed()
    assert same(sealed, before)
    assert sealed.pixels.layout == frame.pixels.layout
    assert type(sealed.pixels) is kind
    for name in (
        "index",
        "pts",
        "time_base",
        "duration",
        "rotation",
        "faces",
        "edited",
        "measures",
        "box",
        "depth",
    ):
        assert getattr(sealed, name) == getattr(frame, name), name
    assert sealed.changed_by(3) == ({"step"} if edited else set())
    assert sealed.trace is not None
    assert np.array_equal(sealed.trace, frame.trace)
    assert np.array_equal(sealed.bgr(), frame.bgr())


def test_it_shares_no_memory_with_what_anybody_was_given(frame: Frame) -> None:
    edit(frame)
    view, fork = frame.view(), frame.fork()
    given = [*frame.pixels.planes, *view._pixels.planes, *fork.pixels.planes, frame.bgr(), view.bgr(), fork.bgr()]
    sealed = frame.sealed()
    shown = sealed.bgr()
    for mine in (*sealed.pixels.planes, shown):
        assert type(mine) is np.ndarray
        assert not any(np.shares_memory(mine, theirs) for theirs in given)
    assert not sealed.pixels.shared
    let_go((view,))


@pytest.mark.parametrize("when", ["before it was changed", "after it was changed"])
def test_who_kept_planes_or_regions_writes_into_nothing_that_is_encoded(when: str, frame: Frame) -> None:
    early = frame.pixels.planes
    if when == "after it was changed":
        edit(frame)
    kept = frame.pixels, frame.view(), frame.fork()
    sealed = frame.sealed()
    before, colours = planes_of(sealed), np.array(sealed.bgr())
    if when == "before it was changed":
        scribble(early)  # behind a change they dangle: a decoded frame has others then
    for pixels in (kept[0], kept[1]._pixels, kept[2].pixels):
        scribble(pixels.planes)
    kept[2].put(kept[2].box, 255 - kept[2].bgr())
    assert same(sealed, before)
    sealed.enter(sealed.scratch)  # nothing converted earlier is left to hide a change
    assert np.array_equal(sealed.bgr(), colours)


def test_what_was_faked_in_the_cache_is_not_shown(frame: Frame) -> None:
    wanted = np.array(frame.bgr())
    for size in (np.uint8, np.float32):
        frame._cache[frame.box, np.dtype(size).str] = np.zeros((frame.height, frame.width, 3), size)
    assert not frame.bgr().any()
    assert np.array_equal(frame.sealed().bgr(), wanted)


def test_the_frame_itself_can_not_be_changed_any_more(frame: Frame) -> None:
    sealed = frame.sealed()
    before = planes_of(sealed)
    with pytest.raises(RuntimeError, match="has left this stage"):
        edit(frame)
    with pytest.raises(RuntimeError, match="has left this stage"):
        frame.measure("m", 1.0)
    told = sealed.index, sealed.pts, sealed.rotation, sealed.faces
    frame.index, frame.pts, frame.rotation, frame.faces = 900, 900, 180, ()
    assert (sealed.index, sealed.pts, sealed.rotation, sealed.faces) == told
    assert same(sealed, before)


def test_an_encoder_takes_planes_that_are_its_own_too(frame: Frame) -> None:
    if not isinstance(frame.pixels, AvPixels):
        assert not hasattr(frame.sealed().pixels, "av_frame")
        return
    theirs = frame.pixels.av_frame
    sealed = frame.sealed().pixels
    assert isinstance(sealed, AvPixels)
    mine = sealed.av_frame
    assert mine is not theirs
    assert {plane.buffer_ptr for plane in mine.planes}.isdisjoint(plane.buffer_ptr for plane in theirs.planes)
    for one, plane in zip(AvPixels(sealed.layout, mine).planes, sealed.planes, strict=True):
        assert np.shares_memory(one, plane)  # what is looked at is what is encoded
    colour = () if sealed.layout.model == "rgb" else ("color_range", "colorspace")  # FFmpeg says of R, G, B what is unsaid
    for name in ("pts", "time_base", "interlaced_frame", "width", "height", *colour):
        assert getattr(mine, name) == getattr(theirs, name), name


def test_a_thread_that_goes_on_writing_changes_nothing_behind_the_seal(frame: Frame) -> None:
    over, planes = threading.Event(), frame.pixels.planes

    def write() -> None:
        value = 0
        while not over.is_set():
            value = (value + 1) % 250
            for plane in planes:
                plane.flags.writeable = True
                plane[:] = value

    thread = threading.Thread(target=write)
    thread.start()
    try:
        sealed = frame.sealed()
        before = planes_of(sealed)
        for _ in range(50):
            assert same(sealed, before)
    finally:
        over.set()
        thread.join()
