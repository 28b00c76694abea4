"""What a job can be asked to do with its target, and every kind of target and output, through the whole host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, pts_of, sound_of
from kit import FAST, Times, Tint, breaks, exporter, job, left, plugins, processor, refused, run
from PIL import Image
from tracked import Tone, damaged_packet, make_tracks, remuxed

from roop_host import ExecutionOptions, MediaOptions, Processor, Window
from roop_host.media.reading.probe import probe

TINT = plugins(processor(Tint, "tint", warmup=2, lookahead=1))


def asking(**media: Any) -> MediaOptions:
    return replace(FAST, **media)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def gif(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of a square that moves, with delays of their own, shown three times."""
    path = tmp_path_factory.mktemp("gif") / "in.gif"
    frames = []
    for number in range(12):
        picture = np.full((64, 80, 3), (200, 60, 40), np.uint8)
        picture[40:56, 4 * number : 4 * number + 16] = (20, 90, 220)
        frames.append(Image.fromarray(picture))
    delays = [40 + 30 * (number % 3) for number in range(12)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=2)
    return path


def still(path: Path, size: tuple[int, int] = (64, 48), shade: int = 90, **more: Any) -> Path:
    Image.fromarray(np.full((size[1], size[0], 3), shade, np.uint8)).save(path, **more)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "in").mkdir()
    for number in (1, 2, 10):
        still(made / f"img{number}.png", shade=40 * number % 256)
    (made / "notes.txt").write_text("not a picture")
    return made


def test_sound_that_breaks_ends_the_job_or_is_told_in_its_report(tmp_path: Path) -> None:
    def broken(packet: Any, place: int) -> Any:
        return damaged_packet(packet, bytes(200)) if packet.stream.type == "audio" and place == 8 else packet

    source = remuxed(make_tracks(tmp_path / "whole.mkv", Tone("flac")), tmp_path / "in.mkv", broken)
    wanted = asking(encoder="libvpx-vp9", preset="8")
    error = refused(TINT, job(source, tmp_path / "o.webm", "tint", media=wanted))
    assert error.exit_code == 3
    assert "audio track 1 (flac)" in str(error)
    report = run(TINT, job(source, tmp_path / "o.webm", "tint", media=replace(wanted, salvage=True)))
    assert "audio track 1 (flac): what can't be decoded is left out (1 of its packets)" in report.notices


# -- what is used of a clip


def test_a_part_of_a_clip_begins_at_nought_with_its_sound(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    report = run(TINT, job(clip, out, "tint", media=asking(trim_start="0.2", trim_end="25f")))
    assert report.frames == 20
    assert pts_of(out) == [Fraction(k, 25) for k in range(20)]
    kept = sound_of(out)
    whole = sound_of(clip)
    at = whole.index(kept[0])
    assert kept == whole[at : at + len(kept)]
    assert abs(len(kept) * 1024 / 48000 - 0.8) < 2 * 1024 / 48000


@pytest.mark.parametrize(("rate", "frames"), [("50", 60), ("10", 12), ("30000/1001", 36)])
def test_another_rate_keeps_the_time(clip: Path, rate: str, frames: int, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    report = run(TINT, job(clip, out, "tint", media=asking(fps=rate)))
    assert abs(report.frames - frames) <= 1
    times = pts_of(out)
    assert times == [k / Fraction(rate) for k in range(report.frames)]
    assert sound_of(out) == sound_of(clip)


def test_the_size_is_that_which_was_asked_for(clip: Path, tmp_path: Path) -> None:
    run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=asking(scale="50%")))
    info = probe(tmp_path / "o.mp4")
    assert (info.width, info.height) == (64, 48)
    run(TINT, job(still(tmp_path / "in.png"), tmp_path / "o.png", "tint", media=asking(scale="128x96")))
    assert Image.open(tmp_path / "o.png").size == (128, 96)


def test_sound_is_left_out_when_asked(clip: Path, tmp_path: Path) -> None:
    run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=asking(skip_audio=True)))
    assert probe(tmp_path / "o.mp4").audio_codecs == ()


@pytest.mark.parametrize(
    "media",
    [
        {},
        {"fps": "20"},
        {"trim_start": "0.1", "fps": "60000/1001"},
        {"scale": "96x72"},
        {"deinterlace": True},
        {"trim_start": "3f"},
    ],
    ids=str,
)
def test_a_run_that_is_continued_gives_the_same_bytes(clip: Path, media: dict[str, Any], tmp_path: Path) -> None:
    torn_and_whole(clip, tmp_path, ".mp4", media)


def test_an_animation_that_is_continued_gives_the_same_bytes(gif: Path, tmp_path: Path) -> None:
    torn_and_whole(gif, tmp_path, ".gif", {"segment_frames": 4})


def torn_and_whole(target: Path, tmp_path: Path, suffix: str, media: dict[str, Any]) -> None:
    frames = {".gif": 9}.get(suffix, 20)
    whole, torn = tmp_path / f"whole{suffix}", tmp_path / f"torn{suffix}"
    run(TINT, job(target, whole, "tint", media=asking(**media)))
    what = job(target, torn, "tint", media=asking(**media), execution=ExecutionOptions(resumable=True))
    broken = plugins(processor(breaks(Tint, frames, stored=1), "tint", warmup=2, lookahead=1))
    assert "a fault" in str(refused(broken, what))
    assert run(TINT, what).resumed_frames > 0
    assert torn.read_bytes() == whole.read_bytes()
    assert left(tmp_path) == sorted([torn.name, whole.name])


# -- pictures


def test_a_folder_of_pictures_becomes_a_folder_of_pictures(folder: Path, tmp_path: Path) -> None:
    still(folder / "img3.jpg", (32, 90))
    out = tmp_path / "out"
    found = plugins(processor(Tint, "tint", lookahead=2), exporter(Times, "times", "sidecar", ".csv"))
    report = run(found, job(folder, out, "tint", exports=("times",)))
    assert left(out) == ["img1.png", "img10.png", "img2.png", "img3.jpg"]
    assert report.frames == 4
    assert (tmp_path / "out.csv").read_bytes().count(b"\n") == 6
    assert any("notes.txt" in notice for notice in report.notices)
    for name in left(out):
        with Image.open(out / name) as made, Image.open(folder / name) as given:
            assert made.size == given.size
            assert b"digitalsourcetype" in made.info["xmp"]
        assert (folder / name).read_bytes() != (out / name).read_bytes()
    assert left(tmp_path) == ["in", "out", "out.csv"]


def test_pictures_of_one_size_become_a_folder_where_the_output_is_one(folder: Path, tmp_path: Path) -> None:
    assert run(TINT, job(folder, tmp_path / "out", "tint")).frames == 3
    assert left(tmp_path / "out") == ["img1.png", "img10.png", "img2.png"]


def test_what_a_name_calls_a_picture_and_is_none_stops_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "img5.jpg").write_bytes(b"")
    assert "img5.jpg" in str(refused(TINT, job(folder, tmp_path / "out", "tint")))
    report = run(TINT, job(folder, tmp_path / "out", "tint", media=asking(salvage=True)))
    assert report.frames == 3


def test_each_picture_of_a_folder_stands_alone(folder: Path, tmp_path: Path) -> None:
    run(TINT, job(folder, tmp_path / "out", "tint", media=asking(folder="pictures")))
    run(TINT, job(folder / "img10.png", tmp_path / "alone.png", "tint"))
    assert np.array_equal(Image.open(tmp_path / "out" / "img10.png"), Image.open(tmp_path / "alone.png"))


def test_a_folder_is_a_clip_in_natural_order(folder: Path, tmp_path: Path) -> None:
    report = run(plugins(processor(Nothing, "nothing")), job(folder, tmp_path / "o.mkv", "nothing", media=asking(fps="10")))
    assert report.frames == 3
    assert [round(float(t), 3) for t in pts_of(tmp_path / "o.mkv")] == [0, 0.1, 0.2]
    with av.open(str(tmp_path / "o.mkv")) as made:
        shades = [float(frame.to_ndarray(format="rgb24").mean()) for frame in made.decode(video=0)]
    assert np.abs(np.array(shades) - [40, 80, 400 % 256]).max() < 2


def test_a_broken_picture_stops_a_folder_unless_it_is_to_be_salvaged(folder: Path, tmp_path: Path) -> None:
    broken = folder / "img2.png"
    broken.write_bytes(broken.read_bytes()[:60])
    media = asking(folder="pictures")
    assert "img2.png" in str(refused(TINT, job(folder, tmp_path / "out", "tint", media=media)))
    assert left(tmp_path) == ["in"]
    report = run(TINT, job(folder, tmp_path / "out", "tint", media=replace(media, salvage=True)))
    assert left(tmp_path / "out") == ["img1.png", "img10.png"]
    assert any("img2.png" in notice for notice in report.notices)


def test_pages_stay_pages(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (40 + 8 * number, 32), (60 * number, 90, 40)) for number in range(3)]
    pages[0].save(source := tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    report = run(TINT, job(source, tmp_path / "o.tif", "tint"))
    assert report.frames == 3
    with Image.open(tmp_path / "o.tif") as made:
        sizes = []
        for number in range(made.n_frames):  # type: ignore[attr-defined]
            made.seek(number)
            sizes.append(made.size)
            assert b"digitalsourcetype" in made.tag_v2[700]  # type: ignore[attr-defined]
    assert sizes == [page.size for page in pages]
    assert "3 pictures" in str(refused(TINT, job(source, tmp_path / "o.png", "tint")))


def test_what_holds_no_mark_has_it_beside(tmp_path: Path) -> None:
    report = run(TINT, job(still(tmp_path / "in.png"), tmp_path / "o.bmp", "tint"))
    assert left(tmp_path) == ["in.png", "o.bmp", "o.bmp.xmp"]
    assert b"digitalsourcetype" in (tmp_path / "o.bmp.xmp").read_bytes()
    assert report.beside == (str(tmp_path / "o.bmp.xmp"),)
    assert "exists already" in str(refused(TINT, job(tmp_path / "in.png", tmp_path / "o.bmp", "tint")))


# -- animations


def test_an_animation_keeps_its_times_and_loops(gif: Path, tmp_path: Path) -> None:
    for suffix in (".gif", ".webp", ".png"):
        out = tmp_path / f"o{suffix}"
        report = run(TINT, job(gif, out, "tint"))
        assert report.frames == 12
        with Image.open(gif) as given, Image.open(out) as made:
            assert made.n_frames == 12  # type: ignore[attr-defined]
            assert delays(made) == delays(given)
            assert made.info["loop"] in (2, 3)  # GIF counts what follows the first, the others all
            assert made.size == given.size


def delays(image: Any) -> list[int]:
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        found.append(round(image.info["duration"]))
    return found


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_last_picture_that_stands_for_long_does_so_in_a_video(suffix: str, tmp_path: Path) -> None:
    frames = []
    for number in range(6):  # alike but for a square that moves, so that the encoder reorders them
        picture = np.full((48, 64, 3), (90, 60, 40), np.uint8)
        picture[8 : 8 + 24, 4 * number : 4 * number + 24] = (30, 160, 220)
        frames.append(Image.fromarray(picture))
    frames[0].save(source := tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=[100] * 5 + [2000])
    run(TINT, job(source, tmp_path / f"o{suffix}", "tint"))
    with av.open(str(tmp_path / f"o{suffix}")) as made:
        assert abs((made.duration or 0) / av.time_base - 2.5) < 0.011
    again = run(TINT, job(tmp_path / f"o{suffix}", tmp_path / "again.mkv", "tint"))
    assert again.frames == 6
    with av.open(str(tmp_path / "again.mkv")) as made:
        assert abs((made.duration or 0) / av.time_base - 2.5) < 0.011


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_an_even_rate_stays_even(clip: Path, suffix: str, tmp_path: Path) -> None:
    run(TINT, job(clip, tmp_path / f"o{suffix}", "tint"))
    with av.open(str(tmp_path / f"o{suffix}")) as made:
        assert made.streams.video[0].average_rate == 25


def test_a_gif_becomes_a_video_and_a_video_a_gif(gif: Path, clip: Path, tmp_path: Path) -> None:
    run(TINT, job(gif, tmp_path / "o.mp4", "tint"))
    assert len(pts_of(tmp_path / "o.mp4")) == 12
    report = run(TINT, job(clip, tmp_path / "o.gif", "tint", media=asking(fps="10")))
    assert report.frames == 12
    assert any("audio" in notice or "sound" in notice for notice in report.notices)
    assert left(tmp_path) == ["o.gif", "o.mp4"]


# -- frames that are kept


class Nothing(Processor):
    def process(self, window: Window) -> None:
        pass


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
def test_finished_frames_are_kept_as_marked_pictures(clip: Path, kind: str, tmp_path: Path) -> None:
    media = asking(keep_frames=str(tmp_path / "frames"), frame_format=kind, trim_end="5f")
    report = run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=media))
    assert left(tmp_path / "frames") == [f"{number:06d}.{kind}" for number in range(1, 6)]
    assert left(tmp_path) == ["frames", "o.mp4"]
    assert str(tmp_path / "frames") in report.beside
    for path in (tmp_path / "frames").iterdir():
        assert b"digitalsourcetype" in path.read_bytes()
        assert Image.open(path).size == (128, 96)


def test_kept_frames_survive_a_run_that_is_continued(clip: Path, tmp_path: Path) -> None:
    media = asking(keep_frames=str(tmp_path / "frames"))
    what = job(clip, tmp_path / "o.mp4", "tint", media=media, execution=ExecutionOptions(resumable=True))
    refused(plugins(processor(breaks(Tint, 20), "tint", warmup=2, lookahead=1)), what)
    assert run(TINT, what).resumed_frames > 0
    assert len(left(tmp_path / "frames")) == 30


def test_a_folder_of_frames_that_is_not_empty_is_left_alone(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "mine.txt").write_text("mine")
    what = job(clip, tmp_path / "o.mp4", "tint", media=asking(keep_frames=str(tmp_path / "frames")))
    assert "not empty" in str(refused(TINT, what))
    assert left(tmp_path) == ["frames"]


# -- broken targets, and what does not go together


def cut_off(tmp_path: Path) -> Path:
    whole = make_clip(tmp_path / "whole.mkv", frames=100, size=(320, 240))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    whole.unlink()
    return cut


def test_a_broken_clip_is_finished_only_when_asked(tmp_path: Path) -> None:
    cut = cut_off(tmp_path)
    error = refused(TINT, job(cut, tmp_path / "o.mkv", "tint"))
    assert error.exit_code == 3
    assert left(tmp_path) == ["cut.mkv"]
    report = run(TINT, job(cut, tmp_path / "o.mkv", "tint", media=asking(salvage=True)))
    assert report.exit_code == 0
    assert 20 < report.frames < 100
    assert any("broken" in notice or "cut off" in notice for notice in report.notices)
    assert len(pts_of(tmp_path / "o.mkv")) == report.frames


@pytest.mark.parametrize(
    ("target", "output", "media", "says"),
    [
        ("clip", "o.png", {}, "is a video, but"),
        ("still", "o.mp4", {}, "is a picture, but"),
        ("still", "o.png", {"trim_start": "1"}, "which has no time; leave --trim-start out"),
        ("still", "o.png", {"keep_frames": "frames"}, "--keep-frames is for clips"),
        ("clip", "o.mp4", {"trim_start": "5", "trim_end": "2"}, "trim"),
        ("clip", "o.mp4", {"trim_start": "yesterday"}, "trim-start"),
        ("clip", "o.mp4", {"fps": "0"}, "fps"),
        ("clip", "o.mp4", {"scale": "huge"}, "scale"),
        ("clip", "o.mp4", {"pixel_format": "yuv42p"}, "did you mean 'yuv4"),
        ("folder", "o.png", {"folder": "pictures"}, "folder of pictures"),
    ],
)
def test_what_does_not_go_together_is_told(
    target: str, output: str, media: dict[str, Any], says: str, clip: Path, folder: Path, tmp_path: Path
) -> None:
    targets: dict[str, Callable[[], Path]] = {
        "clip": lambda: clip,
        "still": lambda: still(tmp_path / "still.png"),
        "folder": lambda: folder,
    }
    error = refused(TINT, job(targets[target](), tmp_path / output, "tint", media=asking(**media)))
    assert error.exit_code == 2
    assert says in str(error)
    assert not (tmp_path / output).exists()
