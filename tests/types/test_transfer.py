"""HDR seen as SDR: by the standards' own figures, and back without a loss that a code value would show."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from roop_host.types.frame import Frame
from roop_host.types.geometry import Box
from roop_host.types.planes import PixelLayout, Pixels
from roop_host.types.transfer import LEVELS, Curve, curve_of

HDR: list[Literal["pq", "hlg"]] = ["pq", "hlg"]


def curve(transfer: Literal["pq", "hlg"]) -> Curve:
    found = curve_of(transfer)
    assert found is not None
    return found


def seen(transfer: Literal["pq", "hlg"], signal: float) -> float:
    level = np.array([round(signal * LEVELS)], np.uint16)
    return float(curve(transfer).seen_of(level, as_float=True)[0])


@pytest.mark.parametrize(("transfer", "signal"), [("pq", 0.58), ("hlg", 0.75)])
def test_reference_white_is_as_bright_as_white_paper_in_sdr(transfer: Literal["pq", "hlg"], signal: float) -> None:
    """203 cd/m2 by ITU-R BT.2408, table 1."""
    assert 0.83 < seen(transfer, signal) < 0.89


@pytest.mark.parametrize(("nits", "signal"), [(1, 0.1499), (100, 0.5081)])
def test_below_white_pq_is_the_sdr_picture_of_its_light(nits: float, signal: float) -> None:
    """Signals of SMPTE ST 2084; a display of SDR shows them by BT.1886."""
    assert seen("pq", signal) == pytest.approx((nits / 203) ** (1 / 2.4), abs=0.002)


@pytest.mark.parametrize(("nits", "signal"), [(26, 0.38), (60, 0.5385)])
def test_hlg_is_seen_as_pq_of_the_same_light(nits: float, signal: float) -> None:
    """18 % grey by ITU-R BT.2408; 60 cd/m2 by BT.2100's equations."""
    assert seen("hlg", signal) == pytest.approx((nits / 203) ** (1 / 2.4), abs=0.01)


@pytest.mark.parametrize("transfer", HDR)
def test_it_rises_all_the_way_and_leads_back(transfer: Literal["pq", "hlg"]) -> None:
    levels = np.arange(LEVELS + 1, dtype=np.uint16)
    shown = curve(transfer).seen_of(levels, as_float=True)
    assert (shown[0], shown[-1]) == (0, 1)
    assert (np.diff(shown) >= 0).all()
    assert (np.diff(shown[::16]) > 0).all()
    # A twentieth of a code value of 10 bits, where half of one would change it.
    assert np.abs(curve(transfer).signal_of(shown) * 1023 - levels / LEVELS * 1023).max() < 0.05


def ramp(transfer: Any, depth: int = 10) -> Frame:
    """Every code value, in all three planes."""
    codes = np.arange(1 << depth, dtype=np.uint16).reshape(32, -1)
    layout = PixelLayout("rgb", depth, full_range=True, transfer=transfer)
    return Frame(Pixels(layout, tuple(codes.copy() for _ in range(3))))


@pytest.mark.parametrize("transfer", HDR)
@pytest.mark.parametrize("depth", [10, 12])
def test_deep_pixels_that_are_put_are_read_back(transfer: Literal["pq", "hlg"], depth: int) -> None:
    """Also over others: what is put into black comes out as it went in, to a code value."""
    given, black = ramp(transfer, depth), ramp(transfer, depth)
    for plane in black.pixels.planes:
        plane[:] = 0
    black.put(black.box, given.bgr(dtype=np.float32))
    for old, new in zip(given.pixels.planes, black.pixels.planes, strict=True):
        assert np.abs(old.astype(int) - new).max() <= (depth == 12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("transfer", HDR)
def test_only_pixels_that_differ_change(transfer: Literal["pq", "hlg"], dtype: Any) -> None:
    frame = ramp(transfer)
    before = [plane.copy() for plane in frame.pixels.planes]
    new = frame.bgr(dtype=dtype).copy()
    new[4:8, 4:8] = 200 if dtype == np.uint8 else 0.8
    frame.put(frame.box, new)
    for old, plane in zip(before, frame.pixels.planes, strict=True):
        changed = old != plane
        assert changed[4:8, 4:8].all()
        changed[4:8, 4:8] = False
        assert not changed.any()


@pytest.mark.parametrize("transfer", HDR)
def test_coded_bgr_is_of_the_code_values(transfer: Literal["pq", "hlg"]) -> None:
    hdr, sdr = ramp(transfer), ramp("sdr")
    assert np.array_equal(hdr.coded_bgr(), sdr.bgr())
    assert np.array_equal(hdr.coded_bgr(np.float32), sdr.coded_bgr(np.float32))
    assert not np.array_equal(hdr.bgr(), sdr.bgr())


def test_chroma_is_changed_where_the_region_lies() -> None:
    """As in SDR: outside the box widened to whole chroma samples all keeps its bits."""
    layout = PixelLayout("yuv", 10, 1, 1, matrix="bt2020", transfer="hlg")
    rng = np.random.default_rng(4)
    shapes = [(40, 60), (20, 30), (20, 30)]
    frame = Frame(Pixels(layout, tuple(rng.integers(300, 700, shape).astype(np.uint16) for shape in shapes)))
    before = [plane.copy() for plane in frame.pixels.planes]
    frame.put(Box(11, 9, 31, 29), np.full((20, 20, 3), 150, np.uint8))
    inside = [np.s_[9:29, 11:31], np.s_[4:15, 5:16], np.s_[4:15, 5:16]]
    for old, new, box in zip(before, frame.pixels.planes, inside, strict=True):
        changed = old != new
        assert changed[box].mean() > 0.9
        changed[box] = False
        assert not changed.any()
