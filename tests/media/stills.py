"""Picture files for tests that no library at hand writes, and short ways from a file to a file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host import Frame, MediaOptions
from roop_host.media.marks import Marks
from roop_host.media.pictures import png
from roop_host.media.pictures.reading import read_picture
from roop_host.media.pictures.writing import write_picture
from roop_host.media.reading.probe import probe

MARKS = Marks("compositeSynthetic", "Synthetic media: a test")


def noise(*shape: int, kind: type[Any] = np.uint8, seed: int = 5) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max + 1, shape, dtype=kind)


def deep_png(path: Path, samples: NDArray[np.uint16], hidden: bytes = b"") -> Path:
    """A PNG of 16 bit; ``samples`` is ``(H, W, 1..4)``, ``hidden`` the content of tRNS."""
    height, width, channels = samples.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    middle = [(b"tRNS", hidden)] if hidden else []
    path.write_bytes(png.assemble([(b"IHDR", head), *middle, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))
    return path


def planes(frame: Frame) -> NDArray[Any]:
    """Grey or R, G, B and what alpha there is, as ``(H, W, C)``."""
    layout, parts = frame.pixels.layout, list(frame.pixels.planes)
    if layout.model == "rgb":
        parts[0], parts[2] = parts[2], parts[0]
    return np.stack(parts, axis=-1)


def read(path: Path) -> NDArray[Any]:
    return planes(read_picture(probe(path)))


def written(source: Path, output: Path, quality: int = 100) -> Path:
    info = probe(source)
    write_picture(read_picture(info), info, output, output.suffix, MediaOptions(quality=quality), MARKS)
    return output
