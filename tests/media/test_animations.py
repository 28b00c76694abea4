"""Animations in and out: times, loops, alpha, colours that stand still, marks, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip
from numpy.typing import NDArray
from PIL import Image
from stills import MARKS, noise, planes

from roop_host import Frame, MediaOptions
from roop_host.errors import InputError, Interrupted, OutputError, UsageError
from roop_host.media.info import Known, MediaInfo, Reading
from roop_host.media.pictures.animations import AnimationReader
from roop_host.media.pictures.animations_out import check_animation_fits, write_animation
from roop_host.media.pictures.check import check_animation
from roop_host.media.pictures.moving import Frames
from roop_host.media.pictures.palette import palette_of
from roop_host.media.pictures.reading import read_picture
from roop_host.media.pictures.writing import write_picture
from roop_host.media.reading.probe import probe

SUFFIXES = [".gif", ".webp", ".png"]
Picture = NDArray[np.uint8]


def drawn(count: int, *, alpha: bool = False, size: tuple[int, int] = (48, 32)) -> list[Picture]:
    """A square that moves over a ground of few colours; with ``alpha`` over nothing."""
    pictures = []
    for number in range(count):
        picture = np.zeros((size[1], size[0], 4), np.uint8)
        if not alpha:
            picture[:] = (20, 60, 90, 255)
            picture[::4] = (200, 180, 10, 255)
        picture[8:20, 3 * number + 2 : 3 * number + 12] = (250, 30 * number % 250, 120, 255)
        pictures.append(picture if alpha else np.ascontiguousarray(picture[..., :3]))
    return pictures


def made(path: Path, pictures: Sequence[Picture], delays: Sequence[int], *, loop: int | None = 0) -> Path:
    """Written by Pillow; ``delays`` in milliseconds, ``loop`` as the format counts."""
    images = [Image.fromarray(picture) for picture in pictures]
    disposal = 2 if pictures[0].shape[2] == 4 else 0
    more = {} if loop is None else {"loop": loop}
    if path.suffix == ".webp":
        more |= {"lossless": True, "exact": True}
    images[0].save(path, save_all=True, append_images=images[1:], duration=list(delays), disposal=disposal, **more)
    return path


def source(pictures: Sequence[Picture], times: Sequence[int]) -> Frames:
    """``times`` are the beginnings, and the end of the last."""

    def frames() -> Iterator[tuple[int, int, Picture]]:
        for number, picture in enumerate(pictures):
            yield times[number], times[number + 1] - times[number], picture

    return frames


def described(tmp_path: Path, base: Fraction, **more: object) -> MediaInfo:
    info = MediaInfo(tmp_path / "camera", "video", 48, 32, "raw", "", time_base=base, is_file=False)
    return replace(info, **more)  # type: ignore[arg-type]


def frames_of(path: Path, reading: Reading | None = None, **more: object) -> list[Frame]:
    info = replace(probe(path), reading=reading or Reading(), **more)  # type: ignore[arg-type]
    with AnimationReader(info) as reader:
        return list(reader.frames())


def write(path: Path, frames: Frames, info: MediaInfo, quality: int = 100) -> tuple[str, ...]:
    return write_animation(frames, info, path, path.suffix, MediaOptions(quality=quality), MARKS)


# In


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("alpha", [False, True])
def test_frames_come_with_their_own_times(suffix: str, alpha: bool, tmp_path: Path) -> None:
    pictures, delays = drawn(4, alpha=alpha), [40, 100, 30, 250]
    info = probe(made(tmp_path / f"in{suffix}", pictures, delays))
    assert (info.kind, info.frames, info.loop, info.layout.alpha) == ("animation", 4, 0, alpha)
    assert info.average_rate == 4 / Fraction(420, 1000)
    frames = frames_of(info.path)
    assert [frame.time for frame in frames] == [Fraction(ms, 1000) for ms in (0, 40, 140, 170)]
    assert [frame.duration * frame.time_base * 1000 for frame in frames] == delays
    for frame, picture in zip(frames, pictures, strict=True):
        there = picture[..., 3] > 0 if alpha else np.ones(picture.shape[:2], bool)
        assert np.array_equal(planes(frame)[..., :3][there], picture[..., :3][there])
        assert frame.pixels.av_frame.format.name == ("gbrap" if alpha else "gbrp")  # type: ignore[attr-defined]


def test_a_delay_of_nothing_is_shown_as_players_do(tmp_path: Path) -> None:
    info = probe(made(tmp_path / "in.gif", drawn(3), [0, 0, 0]))
    assert info.duration_s == pytest.approx(0.3)


def test_apng_counts_in_what_its_delays_are_of(tmp_path: Path) -> None:
    write(path := tmp_path / "in.png", source(drawn(7), range(8)), described(tmp_path, Fraction(1001, 30000)))
    info = probe(path)
    assert info.average_rate == Fraction(30000, 1001)
    assert [frame.time for frame in frames_of(path)] == [number * Fraction(1001, 30000) for number in range(7)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_frame_is_a_picture(suffix: str, tmp_path: Path) -> None:
    assert probe(made(tmp_path / f"in{suffix}", drawn(1), [100])).kind == "picture"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_going_on_gives_what_went_before(suffix: str, tmp_path: Path) -> None:
    info = probe(made(tmp_path / f"in{suffix}", drawn(6, alpha=True), [50] * 6))
    whole = frames_of(info.path)
    reader = AnimationReader(info)
    rest = list(reader.frames(4, known=Known(3, whole[3].pts)))
    assert [frame.index for frame in rest] == [3, 4, 5]
    assert [frame.pts for frame in rest] == [frame.pts for frame in whole[3:]]
    assert all(np.array_equal(planes(a), planes(b)) for a, b in zip(rest, whole[3:], strict=True))
    assert (reader.end_s, reader.origin, reader.steady) == (Fraction(3, 10), 0, True)


@pytest.mark.parametrize(
    ("reading", "indices", "origin"),
    [
        (Reading(start=2), [2, 3, 4, 5], Fraction(1, 10)),
        (Reading(start=Fraction(6, 100), end=Fraction(2, 10)), [1, 2, 3], Fraction(6, 100)),
        (Reading(end=2), [0, 1], Fraction(0)),
        (Reading(rate=Fraction(40)), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], Fraction(0)),
        (Reading(rate=Fraction(10)), [0, 2, 4], Fraction(0)),
        (Reading(start=3, rate=Fraction(40)), [3, 3, 4, 4, 5, 5], Fraction(15, 100)),
    ],
)
def test_a_part_at_a_rate(reading: Reading, indices: list[int], origin: Fraction, tmp_path: Path) -> None:
    pictures = drawn(6)
    info = replace(probe(made(tmp_path / "in.gif", pictures, [50] * 6)), reading=reading)
    if reading.rate:
        info = replace(info, time_base=1 / reading.rate)
    reader = AnimationReader(info)
    frames = list(reader.frames())
    assert [next(n for n, p in enumerate(pictures) if np.array_equal(planes(f), p)) for f in frames] == indices
    assert (reader.origin, frames[0].pts) == (origin, 0)
    if reading.rate:
        assert [frame.pts for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_breaks_off_is_refused_or_ends_there(suffix: str, tmp_path: Path) -> None:
    path = made(tmp_path / f"in{suffix}", [noise(32, 48, 3, seed=n) for n in range(6)], [50] * 6)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    try:
        info = probe(path)
    except InputError:
        assert suffix == ".webp"  # it says its length at once, and is no WebP without it
        return
    with pytest.raises(InputError, match="broken or cut off"):
        list(AnimationReader(info).frames())
    reader = AnimationReader(replace(info, reading=Reading(salvage=True)))
    assert 2 <= len(list(reader.frames())) <= 5
    assert len(reader.notices) == 1
    assert "cut off after" in reader.notices[0]


def test_reading_stops_on_request(tmp_path: Path) -> None:
    cancel = threading.Event()
    frames = AnimationReader(probe(made(tmp_path / "in.gif", drawn(3), [50] * 3))).frames(cancel=cancel)
    next(frames)
    cancel.set()
    with pytest.raises(Interrupted):
        next(frames)


def test_a_gif_becomes_a_video(tmp_path: Path) -> None:
    frames = frames_of(made(tmp_path / "in.gif", drawn(5, size=(64, 64)), [40] * 5))
    with av.open(str(tmp_path / "out.mkv"), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
        stream.options = {"qp": "0"}
        for frame in frames:
            picture = frame.pixels.av_frame  # type: ignore[attr-defined]
            picture.pts = frame.pts
            picture.time_base = frame.time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with av.open(str(tmp_path / "out.mkv")) as container:
        shown = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert all(np.array_equal(a, b) for a, b in zip(shown, drawn(5, size=(64, 64)), strict=True))


# Out


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("loop", [0, None, 3])
def test_what_is_written_is_what_was_there(suffix: str, alpha: bool, loop: int | None, tmp_path: Path) -> None:
    pictures, times = drawn(6, alpha=alpha), [100, 103, 110, 130, 135, 160, 167]
    info = described(tmp_path, Fraction(1, 100), kind="animation", loop=loop)
    path = tmp_path / f"out{suffix}"
    assert write(path, source(pictures, times), info) == ()
    again = probe(path)
    assert (again.kind, again.frames, again.loop, again.layout.alpha) == ("animation", 6, loop, alpha)
    frames = frames_of(path)
    assert [frame.time * 100 for frame in frames] == [time - 100 for time in times[:-1]]
    assert frames[-1].duration * frames[-1].time_base == Fraction(7, 100)
    for frame, picture in zip(frames, pictures, strict=True):
        there = picture[..., 3] > 0 if alpha else np.ones(picture.shape[:2], bool)
        shown = planes(frame)
        assert np.array_equal(shown[..., :3][there], picture[..., :3][there])
        assert not alpha or np.array_equal(shown[..., 3] > 0, there)
    check_animation(path, frames=6, length_s=Fraction(67, 100), size=(48, 32))
    assert MARKS.stand_in(path)
    first = path.read_bytes()
    write(path, source(pictures, times), info)
    assert path.read_bytes() == first


@pytest.mark.parametrize(("suffix", "form"), [(".gif", "gif"), (".png", "apng")])
def test_ffmpeg_shows_the_same(suffix: str, form: str, tmp_path: Path) -> None:
    """Of animated WebP FFmpeg 8 has no decoder."""
    pictures = drawn(5)
    write(path := tmp_path / f"out{suffix}", source(pictures, range(0, 60, 10)), described(tmp_path, Fraction(1, 100)))
    with av.open(str(path), format=form) as container:
        shown = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert [round(time, 3) for time, _ in shown] == [0, 0.1, 0.2, 0.3, 0.4]
    assert all(np.array_equal(a, b) for (_, a), b in zip(shown, pictures, strict=True))


@pytest.mark.parametrize(
    ("suffix", "base", "steps", "delays"),
    [
        (".gif", Fraction(1, 30), 1, [30, 40, 30, 30, 40, 30]),
        (".gif", Fraction(1001, 24000), 1, [40, 40, 50, 40, 40, 40]),
        (".webp", Fraction(1, 30), 1, [33, 34, 33, 33, 34, 33]),
        (".webp", Fraction(1, 1000), 7, [7] * 6),
        (".png", Fraction(1, 1000), 7, [7] * 6),
    ],
)
def test_rounding_does_not_add_up(suffix: str, base: Fraction, steps: int, delays: list[int], tmp_path: Path) -> None:
    times = [number * steps for number in range(7)]
    write(path := tmp_path / f"out{suffix}", source(drawn(6), times), described(tmp_path, base))
    assert [round(frame.duration * frame.time_base * 1000) for frame in frames_of(path)] == delays


def test_a_hasty_gif_stays_hasty(tmp_path: Path) -> None:
    info = probe(made(tmp_path / "in.gif", drawn(4), [10] * 4))
    write(path := tmp_path / "out.gif", source(drawn(4), range(5)), info)
    assert probe(path).duration_s == pytest.approx(0.04)


def test_few_colours_are_kept_exactly_up_to_the_last(tmp_path: Path) -> None:
    grid = np.arange(256, dtype=np.uint8).reshape(16, 16)
    first = np.stack([grid, grid // 2, 255 - grid], axis=-1)
    pictures = [first, np.ascontiguousarray(first[::-1]), first]
    assert (
        write(path := tmp_path / "out.gif", source(pictures, range(0, 40, 10)), described(tmp_path, Fraction(1, 100))) == ()
    )
    assert all(np.array_equal(planes(frame), picture) for frame, picture in zip(frames_of(path), pictures, strict=True))


def test_many_colours_share_one_palette_and_what_stands_still_does_not_flicker(tmp_path: Path) -> None:
    y, x = np.mgrid[:96, :128].astype(np.float32)
    ground = np.stack([x * 2, y * 2.6, 255 - x - y], axis=-1).clip(0, 255).astype(np.uint8)
    pictures = []
    for number in range(6):
        picture = ground.copy()
        picture[40:80, 10 + 8 * number : 40 + 8 * number] = noise(40, 30, 3, seed=number)
        pictures.append(picture)
    told = write(path := tmp_path / "out.gif", source(pictures, range(0, 70, 10)), described(tmp_path, Fraction(1, 100)))
    assert len(told) == 1
    assert "256 colours" in told[0]
    shown = [planes(frame) for frame in frames_of(path)]
    still = np.ones((96, 128), bool)
    still[40:80] = False
    assert all(np.array_equal(picture[still], shown[0][still]) for picture in shown)
    assert len(np.unique(np.concatenate(shown).reshape(-1, 3), axis=0)) <= 255
    # The dither's mean is the colour: over 8x8 the error goes away.
    means = [p[:32].astype(float).reshape(4, 8, 16, 8, 3).mean(axis=(1, 3)) for p in (shown[0], ground)]
    assert np.abs(means[0] - means[1]).mean() < 6
    with Image.open(path) as image:
        assert image.global_palette is not None


def test_the_palette_takes_frames_one_by_one() -> None:
    alive: list[int] = []

    def pictures() -> Iterator[Picture]:
        for number in range(4):
            alive.append(number)
            yield noise(16, 16, 4, seed=number)

    palette = palette_of(pictures())
    assert alive == [0, 1, 2, 3]
    assert (palette.exact, palette.transparent, len(palette.colours) <= 255) == (False, len(palette.colours), True)


def test_a_lossless_animation_stays_lossless(tmp_path: Path) -> None:
    pictures = [noise(32, 48, 3, seed=number) for number in range(3)]
    info = probe(made(tmp_path / "in.webp", pictures, [50] * 3))
    write(path := tmp_path / "out.webp", source(pictures, [0, 50, 100, 150]), info, quality=40)
    assert all(np.array_equal(planes(frame), picture) for frame, picture in zip(frames_of(path), pictures, strict=True))
    write(
        small := tmp_path / "small.webp",
        source(pictures, [0, 50, 100, 150]),
        described(tmp_path, Fraction(1, 1000)),
        quality=40,
    )
    assert small.stat().st_size < path.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_only_one_picture_is_held(suffix: str, tmp_path: Path) -> None:
    import gc
    import weakref

    held: list[weakref.ref[Picture]] = []

    def frames() -> Iterator[tuple[int, int, Picture]]:
        for number in range(12):
            picture = noise(16, 16, 3, seed=number)
            held.append(weakref.ref(picture))
            gc.collect()
            assert sum(ref() is not None for ref in held) <= 4
            yield number * 10, 10, picture

    write(tmp_path / f"out{suffix}", frames, described(tmp_path, Fraction(1, 100)))


def test_a_still_gif_is_written_with_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    Image.fromarray(drawn(1, alpha=True)[0]).save(path)
    info = probe(path)
    out = tmp_path / "out.gif"
    (told,) = write_picture(read_picture(info), info, out, ".gif", MediaOptions(), MARKS)
    assert "half transparent" in told
    assert probe(out).kind == "picture"
    with Image.open(out) as image:
        assert "loop" not in image.info
        shown = np.array(image.convert("RGBA"))
    assert np.array_equal(shown[..., 3], drawn(1, alpha=True)[0][..., 3])
    assert np.array_equal(shown[shown[..., 3] > 0], drawn(1, alpha=True)[0][shown[..., 3] > 0])


@pytest.mark.parametrize(("suffix", "rate", "fits"), [(".gif", 50, True), (".gif", 60, False), (".webp", 60, True)])
def test_a_rate_beyond_the_format_names_the_option(suffix: str, rate: int, fits: bool, tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "in.mp4", frames=3, rate=Fraction(rate), sound=False))
    if fits:
        check_animation_fits(info, suffix)
        return
    with pytest.raises(UsageError, match="add --fps 50"):
        check_animation_fits(info, suffix)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"frames": 4}, "3 frames instead of 4"), ({"length_s": Fraction(1)}, "lasts 0.150 s"), ({"size": (9, 9)}, "48x32")],
)
def test_a_file_that_is_not_what_it_must_be_is_refused(wrong: dict[str, object], words: str, tmp_path: Path) -> None:
    path = made(tmp_path / "in.gif", drawn(3), [50] * 3)
    right: dict[str, object] = {"frames": 3, "length_s": Fraction(15, 100), "size": (48, 32)}
    check_animation(path, **right)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match=words):
        check_animation(path, **(right | wrong))  # type: ignore[arg-type]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't be written"):
        write(tmp_path / "none" / "out.gif", source(drawn(2), range(3)), described(tmp_path, Fraction(1, 100)))


def test_what_breaks_in_the_source_is_not_taken_for_the_output(tmp_path: Path) -> None:
    def frames() -> Iterator[tuple[int, int, Picture]]:
        yield 0, 1, drawn(1)[0]
        raise InputError("the source broke")

    with pytest.raises(InputError, match="the source broke"):
        write(tmp_path / "out.png", frames, described(tmp_path, Fraction(1, 100)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_stands_longer_than_the_format_can_say_comes_again(suffix: str, tmp_path: Path) -> None:
    times = [0, 100, 100 + 70_001, 100 + 70_001 + 700_000, 100 + 70_001 + 700_040]
    write(path := tmp_path / f"out{suffix}", source(drawn(4), times), described(tmp_path, Fraction(1, 1000)))
    length = Fraction(times[-1], 1000)
    check_animation(path, frames=4, length_s=length, size=(48, 32))
    shown = frames_of(path)
    assert abs(shown[-1].time + shown[-1].duration * shown[-1].time_base - length) <= Fraction(1, 200)
    if suffix != ".gif":
        assert shown[-1].time == Fraction(times[3], 1000)
    for at, picture in zip((0.0, 0.1, 70.2, 770.11), drawn(4), strict=True):
        last = [frame for frame in shown if frame.time <= Fraction(at).limit_denominator(100)][-1]
        assert np.array_equal(planes(last), picture)


def test_a_burst_at_the_end_of_a_gif_takes_its_time_from_those_before(tmp_path: Path) -> None:
    times = [*range(0, 1000, 100), *range(905, 960, 5)]
    write(path := tmp_path / "out.gif", source(drawn(20), times), described(tmp_path, Fraction(1, 1000)))
    check_animation(path, frames=20, length_s=Fraction(955, 1000), size=(48, 32))
    assert min(frame.duration for frame in frames_of(path)) == 2


def test_more_frames_than_a_gif_has_times_for_name_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"20 frames in 0\.10 s .* add --fps 50 or name an output in \.apng"):
        write(tmp_path / "out.gif", source(drawn(20), range(0, 105, 5)), described(tmp_path, Fraction(1, 1000)))


@pytest.mark.parametrize(("suffix", "most"), [(".gif", 65536), (".webp", 65535), (".png", (1 << 31) - 1)])
def test_a_loop_beyond_the_format_is_told(suffix: str, most: int, tmp_path: Path) -> None:
    info = described(tmp_path, Fraction(1, 100), kind="animation", loop=(1 << 32) - 1)
    told = write(path := tmp_path / f"out{suffix}", source(drawn(3), range(0, 40, 10)), info)
    assert len(told) == 1
    assert str(most) in told[0]
    assert probe(path).loop == most
    assert write(path, source(drawn(3), range(0, 40, 10)), replace(info, loop=most)) == ()


def test_advice_for_what_does_not_fit_is_taken_by_clips(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "in.mp4", frames=3, rate=Fraction(60), sound=False))
    for wrong in (info, replace(info, width=16384)):
        with pytest.raises(UsageError, match=r"an output in \.apng"):
            check_animation_fits(wrong, ".gif" if wrong is info else ".webp")
