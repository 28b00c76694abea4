"""PQ and HLG seen as SDR: a curve for each channel that can be gone back, so that faces look as networks learnt them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["sdr", "pq", "hlg"]

#: Levels of a signal, and of what is seen of it: finer than any picture's.
LEVELS = 65535
# ITU-R BT.2408: HDR reference white, where SDR's 100 % goes; BT.1886: the gamma of an SDR display.
_WHITE_NITS = 203.0
_DISPLAY_GAMMA = 2.4
# SMPTE ST 2084: PQ's constants.
_PQ_NITS, _M1, _M2, _C1, _C2, _C3 = 10000.0, 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
# ITU-R BT.2100: HLG's constants, and the display of 1000 cd/m2 that its system gamma of 1.2 is for.
_HLG_A, _HLG_B, _HLG_C, _HLG_NITS, _HLG_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1000.0, 1.2
# Up to here the picture is the SDR one; what is brighter shares the rest, white itself near 0.85.
_KNEE = 0.75
# Below, a straight line: towards black the curve's way back would become infinitely steep.
_TOE = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Tables: ``seen`` for each level of a signal, ``signal`` (0..1) for each level of what is seen."""

    seen: NDArray[np.float32]
    seen_8: NDArray[np.uint8]
    signal: NDArray[np.float32]
    signal_8: NDArray[np.float32]

    def seen_of(self, levels: NDArray[Any], *, as_float: bool) -> NDArray[Any]:
        """What is seen, float32 0..1 or uint8, of a uint16 signal in 0..``LEVELS``."""
        seen: NDArray[Any] = np.take(self.seen if as_float else self.seen_8, levels)
        return seen

    def signal_of(self, seen: NDArray[Any]) -> NDArray[Any]:
        """The float32 signal in 0..1 that shows as ``seen``, uint8 or float32 0..1; equal values give equal ones."""
        table, levels = self.signal_8, seen
        if seen.dtype != np.uint8:
            table, levels = self.signal, np.rint(np.clip(seen, 0, 1) * LEVELS).astype(np.uint16)
        signal: NDArray[Any] = np.take(table, levels)
        return signal


@cache
def curve_of(transfer: Transfer) -> Curve | None:
    """The curve by which such a signal is seen; None for SDR, which is seen as it is."""
    if transfer == "sdr":
        return None
    signal = np.linspace(0, 1, LEVELS + 1)
    nits = _pq_nits(signal) if transfer == "pq" else _hlg_nits(signal)
    seen = _with_toe(signal, _rolled_off((nits / _WHITE_NITS) ** (1 / _DISPLAY_GAMMA)))
    back = np.interp(signal, seen, signal)
    eighths = np.linspace(0, 1, 256)
    tables = seen.astype(np.float32), back.astype(np.float32), np.interp(eighths, seen, signal).astype(np.float32)
    for table in tables:
        table.flags.writeable = False
    return Curve(tables[0], np.rint(seen * 255).astype(np.uint8), tables[1], tables[2])


def _pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    power = signal ** (1 / _M2)
    light: NDArray[np.float64] = (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1) * _PQ_NITS
    return light


def _hlg_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each channel by itself, as a display of 1000 cd/m2 shows grey."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    light: NDArray[np.float64] = _HLG_NITS * scene**_HLG_GAMMA
    return light


def _rolled_off(display: NDArray[np.float64]) -> NDArray[np.float64]:
    """0.. to 0..1: as it is up to the knee, then by a logarithm that begins as steep and ends at 1."""
    farthest = (display[-1] - _KNEE) / (1 - _KNEE)
    steep = 1.0
    for _ in range(60):  # steep = log(1 + steep * farthest), which has one answer above 0
        steep = math.log1p(steep * farthest)
    past = np.maximum(display - _KNEE, 0) / (1 - _KNEE)
    return np.minimum(display, _KNEE) + (1 - _KNEE) * np.log1p(steep * past) / steep


def _with_toe(signal: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    at = int(np.searchsorted(seen, _TOE))
    return np.where(seen < _TOE, signal * seen[at] / signal[at], seen)
