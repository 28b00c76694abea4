"""What plugin authors test with: frames from arrays, a context for ``setup``, a host with just the plugins under test."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.host import Host
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store
from roop_host.plugins.loader import plugins_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.objects import Context
from roop_host.types.planes import rgb_pixels

__all__ = ["context_of", "frame_of", "host_of"]


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


def context_of(options: Any = None, *, threads: int = 1, models: Path | None = None) -> Context:
    """What ``setup`` is given, on the CPU: real sessions, a logger, a cancel event that is not set.

    ``models`` is the folder of the model store, if not the user's own: a file ``NAME.onnx`` there is the model of that name.
    """
    sessions = OrtSessions("cpu", threads, store=Store(models) if models else None)
    return Context(options, sessions, "cpu", threads, logging.getLogger("roop.testing"), threading.Event())


def host_of(**modules: object) -> Host:
    """A host with these plugin modules by name and none of those that are installed. A run needs a screener among them."""
    return Host(plugins_of(modules))
