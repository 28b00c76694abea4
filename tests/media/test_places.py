"""A frame is reached by its packets, and it is the very frame that decoding from the beginning gives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clips import make_clip

from roop_host.media.info import MediaInfo
from roop_host.media.reading.places import first_used, known_at, shown_at
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.reading.timing import as_read, reading_of
from roop_host.types.job import MediaOptions

FRAMES = 90
PTS = [n * 4 + n % 3 for n in range(FRAMES)]
PARTS = {
    "all": MediaOptions(),
    "from a time": MediaOptions(trim_start="1.02"),
    "from a frame": MediaOptions(trim_start="7f"),
    "from a time to a frame": MediaOptions(trim_start="0.5", trim_end="60f"),
    "to a time": MediaOptions(trim_end="1.5"),
}


@pytest.fixture(scope="module", params=[".mp4", ".mkv"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("places") / f"clip{request.param}"
    return make_clip(path, frames=FRAMES, pts=PTS, time_base=Fraction(1, 100), options={"bf": "3", "g": "20"}, sound=False)


def seen(info: MediaInfo) -> list[tuple[int, int, bytes]]:
    with VideoReader(info, threads=1) as reader:
        return [(frame.index, frame.pts, frame.bgr().tobytes()) for frame in reader.frames()]


@pytest.mark.parametrize("part", PARTS)
def test_the_known_frame_is_that_of_decoding_from_the_beginning(part: str, clip: Path) -> None:
    info = as_read(probe(clip), reading_of(PARTS[part]))
    frames = seen(info)
    for index in (1, 17, len(frames) - 1, 500):
        known = known_at(info, index)
        assert known is not None
        assert known.index == min(index, len(frames) - 1)
        with VideoReader(info, threads=1) as reader:
            first = next(reader.frames(known.index, known=known))
        assert (first.index, first.pts, first.bgr().tobytes()) == frames[known.index]
    assert known_at(info, 0) is None


@pytest.mark.parametrize("part", PARTS)
def test_a_time_tells_the_frame_that_is_shown_then(part: str, clip: Path) -> None:
    whole, info = probe(clip), as_read(probe(clip), reading_of(PARTS[part]))
    times = [pts * whole.time_base - whole.begin_s for _, pts, _ in seen(whole)]
    first = first_used(info)
    assert first == len(times) - len(seen(as_read(whole, reading_of(MediaOptions(trim_start=PARTS[part].trim_start)))))
    for number in (first, first + 20):
        assert shown_at(info, times[number]) == number - first
        assert shown_at(info, times[number] + Fraction(1, 1000)) == number - first
    assert (first == 0) or shown_at(info, times[first - 1]) == -1
    assert shown_at(info, times[-1] + 10) == FRAMES - first


def test_what_packets_do_not_tell_is_left_to_decoding(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", encoder="mpeg4", sound=False, options={})
    assert known_at(probe(clip), 5) is None
    assert shown_at(probe(clip), Fraction(1)) is None
    other_rate = as_read(probe(make_clip(tmp_path / "clip.mp4")), reading_of(MediaOptions(fps="10")))
    assert known_at(other_rate, 5) is None
