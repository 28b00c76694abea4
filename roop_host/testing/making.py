"""Frames, windows, contexts and hosts, without a clip, an installed plugin or a model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roop_host.hookspecs import ROOP_API, hookimpl
from roop_host.host import Host
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store
from roop_host.pipeline.segmenting import Message, Reach, SegmentEnd, SegmentStart
from roop_host.pipeline.windows import Windows, WindowSpec
from roop_host.plugins.loader import plugins_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, FrameView, Scratch
from roop_host.types.objects import Context, Processor, Screener, Sessions, Stage
from roop_host.types.planes import PixelLayout, Pixels, rgb_pixels
from roop_host.types.specs import ProcessorSpec, ScreenerSpec
from roop_host.types.window import Segment, Window


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


def run_step(
    step: Processor, spec: ProcessorSpec, frames: Iterable[Frame], *, segment: Segment | None = None
) -> list[Frame]:
    """The frames of ``segment`` as ``step``, which is set up, leaves them; a run cuts the same windows.

    ``frames`` are numbered one after the other. Those before the segment warm it up, as many as the spec says; those behind
    it are seen ahead. Without a segment all of them are one.
    """
    given = list(frames)
    if segment is None:
        segment = Segment(0, given[0].index, given[-1].index + 1)
    return list(stepped(step, spec, given, segment))


def stepped(step: Processor, spec: ProcessorSpec, frames: Iterable[Frame], segment: Segment) -> Iterator[Frame]:
    """``run_step``, one frame after the other."""
    cut = WindowSpec(spec.batch_size, spec.lookbehind, spec.lookahead, spec.warmup)
    windows = Windows(cut, Reach(), step.start, step.process, spec.name)
    reach = cut.reach
    near = (frame for frame in frames if segment.start - reach.before <= frame.index < segment.end + reach.after)
    for message in _messages(near, segment):
        yield from (made for made in windows.feed(message) if isinstance(made, Frame))


def _messages(frames: Iterable[Frame], segment: Segment) -> Iterator[Message]:
    yield SegmentStart(segment)
    yield from frames
    yield SegmentEnd(segment)


def context_of(
    options: Any = None,
    *,
    threads: int = 1,
    models: Path | None = None,
    device: str = "cpu",
    sessions: Sessions | None = None,
) -> Context:
    """What ``setup`` is given: real sessions or those of ``sessions``, a logger, a cancel event that is not set.

    ``models`` is the folder of the model store, by default the one of this machine; nothing is fetched into it.
    """
    given = OrtSessions(device, threads, store=Store(models, offline=True)) if sessions is None else sessions
    return Context(options, given, device, threads, logging.getLogger("roop.testing"), threading.Event())


def host_of(**modules: object) -> Host:
    """A host with these plugin modules by name and none of those that are installed.

    A run needs a screener among them: ``host_of(mine=my_module, quiet=quiet_screener())``.
    """
    return Host(plugins_of(modules))


class _Quiet(Screener):
    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


def quiet_screener() -> SimpleNamespace:
    """A plugin module for ``host_of``: a screener that allows everything, for pictures that the test made itself."""

    @hookimpl
    def roop_screeners() -> list[ScreenerSpec]:
        covers = frozenset({"nudity"})
        return [ScreenerSpec(name="quiet", summary="Allows everything.", load=lambda: _Quiet, covers=covers)]

    return SimpleNamespace(ROOP_API=ROOP_API, roop_screeners=roop_screeners)
