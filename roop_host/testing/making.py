"""Frames, windows, contexts and hosts, without a clip, an installed plugin or a model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roop_host.host import Host
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store
from roop_host.plugins.loader import plugins_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, FrameView, Scratch
from roop_host.types.objects import Context
from roop_host.types.planes import PixelLayout, Pixels, rgb_pixels
from roop_host.types.window import Window


def frame_of(
    bgr: NDArray[np.uint8],
    index: int = 0,
    *,
    alpha: NDArray[np.uint8] | None = None,
    rotation: int = 0,
    faces: tuple[Face, ...] = (),
) -> Frame:
    """A frame over a copy of ``bgr``, uint8 ``(H, W, 3)``, with an optional ``alpha``, uint8 ``(H, W)``.

    What ``Frame.put`` changes in it is read back with ``Frame.bgr()``. ``rotation`` is that of a coded picture, in degrees.
    """
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    return Frame(rgb_pixels(rgb, None if alpha is None else alpha.copy()), index=index, rotation=rotation, faces=faces)


def coded_frame_of(
    bgr: NDArray[np.uint8],
    index: int = 0,
    *,
    depth: Literal[8, 10, 12] = 8,
    chroma: Literal["420", "422", "444", "grey"] = "420",
    rotation: int = 0,
    faces: tuple[Face, ...] = (),
) -> Frame:
    """A frame as a decoder gives it of a clip: planes Y, U, V, or one of grey, of ``depth`` bits.

    ``bgr``, uint8 ``(H, W, 3)``, is the coded picture; ``faces`` lie in the upright one.
    """
    shift_x, shift_y = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "grey": (0, 0)}[chroma]
    layout = PixelLayout("grey" if chroma == "grey" else "yuv", depth, shift_x, shift_y)
    height, width = bgr.shape[:2]
    low, middle = 16 << (depth - 8), 1 << (depth - 1)
    small = (-(-height // (1 << shift_y)), -(-width // (1 << shift_x)))
    shapes = [((height, width), low)] + [(small, middle)] * (0 if chroma == "grey" else 2)
    planes = tuple(np.full(shape, value, layout.dtype) for shape, value in shapes)
    frame = Frame(Pixels(layout, planes), index=index, rotation=rotation, faces=faces)
    frame.put(frame.box, np.ascontiguousarray(np.rot90(bgr, rotation // 90)))
    return frame.sealed()


def window_of(
    *current: Frame,
    past: Sequence[FrameView] = (),
    future: Sequence[FrameView] = (),
    warming: bool = False,
    step: str = "",
) -> Window:
    """A window over ``current``, which are handed to the step called ``step``."""
    scratch = Scratch()
    for frame in current:
        frame.enter(scratch, step)
    return Window(tuple(past), tuple(current), tuple(future), warming)


def context_of(options: Any = None, *, threads: int = 1, models: Path | None = None, device: str = "cpu") -> Context:
    """What ``setup`` is given: real sessions, a logger, a cancel event that is not set.

    ``models`` is the folder of the model store, by default the one of this machine; nothing is fetched into it.
    """
    sessions = OrtSessions(device, threads, store=Store(models, offline=True))
    return Context(options, sessions, device, threads, logging.getLogger("roop.testing"), threading.Event())


def host_of(**modules: object) -> Host:
    """A host with these plugin modules by name and none of those that are installed. A run needs a screener among them."""
    return Host(plugins_of(modules))
