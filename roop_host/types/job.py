"""A job: a frozen, typed value of plain JSON data. Command line, batch, API and resumed run each build one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

_Scalar = bool | int | float | str | None
OptionValue = _Scalar | tuple[_Scalar, ...]

SCHEMA = 1
#: More than any decoder or encoder takes.
MOST_THREADS = 1024


@dataclass(frozen=True, slots=True)
class Step:
    """One processor of the chain. ``options`` holds plain values by field name of the plugin's options class."""

    name: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaceSelection:
    """Whose face is changed: ``one`` is the largest face, ``many`` all of them."""

    mode: Literal["one", "many"] = "one"


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """How the output is written. ``quality`` is 0..100; ``segment_frames`` is the length of a segment (N)."""

    encoder: str = "auto"
    quality: int = 80
    preset: str = "auto"
    overwrite: bool = False
    segment_frames: int = 250


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """Where and how it runs. ``timeout_s`` bounds one call of a plugin; ``threads`` 0 means all cores."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    timeout_s: float = 120.0
    queue_bytes: int = 96 * 2**20
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for. ``screen_limit`` can only tighten a screener's own limit.

    ``on_no_face`` says what becomes of a frame without a face: kept as it is, or the end of the job.
    """

    sources: tuple[str, ...]
    target: str
    output: str
    steps: tuple[Step, ...]
    faces: FaceSelection = FaceSelection()
    on_no_face: Literal["keep", "fail"] = "keep"
    media: MediaOptions = MediaOptions()
    execution: ExecutionOptions = ExecutionOptions()
    screen_limit: float = 0.85
    plugin_options: Mapping[str, Mapping[str, OptionValue]] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; ``Job.from_json`` gives an equal job back."""
        data: dict[str, Any] = _plain(asdict(self))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The job of ``to_json``'s data. Raises ``ValueError`` for another schema or an unknown key."""
        known = dict(data)
        if known.get("schema") != SCHEMA:
            raise ValueError(f"this is a job of schema {known.get('schema')!r}; this version reads schema {SCHEMA}")
        try:
            known["sources"] = tuple(known["sources"])
            known["steps"] = tuple(Step(s["name"], _values(s.get("options", {}))) for s in known["steps"])
            known["faces"] = FaceSelection(**known.get("faces", {}))
            known["media"] = MediaOptions(**known.get("media", {}))
            known["execution"] = ExecutionOptions(**known.get("execution", {}))
            plugins = known.get("plugin_options", {})
            known["plugin_options"] = {name: _values(options) for name, options in plugins.items()}
            return cls(**known)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is not a job: {error}") from error


def _values(options: Mapping[str, Any]) -> dict[str, OptionValue]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
