"""QR codes for tests: made by segno, and read back by OpenCV as a telephone would."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from roop_host import QrCode


def code_of(url: str, error: str = "M", **more: Any) -> QrCode:
    rows = ("".join(map(str, row)) for row in segno.make(url, error=error, micro=False).matrix)
    return QrCode(tuple(rows), **more)


def seen_in(grey: NDArray[np.uint8]) -> str:
    """What a reader finds in a picture."""
    return str(cv2.QRCodeDetector().detectAndDecode(grey)[0])


def pixels_of_path(side: int, path: str) -> NDArray[np.bool_]:
    """Where it is dark, of a path of rectangles as ``M4 7h3v1h-3z``."""
    dark = np.zeros((side, side), bool)
    pieces = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path)
    assert "".join(f"M{x} {y}h{wide}v1h-{back}z" for x, y, wide, back in pieces) == path
    for x, y, wide, back in (map(int, piece) for piece in pieces):
        assert wide == back
        dark[y, x : x + wide] = True
    return dark


def modules_of_lines(lines: Sequence[str]) -> NDArray[np.bool_]:
    """Where it is dark, of lines of half blocks, black on white."""
    cells = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    halves = np.array([[cells[cell] for cell in line] for line in lines], bool)
    return halves.transpose(0, 2, 1).reshape(-1, halves.shape[1])
