"""The last look: whatever became of a finished file, it is noticed before the file gets its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from tracked import Tone, join, make_tracks

from roop_host.errors import OutputError
from roop_host.media.writing.check import Expected, check_output

Change = Callable[[Any, int], bool]


@pytest.fixture(scope="module", params=[".mp4", ".mov", ".mkv", ".webm"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    folder = tmp_path_factory.mktemp("finished")
    source = make_tracks(folder / "in.mkv", Tone("libopus"), Tone("aac"), texts=("subrip",))
    output = folder / f"out{request.param}"
    _, expected = join(source, output, folder / "w")
    return output, expected


def damaged(path: Path, folder: Path, change: Change, without: int | None = None) -> Path:
    """The file again, without stream ``without``; ``change`` alters a packet (given its place) or is False to drop it."""
    result = folder / path.name
    options = {} if path.suffix in (".mp4", ".mov") else {"avoid_negative_ts": "disabled"}
    with av.open(str(path)) as source, av.open(str(result), "w", options=options) as sink:
        streams = [stream for stream in source.streams if stream.index != without and stream.type != "data"]
        twins = {stream.index: sink.add_stream_from_template(stream) for stream in streams}
        places = dict.fromkeys(twins, 0)
        for packet in source.demux(streams):
            index = packet.stream.index
            if packet.size:
                places[index] += 1
                if change(packet, places[index]):
                    packet.stream = twins[index]
                    sink.mux(packet)
    return result


def keep(_packet: Any, _place: int) -> bool:
    return True


def shift_sound(packet: Any, _place: int) -> bool:
    if packet.stream.index == 1:
        packet.pts += round(Fraction(1, 10) / packet.time_base)
        packet.dts = packet.pts
    return True


def shift_video(packet: Any, _place: int) -> bool:
    if packet.stream.index == 0:
        packet.pts += round(Fraction(1, 25) / packet.time_base)
        packet.dts += round(Fraction(1, 25) / packet.time_base)
    return True


def drop_frame(packet: Any, place: int) -> bool:
    return packet.stream.index != 0 or place != 7


def cut_sound(packet: Any, _place: int) -> bool:
    return packet.stream.index != 2 or packet.pts * packet.time_base < 0.9


def hole_in_sound(packet: Any, place: int) -> bool:
    return packet.stream.index != 2 or not 20 <= place < 30


def squeeze_sound(packet: Any, place: int) -> bool:
    if packet.stream.index == 2 and 20 <= place < 50:
        packet.pts -= round(min(Fraction(place - 19, 100), Fraction(1, 10)) / packet.time_base)
        packet.dts = packet.pts
    return True


def move_last(packet: Any, place: int) -> bool:
    if packet.stream.index == 0 and place == 30:
        packet.pts += round(Fraction(1, 25) / packet.time_base)
        packet.dts = packet.pts
    return True


@pytest.mark.parametrize(
    ("change", "without", "said"),
    [
        (drop_frame, None, r"holds 29 frames instead of 30"),
        (shift_video, None, r"first frame is at 0\.040 s instead of 0\.000 s"),
        (move_last, None, r"last frame is at 1\.200 s instead of 1\.160 s"),
        (shift_sound, None, r"audio track 1 .*begins at 0\.\d+ s instead of "),
        (cut_sound, None, r"audio track 2 .*ends at 0\.9\d\d s instead of 1\.2\d\d s"),
        (hole_in_sound, None, r"audio track 2 .*has (\d\d packets instead of \d\d|gaps of 0\.\d+ s)"),
        (keep, 2, r"holds 1 sound tracks that are heard instead of 2"),
        (keep, 3, r"holds 0 subtitle tracks instead of 1"),
    ],
)
def test_damage_is_noticed(
    change: Change, without: int | None, said: str, finished: tuple[Path, Expected], tmp_path: Path
) -> None:
    path, expected = finished
    check_output(damaged(path, tmp_path, keep), expected)
    with pytest.raises(OutputError, match=said) as caught:
        check_output(damaged(path, tmp_path, change, without), expected)
    assert str(caught.value).endswith("nothing was kept, run again")


@pytest.mark.parametrize("finished", [".mp4", ".mov", ".mkv"], indirect=True)
def test_sound_that_is_out_of_place_in_the_middle_is_noticed(finished: tuple[Path, Expected], tmp_path: Path) -> None:
    """In WebM this sound is encoded anew, and such is even by its making."""
    path, expected = finished
    assert expected.sounds[1].packets
    with pytest.raises(OutputError, match=r"audio track 2 .*has its packets -0\.0\d\d s from where they belong"):
        check_output(damaged(path, tmp_path, squeeze_sound), expected)


def test_a_file_that_ends_too_soon_is_noticed(finished: tuple[Path, Expected]) -> None:
    path, expected = finished
    with pytest.raises(OutputError, match=r"long instead of 1\.\d00 s"):
        check_output(path, replace(expected, over=expected.over + Fraction(1, 2)))


@pytest.mark.parametrize("content", [b"", b"no video at all", None], ids=["empty", "text", "half"])
def test_what_cannot_be_read_back_is_noticed(content: bytes | None, finished: tuple[Path, Expected], tmp_path: Path) -> None:
    path, expected = finished
    broken = tmp_path / path.name
    broken.write_bytes(path.read_bytes()[: path.stat().st_size // 3] if content is None else content)
    with pytest.raises(OutputError, match=r"could not be read back|instead of"):
        check_output(broken, expected)
