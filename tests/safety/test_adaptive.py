"""``--screen adaptive``: what is looked at, what is inherited, and that it is only ever asked for by name.

No bound is a guarantee: docs/safety.md says what an adversarial search found. These are the passages it must hold for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip
from kit import Quiet, Tint, job, plugins, processor, run, screener
from numpy.typing import NDArray
from PIL import Image

from roop_host import Frame, FrameView, PreparedScreener, Report, Stage, gate
from roop_host.config.fields import host_fields
from roop_host.config.files import parse
from roop_host.config.layers import Layers
from roop_host.errors import ContentBlocked, UsageError
from roop_host.testing import context_of
from roop_host.types.job import Job
from roop_host.types.planes import rgb_pixels
from roop_nsfw import drift, plugin
from roop_nsfw.screener import OpenNsfw

Picture = NDArray[np.uint8]
PHOTO = Path(__file__).parents[2] / "examples" / "media" / "collins.jpg"
FPS = 25
SIZE = 256
SKIN_BGR = (125, 194, 241)


class Noted(PreparedScreener):
    """Another screener, and the inputs that it was really asked about."""

    by_stage = False

    def __init__(self, inner: PreparedScreener) -> None:
        self.inner = inner
        self.asked: list[NDArray[Any]] = []

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return self.inner.prepare(frame)

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        self.asked += inputs
        return self.inner.judge(inputs, stage)

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return self.inner.bound(score, before, now)


class Mean(PreparedScreener):
    """Scores the mean level, and knows exactly how far that moves."""

    by_stage = False

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [frame.bgr()]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [float(one.mean() / 255) for one in inputs]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return min(1.0, score + cv2.norm(before, now, cv2.NORM_L1) / before.size / 255)


class Guess(Mean):
    """Scores as ``Mean`` does, and believes that nothing ever moves."""

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return score


class NoBound(Mean):
    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return PreparedScreener.bound(self, score, before, now)


@pytest.fixture(scope="module")
def network() -> OpenNsfw:
    made = OpenNsfw()
    made.setup(context_of(plugin.Options()))
    return made


def at(bgr: Picture, number: int, fps: int = FPS) -> Frame:
    pixels = rgb_pixels(np.ascontiguousarray(bgr[..., ::-1]))
    return Frame(pixels, index=number, pts=number, time_base=Fraction(1, fps))


def watching(inner: PreparedScreener, limit: float = 0.85, adaptive: bool = True) -> tuple[gate.Gate, gate.Watcher, Noted]:
    noted = Noted(inner)
    watcher = gate.Watcher("test", "test 1.0", noted, limit, adaptive=adaptive)
    return gate.Gate([watcher], threading.Event()), watcher, noted


def blocked_at(door: gate.Gate, frames: Sequence[Frame]) -> int | None:
    """The number of the first frame that is refused."""
    for number, frame in enumerate(frames):
        try:
            door.look(frame, Stage.TARGET, f"frame {number}")
        except ContentBlocked:
            return number
    return None


def looked(inner: PreparedScreener, frames: Sequence[Frame], limit: float = 0.85) -> list[bool]:
    """Of each frame that was allowed, whether it was looked at."""
    door, watcher, _ = watching(inner, limit)
    out = []
    for frame in frames:
        before = watcher.looks
        door.look(frame, Stage.TARGET, "it")
        out.append(watcher.looks > before)
    return out


def first_over(inner: PreparedScreener, frames: Sequence[Frame], limit: float) -> int | None:
    return next((n for n, frame in enumerate(frames) if inner.screen([frame], Stage.TARGET)[0] >= limit), None)


def photo() -> Picture:
    return np.asarray(cv2.resize(cv2.imread(str(PHOTO)), (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def flat(colour_bgr: tuple[int, int, int] = SKIN_BGR) -> Picture:
    return np.full((SIZE, SIZE, 3), colour_bgr, np.uint8)


def spot() -> Picture:
    """Skin colour with a soft dark spot: harmless, and the network scores it over 0.9."""
    y, x = np.mgrid[-0.5 : 0.5 : SIZE * 1j, -0.5 : 0.5 : SIZE * 1j]
    light = np.clip(np.hypot(x, y) * 3, 0, 1)[..., None]
    return np.asarray(light * SKIN_BGR, np.uint8)


def mixed(one: Picture, other: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(one, 1 - share, other, share, 0), np.uint8)


def pasted(under: Picture, over: Picture, side: int, left: int = 40, top: int = 40, share: float = 1.0) -> Picture:
    out = under.copy()
    small = cv2.resize(over, (side, side), interpolation=cv2.INTER_AREA)
    part = out[top : top + side, left : left + side]
    part[:] = mixed(part.copy(), np.asarray(small, np.uint8), share)
    return out


def noisy(picture: Picture, number: int, levels: float) -> Picture:
    noise = np.random.default_rng(number).normal(0, levels, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def still(picture: Picture, count: int) -> list[Picture]:
    """Nearly the same picture: a few rows change by some levels, so that no two inputs are equal."""
    out = [picture.copy() for _ in range(count)]
    for number, one in enumerate(out):
        one[20 + number * 7 : 26 + number * 7] ^= 12
    return out


def framed(pictures: Sequence[Picture]) -> list[Frame]:
    return [at(picture, number) for number, picture in enumerate(pictures)]


def slow_drift() -> list[Picture]:
    return [mixed(flat(), spot(), n / 48) for n in range(49)]


def overlay() -> list[Picture]:
    return [pasted(photo(), spot(), 200, 28, 28, n / 40) for n in range(41)]


def cross_fade() -> list[Picture]:
    return [mixed(photo(), spot(), n / 24) for n in range(25)]


def large_patch() -> list[Picture]:
    return [*still(photo(), 5), *[pasted(one, spot(), 220, 18, 18) for one in still(photo(), 3)]]


def growing_patch() -> list[Picture]:
    return [pasted(photo(), spot(), 16 + 6 * n, 124 - 3 * n, 124 - 3 * n) for n in range(35)]


def one_bad_frame() -> list[Picture]:
    return [*still(photo(), 8), spot(), *still(photo(), 8)]


def cut_in_the_dark() -> list[Picture]:
    """Everything is near black, and so is every change."""
    return [mixed(flat((0, 0, 0)), mixed(flat(), spot(), n / 24), 0.15 + 0.6 * n / 24) for n in range(25)]


LONG = [cross_fade, large_patch, growing_patch, cut_in_the_dark]
PASSAGES = [slow_drift, overlay, one_bad_frame, *(pytest.param(passage, marks=pytest.mark.slow) for passage in LONG)]


@pytest.mark.parametrize("passage", PASSAGES)
def test_a_crossing_is_refused_at_the_very_frame(network: OpenNsfw, passage: Callable[[], list[Picture]]) -> None:
    frames = framed(passage())
    scores = [network.screen([frame], Stage.TARGET)[0] for frame in frames]
    assert max(scores) >= 0.3, "the passage tries nothing"
    for limit in (0.85, 0.5, 0.3):
        first = next((number for number, score in enumerate(scores) if score >= limit), None)
        assert blocked_at(watching(network, limit)[0], frames) == first


def test_what_hardly_moves_is_inherited_and_never_for_half_a_second(network: OpenNsfw) -> None:
    frames = framed(still(photo(), 28))
    assert len({network.prepare(frame)[0].tobytes() for frame in frames}) == len(frames)
    # Frames 0, 13 and 26 are 0.52 s apart: what lies between is taken from the look before, however long the chain.
    seen = looked(network, frames)
    assert [number for number, one in enumerate(seen) if one] == [0, 13, 26]


def test_noise_costs_looks(network: OpenNsfw) -> None:
    frames = framed([noisy(photo(), number, 40) for number in range(6)])
    assert all(looked(network, frames))
    assert not all(looked(network, framed([noisy(photo(), number, 2) for number in range(6)])))


@pytest.mark.parametrize("other", [flat((255, 255, 255)), flat((0, 0, 0)), flat()], ids=["white", "black", "skin"])
def test_a_flash_is_looked_at(network: OpenNsfw, other: Picture) -> None:
    pictures = still(photo(), 9)
    pictures[4] = other
    seen = looked(network, framed(pictures))
    assert seen[0]
    assert seen[4]
    # The look at the flash is the last one, so the scene that comes back is looked at as well.
    assert seen[5]


def test_a_small_patch_is_inherited_and_a_large_one_is_not(network: OpenNsfw) -> None:
    scene = still(photo(), 2)
    small, large = pasted(scene[1], flat(), 8), pasted(scene[1], flat(), 96)
    assert looked(network, framed([scene[0], small])) == [True, False]
    assert looked(network, framed([scene[0], large])) == [True, True]


def test_near_the_limit_everything_is_looked_at(network: OpenNsfw) -> None:
    near = [noisy(mixed(flat(), spot(), 0.76), number, 0.5) for number in range(6)]
    assert 0.7 < network.screen([at(near[0], 0)], Stage.TARGET)[0] < 0.85
    assert blocked_at(watching(network)[0], framed(near)) is None
    assert all(looked(network, framed(near)))


def test_a_tighter_limit_looks_more_often(network: OpenNsfw) -> None:
    frames = framed([mixed(photo(), flat(), number / 60) for number in range(24)])
    often = [sum(looked(network, frames, limit)) for limit in (0.85, 0.3)]
    assert often[0] < often[1]


def test_a_stream_that_is_slow_is_looked_at_throughout(network: OpenNsfw) -> None:
    frames = [at(picture, number, fps=2) for number, picture in enumerate(still(photo(), 5))]
    assert all(looked(network, frames))


@pytest.mark.parametrize("seed", range(8))
def test_an_honest_bound_never_misses(seed: int) -> None:
    chance = np.random.default_rng(seed)
    level, frames = chance.uniform(20, 160), []
    for number in range(400):
        level = float(np.clip(level + chance.normal(0, 6), 0, 255))
        frames.append(at(np.full((8, 8, 3), int(level), np.uint8), number))
    limit = 0.75
    door, watcher, _ = watching(Mean(), limit)
    assert blocked_at(door, frames) == first_over(Mean(), frames, limit)
    assert watcher.inherited


def test_a_chain_never_grows_older_than_half_a_second() -> None:
    door, watcher, noted = watching(Guess())
    for number in range(100):
        door.look(at(np.full((8, 8, 3), number, np.uint8), number), Stage.TARGET, "it")
    assert [int(one[0, 0, 0]) for one in noted.asked] == list(range(0, 100, 13))
    assert (watcher.looks, watcher.inherited, watcher.reused) == (8, 92, 0)


def test_a_dishonest_bound_ends_with_the_half_second() -> None:
    """A bound that lies lets at most half a second pass after what was looked at or known: it is trusted for no longer."""
    levels = [20] * 3 + [250] * 30
    frames = [at(np.full((8, 8, 3), level, np.uint8), number) for number, level in enumerate(levels)]
    assert blocked_at(watching(Guess())[0], frames) == 15


def test_nothing_is_inherited_over_a_segment_or_backwards_in_time() -> None:
    door, watcher, _ = watching(Guess())
    door.look(at(np.full((8, 8, 3), 10, np.uint8), 7), Stage.TARGET, "it")
    door.forget()
    door.look(at(np.full((8, 8, 3), 11, np.uint8), 8), Stage.TARGET, "it")
    door.look(at(np.full((8, 8, 3), 12, np.uint8), 5), Stage.TARGET, "it")
    assert (watcher.looks, watcher.inherited) == (3, 0)


def test_a_segment_is_looked_at_the_same_whether_the_run_was_continued(network: OpenNsfw) -> None:
    frames = framed([mixed(noisy(photo(), number, 1), flat(), number / 80) for number in range(24)])
    door, watcher, _ = watching(network)
    seen = []
    for number, frame in enumerate(frames):
        if number == 12:
            door.forget()
        before = watcher.looks
        door.look(frame, Stage.TARGET, "it")
        seen.append(watcher.looks > before)
    assert seen[12:] == looked(network, frames[12:])


def test_another_form_is_another_picture() -> None:
    door, watcher, _ = watching(Guess())
    door.look(at(np.full((8, 8, 3), 10, np.uint8), 0), Stage.TARGET, "it")
    door.look(at(np.full((8, 9, 3), 11, np.uint8), 1), Stage.TARGET, "it")
    assert watcher.looks == 2


@pytest.mark.parametrize("adaptive", [True, False])
def test_who_states_no_bound_looks_at_every_picture(adaptive: bool) -> None:
    door, watcher, _ = watching(NoBound(), adaptive=adaptive)
    for number in range(5):
        door.look(at(np.full((8, 8, 3), number, np.uint8), number), Stage.TARGET, "it")
    assert (watcher.looks, watcher.inherited) == (5, 0)


def test_without_the_name_nothing_is_inherited() -> None:
    door, watcher, _ = watching(Guess(), adaptive=False)
    for number in range(5):
        door.look(at(np.full((8, 8, 3), number, np.uint8), number), Stage.TARGET, "it")
    assert (watcher.looks, watcher.inherited) == (5, 0)


@pytest.mark.parametrize("score", [0.0, 1e-9, 0.03, 0.5, 0.849, 0.9999, 1.0])
def test_the_bound_grows_from_the_score_with_the_distance(score: float) -> None:
    base = np.full((224, 224, 3), 100, np.uint8)
    assert drift.bound(score, base, base.copy()) == score
    far = [drift.bound(score, base, base + np.uint8(step)) for step in (1, 5, 20, 155)]
    assert far == sorted(far)
    assert all(score <= one <= 1 for one in far)
    assert far[-1] > 0.85


def test_the_bound_is_what_was_measured() -> None:
    base = np.full((224, 224, 3), 100, np.uint8)
    wanted = np.log(0.1 / 0.9) + 2 * (0.30 + 0.462 * 3)
    assert drift.bound(0.1, base, base + np.uint8(3)) == pytest.approx(1 / (1 + np.exp(-wanted)))


def test_it_is_never_the_default_and_never_set_by_a_file_or_a_variable() -> None:
    assert Job((), "t.mp4", "o.mp4", ()).screen == "every"
    (option,) = (one for one in host_fields() if one.key == "screen")
    assert Layers({}, {option.variable: "adaptive"}, ()).settle(option) is None
    with pytest.raises(UsageError, match="anew at each run"):
        parse(Path("roop.toml"), '[run]\nscreen = "adaptive"')


def reported(folder: Path, **more: Any) -> Report:
    clip = make_clip(folder / "t.mp4", frames=24, sound=False)
    found = plugins(screener(Guess, "guess"), screener(Quiet, "plain"), processor(Tint, "tint"), quiet=False)
    return run(found, job(clip, folder / "o.mp4", "tint", **more))


def test_a_run_tells_what_was_inherited(tmp_path: Path) -> None:
    guess, plain = reported(tmp_path, screen="adaptive").screening
    # Three segments of eight frames, each with a look of its own at both places.
    assert (guess.mode, guess.looks, guess.inherited) == ("adaptive", 6, 42)
    assert (plain.looks, plain.inherited) == (48, 0)


def test_of_a_hasty_animation_half_a_second_is_as_players_show_it(tmp_path: Path) -> None:
    target = tmp_path / "t.gif"
    first, *rest = (Image.new("L", (64, 48), 100 + number) for number in range(24))
    first.save(target, save_all=True, append_images=rest, duration=10)
    found = plugins(screener(Guess, "guess"), processor(Tint, "tint"), quiet=False)
    (guess,) = run(found, job(target, tmp_path / "o.gif", "tint", screen="adaptive")).screening
    # Of each segment of eight frames, which stand for a tenth of a second each, the first and the sixth.
    assert (guess.looks, guess.inherited) == (12, 36)


def test_a_run_that_was_not_told_so_looks_at_everything(tmp_path: Path) -> None:
    for verdict in reported(tmp_path).screening:
        assert (verdict.mode, verdict.looks + verdict.reused, verdict.inherited) == ("every", 48, 0)
