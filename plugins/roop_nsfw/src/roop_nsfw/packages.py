"""Whether the packages of the extras are here, and how they come. None of them is imported."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

OPENNSFW2 = "pip install 'roop-nsfw[opennsfw2]'"
NUDITY = "pip install 'roop-nsfw[nudity]'"
_KERAS = ("opennsfw2", "keras", "tensorflow")


def opennsfw2_installed() -> bool:
    """Whether all that the backend opennsfw2 needs is here."""
    return all(_spec(name) is not None for name in _KERAS)


def nudenet_installed() -> bool:
    """Whether the package that brings the network of the screener ``nudity`` is here."""
    return _spec("nudenet") is not None


def inside(package: str, distribution: str, file: str) -> Path:
    """Where ``file`` lies in an installed package, whose code is not imported. Raises ``FileNotFoundError``."""
    found = _spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"the package {distribution} is not installed")
    return Path(found.submodule_search_locations[0]) / file


def _spec(package: str) -> ModuleSpec | None:
    try:
        return find_spec(package)
    except ValueError:  # a stand-in that some program put in its place
        return None
