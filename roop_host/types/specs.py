"""What plugins declare: small frozen records. ``load`` does the heavy import and returns the class or factory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from roop_host.types.models import Choice, ModelSpec

if TYPE_CHECKING:
    from roop_host.types.objects import Analyser, Finisher, Processor, Screener, Sidecar, Source, Writer
    from roop_host.types.uploads import Uploader

#: IPTC terms for how a picture came to be (https://cv.iptc.org/newscodes/digitalsourcetype/).
SOURCE_TYPES = (
    "digitalCapture",
    "humanEdits",
    "algorithmicallyEnhanced",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
)
#: What is said where nothing better is known.
CAUTIOUS = "compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOptions:
    """For plugins without options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What the host must know to run an object on frames.

    ``batch_size`` is the most frames of one call; ``lookbehind`` and ``lookahead`` how many neighbours it sees;
    ``warmup`` how many frames before a segment it is fed so that its state is settled. ``models`` are
    always needed, ``choices`` say which options need more.
    """

    name: str
    summary: str
    models: tuple[ModelSpec, ...] = ()
    choices: tuple[Choice, ...] = ()
    batch_size: int = 1
    lookbehind: int = 0
    lookahead: int = 0
    warmup: int = 0
    network: bool | str = False

    def __post_init__(self) -> None:
        _check(self)
        counts = (self.batch_size, self.lookbehind, self.lookahead, self.warmup)
        if not all(type(count) is int for count in counts) or self.batch_size < 1 or min(counts) < 0:
            raise ValueError(f"{self.name}: batch_size must be 1 or more, lookbehind, lookahead and warmup 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSpec(_Stage):
    """A named step of ``--processors``. ``needs_source`` asks for at least one source face.

    ``needs`` are the fields of ``Face`` that must be filled whatever the options; a choice may need more. ``added_by`` is a
    yes-or-no option of the plugin: where it says yes, the step stands behind those that were named, without being named.
    """

    load: Callable[[], Callable[[], Processor]]
    needs_faces: bool = True
    needs_source: bool = False
    needs: frozenset[str] = frozenset()
    source_type: str = CAUTIOUS
    added_by: str = ""

    def __post_init__(self) -> None:
        _Stage.__post_init__(self)
        if not isinstance(self.added_by, str):
            raise ValueError(f"{self.name}: added_by is the name of an option, not {self.added_by!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyserSpec(_Stage):
    """Finds and follows faces. One analyser runs per job.

    ``gives`` are the fields of ``Face`` that it fills whatever the options; a choice may give more. With ``embedding`` goes
    ``embedding:NAME``, the recogniser that made it. ``recognisers`` are those whose embeddings it gives: name to the cosine
    at which two pictures are as likely of one person as not.
    """

    load: Callable[[], Callable[[], Analyser]]
    gives: frozenset[str] = frozenset()
    recognisers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenerSpec:
    """Looks at every source, target and output picture. ``threshold`` is its own limit; the host's is 0.85 at most.

    ``limit_option`` is the option of its plugin that lowers the limit, where there is one of that name. ``models`` are
    always needed, ``choices`` say which options need more.
    """

    name: str
    summary: str
    load: Callable[[], Callable[[], Screener]]
    covers: frozenset[str]
    threshold: float = 0.85
    limit_option: str = "threshold"
    batch_size: int = 1
    models: tuple[ModelSpec, ...] = ()
    choices: tuple[Choice, ...] = ()
    network: bool | str = False

    def __post_init__(self) -> None:
        _check(self)
        if type(self.batch_size) is not int or self.batch_size < 1:
            raise ValueError(f"{self.name}: batch_size must be 1 or more")
        # A text would hold every word that it contains, also after a "not".
        if not isinstance(self.covers, (set, frozenset)) or not all(isinstance(item, str) for item in self.covers):
            raise ValueError(f"{self.name}: covers is a set of words, such as frozenset({{'nudity'}}), not {self.covers!r}")
        if type(self.threshold) not in (int, float) or not 0 <= self.threshold <= 1:
            raise ValueError(f"{self.name}: threshold is a number from 0 to 1, not {self.threshold!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSpec:
    """What is made of finished, screened frames or of the finished file.

    A ``writer`` writes outputs of ``suffixes`` that the host does not know; a ``sidecar`` is a file beside the output that
    ends in its one suffix, made when ``--export`` names it; a ``finisher`` works on every finished file after the marks, and
    its ``suffixes`` are what it may add to the output's whole name for a file beside it. Beside an output no suffix of a
    picture, a clip or a page may stand: no screener would have seen it. ``rests_on`` are modules without which it does
    nothing: where one can't be imported, ``roop plugins`` and ``roop doctor`` say so.
    """

    name: str
    summary: str
    role: Literal["writer", "sidecar", "finisher"]
    load: Callable[[], Callable[[], Writer | Sidecar | Finisher]]
    suffixes: tuple[str, ...] = ()
    models: tuple[ModelSpec, ...] = ()
    network: bool | str = False
    rests_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        if not isinstance(self.rests_on, tuple) or not all(isinstance(name, str) for name in self.rests_on):
            raise ValueError(f"{self.name}: rests_on is a tuple of names of modules, not {self.rests_on!r}")
        wanted = {"writer": len(self.suffixes) > 0, "sidecar": len(self.suffixes) == 1, "finisher": True}
        if not wanted.get(self.role, False):
            raise ValueError(f"{self.name}: a writer has suffixes, a sidecar one; not {self.suffixes}")
        for suffix in self.suffixes:
            if not re.fullmatch(r"(\.[a-z0-9]+)+", suffix):
                raise ValueError(f"{self.name}: a suffix is like .csv, not {suffix!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderSpec:
    """A destination of finished, screened outputs. Nothing is sent unless ``--upload`` or ``--to`` names it."""

    name: str
    summary: str
    load: Callable[[], Callable[[], Uploader]]
    network: bool | str = True

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """Targets that are no files. ``schemes`` are what stands before the colon: ``camera`` in ``-t camera:0``."""

    name: str
    summary: str
    load: Callable[[], Callable[[], Source]]
    schemes: tuple[str, ...]
    network: bool | str = False

    def __post_init__(self) -> None:
        _check(self)
        for scheme in self.schemes:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]+", scheme):  # one letter is a drive
                raise ValueError(f"{self.name}: a scheme is like camera, not {scheme!r}")
        if not self.schemes:
            raise ValueError(f"{self.name}: a source has at least one scheme")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A sub-command ``roop NAME``. What ``load`` returns is called with the words after the name; it gives an exit code."""

    name: str
    summary: str
    load: Callable[[], Callable[[Sequence[str]], int | None]]
    network: bool | str = False

    def __post_init__(self) -> None:
        _check(self)


def _check(spec: Any) -> None:
    """What every record must be: a type checker tells its author, and this the person who installed it."""
    check_name(spec.name)
    if not isinstance(spec.summary, str) or not callable(spec.load) or not isinstance(spec.network, (bool, str)):
        raise ValueError(f"{spec.name}: summary is text, load a function, network yes, no or the name of an option")
    models = getattr(spec, "models", ())
    if not isinstance(models, tuple) or not all(isinstance(model, ModelSpec) for model in models):
        raise ValueError(f"{spec.name}: models is a tuple of ModelSpec, not {models!r}")
    limits = getattr(spec, "recognisers", {})
    if not isinstance(limits, Mapping) or not all(
        type(limit) in (int, float) and 0 < limit < 1 for limit in limits.values()
    ):
        raise ValueError(f"{spec.name}: recognisers are names and cosines between 0 and 1, not {limits!r}")
    choices = getattr(spec, "choices", ())
    if not isinstance(choices, tuple) or not all(isinstance(choice, Choice) for choice in choices):
        raise ValueError(f"{spec.name}: choices is a tuple of Choice, not {choices!r}")


def check_name(name: object) -> None:
    """Raise ``ValueError`` for a name that ``--processors a,b`` or a command line could not hold."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise ValueError(f"the name {name!r} is not one lower-case word of letters, digits, - and _")


def models_of(spec: Any) -> tuple[ModelSpec, ...]:
    """Every model that a declaration may need, whatever the options, half precision too."""
    found = [*getattr(spec, "models", ()), *(model for choice in getattr(spec, "choices", ()) for model in choice.models)]
    halves = [model.half for model in found if model.half is not None]
    return tuple(dict.fromkeys((*found, *halves)))
