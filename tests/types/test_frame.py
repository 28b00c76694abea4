"""What a put may touch, and what must keep its bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from roop_host.types.frame import Frame, Scratch, let_go
from roop_host.types.geometry import Box
from roop_host.types.planes import PixelLayout, Pixels, rgb_pixels

LAYOUTS = [
    PixelLayout("yuv", 8, 1, 1),
    PixelLayout("yuv", 8, 1, 1, full_range=True, matrix="bt601"),
    PixelLayout("yuv", 8, 1, 0),
    PixelLayout("yuv", 8, 0, 0),
    PixelLayout("yuv", 10, 1, 1, matrix="bt2020"),
    PixelLayout("yuv", 10, 1, 0),
    PixelLayout("yuv", 12, 0, 0),
    PixelLayout("grey", 8),
    PixelLayout("rgb", 8, full_range=True),
    PixelLayout("yuv", 10, 1, 1, matrix="bt2020", transfer="pq"),
    PixelLayout("yuv", 10, 1, 1, matrix="bt2020", transfer="hlg"),
    PixelLayout("rgb", 16, full_range=True, transfer="pq"),
    PixelLayout("grey", 8, transfer="hlg"),
]
SIZES = [(64, 48), (43, 33), (7, 5)]
BOXES = [Box(10, 8, 30, 24), Box(11, 9, 30, 23), Box(0, 0, 5, 5), Box(-4, -3, 9, 9), Box(3, 2, 200, 100), Box(2, 1, 3, 2)]


def make(layout: PixelLayout, size: tuple[int, int], rotation: int = 0, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    width, height = size
    shapes = [(height, width)]
    if layout.model == "yuv":
        shapes += [(-(-height // (1 << layout.shift_y)), -(-width // (1 << layout.shift_x)))] * 2
    elif layout.model == "rgb":
        shapes *= 3
    shapes += [(height, width)] * layout.alpha
    low, high = layout.peak // 5, layout.peak * 3 // 4
    planes = tuple(rng.integers(low, high, shape).astype(layout.dtype) for shape in shapes)
    return Frame(Pixels(layout, planes), rotation=rotation)


def touched(frame: Frame, before: tuple[Any, ...], box: Box) -> None:
    """Assert that nothing changed outside the box (chroma: outside its hull)."""
    pixels = frame.pixels
    coded = box.clip(frame.width, frame.height).to_coded(frame.rotation, pixels.width, pixels.height)
    for number, (old, new) in enumerate(zip(before, pixels.planes, strict=True)):
        sx, sy = (pixels.layout.shift_x, pixels.layout.shift_y) if number in (1, 2) else (0, 0)
        allowed = np.zeros(old.shape, bool)
        x1, y1 = -(-coded.x1 // (1 << sx)), -(-coded.y1 // (1 << sy))
        allowed[coded.y0 >> sy : y1, coded.x0 >> sx : x1] = not (pixels.layout.alpha and number == len(before) - 1)
        assert not ((old != new) & ~allowed).any()


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_put_touches_only_its_box(layout: PixelLayout, size: tuple[int, int], rotation: int, dtype: Any) -> None:
    for seed, box in enumerate(BOXES):
        frame = make(layout, size, rotation, seed)
        before = tuple(plane.copy() for plane in frame.pixels.planes)
        new = np.random.default_rng(seed).random((box.height, box.width, 3))
        frame.put(box, (new * 255).astype(np.uint8) if dtype is np.uint8 else new.astype(np.float32))
        touched(frame, before, box)
        changed = not all((a == b).all() for a, b in zip(before, frame.pixels.planes, strict=True))
        assert changed == (not box.clip(frame.width, frame.height).empty)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("rotation", [0, 90])
def test_put_of_what_is_there_changes_nothing(layout: PixelLayout, rotation: int) -> None:
    frame = make(layout, (43, 33), rotation)
    before = tuple(plane.copy() for plane in frame.pixels.planes)
    for dtype in (np.uint8, np.float32):
        frame.put(Box(3, 3, 21, 20), frame.bgr(Box(3, 3, 21, 20), dtype))
    assert all((a == b).all() for a, b in zip(before, frame.pixels.planes, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_flat_colour_put_is_read_back(layout: PixelLayout) -> None:
    frame = make(layout, (64, 48))
    box = Box(8, 8, 40, 40)
    colour = np.array([90, 120, 160], np.uint8) if layout.model != "grey" else np.array([120, 120, 120], np.uint8)
    frame.put(frame.box, np.broadcast_to(np.uint8(128), (48, 64, 3)).copy())
    frame.put(box, np.broadcast_to(colour, (32, 32, 3)).copy())
    middle = frame.bgr(Box(12, 12, 36, 36)).astype(int)
    # A first put on random planes clips out-of-gamut samples; the mean must still be right.
    assert np.abs(middle.mean((0, 1)) - colour).max() < 6


def test_alpha_scales_the_change_and_edges_stay() -> None:
    frame = make(PixelLayout("yuv", 8, 0, 0), (32, 32))
    frame.put(frame.box, np.random.default_rng(3).integers(60, 190, (32, 32, 3)).astype(np.uint8))
    start = frame.bgr().astype(int)
    alpha = np.zeros((32, 32), np.float32)
    alpha[8:24, 8:24] = 0.5
    frame.put(frame.box, np.full((32, 32, 3), 128, np.uint8), alpha)
    now = frame.bgr().astype(int)
    assert (now[:8] == start[:8]).all()
    half = (start[8:24, 8:24] + 128) / 2
    assert np.abs(now[8:24, 8:24] - half).mean() < 3


def test_the_alpha_plane_is_never_touched() -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (9, 9, 3)).astype(np.uint8)
    alpha = np.arange(81, dtype=np.uint8).reshape(9, 9)
    frame = Frame(rgb_pixels(rgb, alpha.copy()))
    frame.put(frame.box, np.zeros((9, 9, 3), np.uint8))
    assert (frame.pixels.planes[3] == alpha).all()
    assert (rgb == 0).all()


def test_bgr_is_read_only_for_good_and_upright() -> None:
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[0, 5] = (255, 0, 0)
    frame = Frame(rgb_pixels(rgb), rotation=90)
    picture = frame.bgr()
    assert picture.shape == (6, 4, 3)
    assert tuple(picture[0, 0]) == (0, 0, 255)
    with pytest.raises(ValueError, match="read-only"):
        picture[0, 0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        picture.flags.writeable = True


def test_bgr_is_kept_until_it_changes() -> None:
    frame = make(PixelLayout("yuv", 8, 1, 1), (64, 48))
    far, near = Box(0, 0, 8, 8), Box(20, 20, 40, 40)
    a, b = frame.bgr(far), frame.bgr(near)
    frame.put(near, np.full((20, 20, 3), 99, np.uint8))
    assert frame.bgr(far) is a
    assert frame.bgr(near) is not b


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_a_part_of_a_kept_region_is_cut_from_it(layout: PixelLayout, rotation: int) -> None:
    outer, inner = Box(3, 4, 30, 27), Box(7, 5, 20, 22)
    for dtype in (np.uint8, np.float32):
        frame, fresh = make(layout, (43, 33), rotation), make(layout, (43, 33), rotation)
        whole = frame.bgr(outer, dtype)
        part = frame.bgr(inner, dtype)
        assert np.shares_memory(part, whole)
        assert not part.flags.writeable
        assert np.allclose(
            part, fresh.bgr(inner, dtype), rtol=0, atol=1e-6
        )  # floats: the last bit hangs on the row's length
        assert not np.shares_memory(frame.bgr(Box(2, 5, 20, 22), dtype), whole)
        before = tuple(plane.copy() for plane in frame.pixels.planes)
        frame.put(inner, part)
        assert all(np.array_equal(a, b) for a, b in zip(before, frame.pixels.planes, strict=True))
        frame.bgr(outer, dtype)
        frame.put(inner, np.zeros((inner.height, inner.width, 3), dtype))
        fresh.put(inner, np.zeros((inner.height, inner.width, 3), dtype))
        assert np.allclose(frame.bgr(inner, dtype), fresh.bgr(inner, dtype), rtol=0, atol=1e-6)


@pytest.mark.parametrize("layout", [PixelLayout("yuv", 8, 1, 1), PixelLayout("yuv", 16, 0, 0)], ids=str)
def test_planes_whose_rows_lie_upwards_are_changed_too(layout: PixelLayout) -> None:
    plain = make(layout, (43, 33))
    turned = Frame(Pixels(layout, tuple(plane[::-1].copy()[::-1] for plane in plain.pixels.planes)))
    bgr = np.random.default_rng(5).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for frame in (plain, turned):
        frame.put(Box(3, 5, 33, 25), bgr, 0.7)
    assert all(np.array_equal(a, b) for a, b in zip(plain.pixels.planes, turned.pixels.planes, strict=True))
    assert not np.array_equal(turned.pixels.planes[0], make(layout, (43, 33)).pixels.planes[0])


@pytest.mark.parametrize("depth", [8, 10, 16])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("kept", [False, True])
def test_a_put_is_what_is_computed_in_doubles(depth: int, dtype: Any, kept: bool) -> None:
    """Within one code, by rounding; of what it reads, which at a tie is one grey level more or less (157 codes of 65535)."""
    layout = PixelLayout("yuv", depth)
    frame, box = make(layout, (200, 160)), Box(11, 7, 180, 150)
    if kept:
        frame.bgr(dtype=dtype)
    rng = np.random.default_rng(8)
    peak = 255 if dtype == np.uint8 else 1
    bgr = (rng.random((box.height, box.width, 3)) * peak).astype(dtype)
    alpha = rng.random((box.height, box.width), np.float32)
    old = frame.bgr(box, dtype).astype(np.float64)
    before = np.stack(frame.pixels.planes, 2)[box.y0 : box.y1, box.x0 : box.x1].astype(np.float64)
    frame.put(box, bgr, alpha)
    change = (bgr - old) @ layout.from_bgr(peak).T.astype(np.float64) * alpha[..., None]
    after = np.stack(frame.pixels.planes, 2)[box.y0 : box.y1, box.x0 : box.x1]
    assert np.abs(after - np.clip(before + change, 0, layout.peak)).max() < 0.51


@pytest.mark.parametrize("depth", [8, 16])
def test_a_part_is_read_as_the_whole_but_for_ties(depth: int) -> None:
    frame, box = make(PixelLayout("yuv", depth, 1, 1), (400, 300)), Box(33, 21, 370, 290)
    fresh = frame.bgr(box).astype(int)
    frame.bgr()
    again = make(PixelLayout("yuv", depth, 1, 1), (400, 300)).bgr()[box.y0 : box.y1, box.x0 : box.x1]
    off = np.abs(again - fresh)
    assert off.max() <= 1
    assert (off > 0).mean() < 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_no_name_of_a_plugins_buffer_is_one_of_the_hosts(dtype: Any) -> None:
    """What the host makes of a picture is the same while a plugin holds buffers of whatever name."""
    plain, busy = make(PixelLayout("yuv", 10, 1, 1), (64, 48)), make(PixelLayout("yuv", 10, 1, 1), (64, 48))
    bgr = np.full((48, 64, 3), 100 if dtype == np.uint8 else 0.4, dtype)
    scratch = Scratch()
    busy.enter(scratch)
    mine = [scratch.array(name, (48, 64, 3)) for name in ("wide", "difference", "moved")]
    for array in mine:
        array[:] = 7
    for frame in (plain, busy):
        frame.put(frame.box, bgr)
    assert all(np.array_equal(a, b) for a, b in zip(plain.pixels.planes, busy.pixels.planes, strict=True))
    assert all((array == 7).all() for array in mine)
    assert busy.scratch is scratch


def test_a_view_keeps_what_it_saw_and_costs_one_copy() -> None:
    frame = make(PixelLayout("yuv", 8, 1, 1), (64, 48))
    first = frame.pixels
    view = frame.view()
    seen = view.bgr().copy()
    frame.put(frame.box, np.full((48, 64, 3), 200, np.uint8))
    assert frame.pixels is not first
    assert (view.bgr() == seen).all()
    assert not hasattr(view, "put")
    second = frame.pixels
    let_go((frame.view(),))
    frame.put(frame.box, np.full((48, 64, 3), 10, np.uint8))
    assert frame.pixels is second


def test_forks_part_when_either_is_changed() -> None:
    frame = make(PixelLayout("yuv", 8, 1, 1), (16, 16))
    twin = frame.fork()
    seen = frame.bgr().copy()
    twin.put(twin.box, np.full((16, 16, 3), 200, np.uint8))
    assert (frame.bgr() == seen).all()
    again = twin.bgr().copy()
    frame.put(frame.box, np.full((16, 16, 3), 20, np.uint8))
    assert (twin.bgr() == again).all()


def test_bad_puts_say_what_is_wrong() -> None:
    frame = make(PixelLayout("yuv", 8, 1, 1), (16, 16))
    with pytest.raises(ValueError, match="put needs"):
        frame.put(Box(0, 0, 4, 4), np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="put needs"):
        frame.put(Box(0, 0, 4, 4), np.zeros((4, 4, 3), np.int32))
    with pytest.raises(ValueError, match="alpha is"):
        frame.put(Box(0, 0, 4, 4), np.zeros((4, 4, 3), np.uint8), np.ones((3, 4), np.float32))


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_trace_notes_how_much_was_replaced_and_goes_along(rotation: int) -> None:
    frame = make(LAYOUTS[0], (64, 48), rotation)
    assert frame.hand_on().trace is None
    frame = make(LAYOUTS[0], (64, 48), rotation)
    frame.trace = np.zeros((frame.height, frame.width), np.float32)
    twin = frame.fork()
    new = np.zeros((8, 8, 3), np.uint8)
    frame.put(Box(4, 6, 12, 14), new, 0.5)
    frame.put(Box(4, 6, 12, 14), new, np.full((8, 8), 0.5, np.float32))
    frame.put(Box(-4, -4, 4, 4), new)
    wanted = np.zeros((frame.height, frame.width), np.float32)
    wanted[6:14, 4:12], wanted[:4, :4] = 0.75, 1
    passed = frame.hand_on().trace
    assert passed is not None
    assert np.allclose(passed, wanted)
    assert twin.trace is not None
    assert not twin.trace.any()


def test_measures_go_along_and_say_whose_they_are() -> None:
    frame = make(LAYOUTS[0], (16, 16))
    frame.enter(Scratch(), "one")
    frame.measure("share", np.float32(0.5))
    frame.measure("share", 1)
    passed, twin = frame.hand_on(), frame.fork()
    passed.enter(Scratch(), "two")
    passed.measure("share", -2)
    assert frame.measures == twin.measures == (("one", "share", 0.5), ("one", "share", 1.0))
    assert passed.measures == (*frame.measures, ("two", "share", -2.0))
    assert all(type(value) is float for _, _, value in passed.measures)  # a report is JSON


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.float32(np.inf)])
def test_what_is_no_finite_number_is_no_measure(value: float) -> None:
    frame = make(LAYOUTS[0], (16, 16))
    with pytest.raises(ValueError, match=r"the measure share is -?(nan|inf)"):
        frame.measure("share", value)
    assert frame.measures == ()


def test_a_frame_that_has_left_is_told_nothing_of() -> None:
    frame = make(LAYOUTS[0], (16, 16))
    passed = frame.hand_on()
    with pytest.raises(RuntimeError, match="has left this stage"):
        frame.measure("share", 1)
    assert passed.measures == ()


def test_it_is_known_which_steps_changed_whom() -> None:
    frame, patch = make(LAYOUTS[0], (16, 16)), np.zeros((4, 4, 3), np.uint8)
    assert (frame.edited, frame.changed_by(1)) == (frozenset(), frozenset())
    frame.enter(Scratch(), "swapper")
    frame.put(Box(0, 0, 4, 4), patch, face_id=1)
    frame.put(Box(8, 8, 12, 12), patch)  # nobody's
    frame.put(Box(40, 40, 44, 44), patch, face_id=3)  # outside: nothing was changed
    early, passed = frame.view(), frame.hand_on()
    passed.enter(Scratch(), "enhancer")
    passed.put(Box(0, 0, 4, 4), patch, face_id=1)
    passed.put(Box(4, 4, 8, 8), patch, face_id=2)
    late, twin = passed.view(), passed.fork()
    for seen in (passed, late, twin):
        assert seen.edited == {1, 2}
        assert seen.changed_by(1) == {"swapper", "enhancer"}
        assert seen.changed_by(2) == {"enhancer"}
        assert seen.changed_by(3) == frozenset()
    assert (early.edited, early.changed_by(1), early.changed_by(2)) == ({1}, {"swapper"}, frozenset())


def test_a_frame_that_shows_another_one_has_nothing_of_its_own() -> None:
    frame, other = make(LAYOUTS[0], (16, 16)), make(LAYOUTS[0], (16, 16), seed=1)
    frame.put(Box(0, 0, 4, 4), np.zeros((4, 4, 3), np.uint8), face_id=1)
    frame.measure("share", 1)
    other.enter(other.scratch, "swapper")
    other.put(Box(4, 4, 8, 8), np.zeros((4, 4, 3), np.uint8), face_id=2)
    frame.show(other.view())
    assert (frame.edited, frame.changed_by(1), frame.changed_by(2), frame.measures) == (frozenset(), set(), set(), ())
    assert frame.changed_by() == {"swapper"}
