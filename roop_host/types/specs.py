"""What plugins declare: small frozen records. ``load`` does the heavy import and returns the class or factory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roop_host.types.objects import Analyser, Processor, Screener

#: IPTC terms for how a picture came to be (https://cv.iptc.org/newscodes/digitalsourcetype/).
SOURCE_TYPES = (
    "digitalCapture",
    "algorithmicallyEnhanced",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOptions:
    """For plugins without options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model file. ``path`` is called to find an embedded file; weights are read once and must match ``sha256``."""

    name: str
    sha256: str
    size: int
    licence: str
    path: Callable[[], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What the host must know to run an object on frames.

    ``batch_size`` is the most frames of one call; ``lookbehind`` and ``lookahead`` how many neighbours it sees;
    ``warmup`` how many frames before a segment it is fed so that its state is settled.
    """

    name: str
    summary: str
    models: tuple[ModelSpec, ...] = ()
    batch_size: int = 1
    lookbehind: int = 0
    lookahead: int = 0
    warmup: int = 0
    network: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or min(self.lookbehind, self.lookahead, self.warmup) < 0:
            raise ValueError(f"{self.name}: batch_size must be 1 or more, lookbehind, lookahead and warmup 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSpec(_Stage):
    """A named step of ``--processors``. ``needs_source`` asks for at least one source face."""

    load: Callable[[], Callable[[], Processor]]
    needs_faces: bool = True
    needs_source: bool = False
    source_type: str = "compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyserSpec(_Stage):
    """Finds and follows faces. One analyser runs per job."""

    load: Callable[[], Callable[[], Analyser]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenerSpec:
    """Looks at every source, target and output picture. ``threshold`` is its own limit; the host's is 0.85 at most."""

    name: str
    summary: str
    load: Callable[[], Callable[[], Screener]]
    covers: frozenset[str]
    threshold: float = 0.85
    batch_size: int = 1
    models: tuple[ModelSpec, ...] = ()
    network: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"{self.name}: batch_size must be 1 or more")
