"""What the plugin ``nudity`` declares: nothing where the package nudenet is not installed. It is never imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host import ModelSpec, ScreenerSpec, hookimpl
from roop_nsfw.options import NudityOptions
from roop_nsfw.packages import inside, nudenet_installed

if TYPE_CHECKING:
    from roop_host import Screener

ROOP_API = 1
ROOP_OPTIONS = NudityOptions
#: Of 379 harmless pictures a wheel of colours alone is above it (0.83), the next one is at 0.43; see the README.
LIMIT = 0.5


def weights_path() -> Path:
    """The network inside the installed package ``nudenet``, whose code is never imported."""
    return inside("nudenet", "nudenet", "320n.onnx")


NUDENET_320N = ModelSpec(
    name="nudenet-320n",
    sha256="c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
    size=12_150_158,
    # The file says so itself, and so do both licence texts of its wheel; the wheel's metadata says MIT.
    licence="AGPL-3.0 (Ultralytics, nudenet)",
    path=weights_path,
    purpose="finds exposed parts of the body",
)


def _load() -> type[Screener]:
    from roop_nsfw.nudity import NudityScreener

    return NudityScreener


@hookimpl
def roop_screeners() -> Iterable[ScreenerSpec]:
    """The screener ``nudity``, where its package is installed."""
    if nudenet_installed():
        yield ScreenerSpec(
            name="nudity",
            summary="Exposed parts of the body, by nudenet's detector",
            load=_load,
            covers=frozenset({"nudity"}),
            threshold=LIMIT,
            models=(NUDENET_320N,),
        )
