"""A job: a frozen, typed value of plain JSON data. Command line, batch, API and resumed run each build one.

What a field takes and what it is for is said here, once: flags, variables, the file and the schema are made of it.
"""

from __future__ import annotations

import dataclasses
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from roop_host.errors import UsageError
from roop_host.types.models import Precision
from roop_host.types.options import OptionField, closest

_Scalar = bool | int | float | str | None
OptionValue = _Scalar | tuple[_Scalar, ...]
_T = TypeVar("_T")

SCHEMA = 1
#: More than any decoder or encoder takes.
MOST_THREADS = 1024


def _setting(default: _T, help: str = "", panel: str = "", **more: Any) -> _T:  # noqa: A002  (as in ``option``)
    """A field that doors offer, or with no ``help`` one that only a job can say. ``more`` is of ``OptionField``."""
    made: _T = field(default=default, metadata={"help": help, "panel": panel, **more})
    return made


@dataclass(frozen=True, slots=True)
class Step:
    """One processor of the chain. ``options`` holds plain values by field name of the plugin's options class."""

    name: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)


Order = Literal[
    "large-small",
    "small-large",
    "left-right",
    "right-left",
    "top-bottom",
    "bottom-top",
    "best-worst",
    "worst-best",
    "frontal",
]


@dataclass(frozen=True, slots=True)
class FaceSelection:
    """Whose face is changed.

    ``mode`` is ``one`` face, the one at ``position`` of ``order`` (0 where that is None); ``many``, which is all; or
    ``reference``, who looks like a picture of the job's ``references`` or ``pairs``, or, where it has none, like the face at
    ``reference_position`` in frame ``reference_frame`` of the target. In a clip the one face is chosen in the first frame
    that has it, and that person is followed; in pictures that stand alone in each. ``auto`` is ``reference`` where a
    reference is named; ``many`` where nobody is put in anybody's place, no ``position`` is said, and ``order`` is that of
    the default; else ``one``.
    ``gender``, ``age_start`` and ``age_end`` leave others out before that. A ``similarity`` is 1 for one picture twice and
    0.5 where a recogniser finds two pictures as likely of one person as not.
    """

    mode: Literal["auto", "one", "many", "reference"] = _setting(
        "auto",
        "One face, all, or who looks like a reference; auto: reference where one is named, all without a source, else one.",
        "Faces",
        word="face_selector_mode",
    )
    order: Order = _setting(
        "large-small",
        "What makes a face the first; in a clip, of the first frame that has one.",
        "Faces",
        word="face_selector_order",
    )
    position: int | None = _setting(
        None,
        "Which of them, in that order from 0 on, with mode one; in a clip that person is followed from then on.",
        "Faces",
        least=0,
        word="face_position",
    )
    gender: Literal["any", "female", "male", "source"] = _setting(
        "any", "Only faces of this gender, as a network guesses it.", "Faces", word="face_selector_gender"
    )
    age_start: int = _setting(0, "Only faces that look at least so old.", "Faces", least=0, word="face_selector_age_start")
    age_end: int = _setting(150, "Only faces that look at most so old.", "Faces", least=0, word="face_selector_age_end")
    reference_position: int | None = _setting(
        None,
        "The reference is this face, in order, of the target's frame.",
        "Faces",
        least=0,
        per_run=True,
        word="reference_face_position",
    )
    reference_frame: int = _setting(
        0, "The frame of the target that shows the reference.", "Faces", least=0, per_run=True, word="reference_frame_number"
    )
    similarity: float = _setting(
        0.5,
        "From which on two faces are one person; higher is stricter.",
        "Faces",
        least=0,
        most=1,
        word="reference_similarity",
    )
    merge: Literal["mean", "median"] = _setting(
        "mean", "How several pictures of one person become one.", "Faces", word="source_merge"
    )


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """What is used of the target, and how the output is written. ``segment_frames`` is the length of a segment (N).

    A time is seconds or ``h:mm:ss.s``, counted from the beginning of the clip; ``250f`` is frame 250.
    """

    trim_start: str = _setting("", "Begin here: seconds, 1:02.5, or 250f for a frame.", "Target", per_run=True)
    trim_end: str = _setting("", "Stop before this: seconds, 1:02.5, or 250f for a frame.", "Target", per_run=True)
    fps: str = _setting("", "Frames a second: 25, 30000/1001; a folder's are 25 unless said.", "Target", per_run=True)
    scale: str = _setting("", "Size of the output: 1280x720, 720p, 50%.", "Target")
    deinterlace: bool = _setting(False, "Make full frames of interlaced ones.", "Target", per_run=True)
    folder: Literal["auto", "frames", "pictures"] = _setting("auto", "A folder is one clip, or many pictures.", "Target")
    salvage: bool = _setting(False, "Finish what can be read of a broken target.", "Target", per_run=True)
    skip_audio: bool = _setting(False, "Leave the sound out.", "Output")
    encoder: str = _setting("auto", "libx264, libx265, ...; auto is what loses nothing.", "Output")
    quality: int = _setting(80, "0 is small, 100 is best.", "Output", least=0, most=100)
    preset: str = _setting("auto", "The encoder's own speed setting.", "Output")
    pixel_format: str = _setting("auto", "yuv420p, yuv422p10le, ...; auto keeps depth, chroma, alpha.", "Output")
    keep_frames: str = _setting("", "A new folder for the finished frames as pictures.", "Output", per_run=True)
    frame_format: Literal["png", "jpg", "webp", "tif"] = _setting("png", "Of --keep-frames.", "Output")
    overwrite: bool = _setting(False, "Replace an output that exists.", "Output", per_run=True)
    segment_frames: int = _setting(250, least=1)


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """Where and how it runs. ``timeout_s`` bounds one call of a plugin; ``threads`` 0 means all cores."""

    device: Literal["auto", "cpu", "cuda", "tensorrt", "coreml", "directml", "openvino"] = _setting(
        "auto", "Where networks run; auto is the best that works.", "Execution"
    )
    precision: Precision = _setting(
        "auto",
        "Of networks that come in both; auto is fp16 on GPUs that have the file, and where only that is there.",
        "Execution",
    )
    threads: int = _setting(0, "Threads to use; 0 is one per core.", "Execution", least=0, most=MOST_THREADS)
    timeout_s: float = _setting(
        120.0, "Seconds one call of a plugin may take; ten times that to set it up.", "Execution", least=0.1, word="timeout"
    )
    queue_bytes: int = _setting(96 * 2**20, least=1)
    offline: bool = _setting(False, "Never download a model.", "Execution", tightens=True)
    resumable: bool = _setting(False, "Keep finished segments when stopped; the next run goes on.", "Execution")
    audit_log: str = _setting("", "Add a line of hashes and verdicts to this file.", "Output", users_own=True)


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for. ``screen_limit`` can only tighten a screener's own limit.

    ``on_no_face`` says what becomes of a frame that shows no face, or not the one that was asked for: it is kept as it is,
    shows the last frame that did (``hold``), is left out while that one stands for its time (``drop``), or ends the job. At
    the start of the clip and of a segment, up to the first frame that did, ``hold`` leaves out too.

    ``sources`` are pictures of one person; a source or a reference may be ``face:NAME``, a saved face. ``references`` are
    pictures of whom to change. ``pairs`` are (source, reference): each of several people gets a face of their own; the
    sources of one reference are one person.
    """

    sources: tuple[str, ...]
    target: str
    output: str
    steps: tuple[Step, ...]
    references: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    faces: FaceSelection = FaceSelection()
    on_no_face: Literal["keep", "hold", "drop", "fail"] = _setting(
        "keep",
        "A frame without the face that is asked for: keep it, hold the last that has it (drop it where none was "
        "since a segment's start), drop it (length and sound stay), or fail.",
        "Faces",
    )
    media: MediaOptions = MediaOptions()
    execution: ExecutionOptions = ExecutionOptions()
    screen_limit: float = _setting(0.85, "Screen more strictly than this.", "Screening", least=0, most=1, tightens=True)
    screen: Literal["every", "adaptive"] = _setting(
        "every",
        "Look at every frame, or for live work only at those that differ enough from the last one looked at.",
        "Screening",
        per_run=True,
    )
    exports: tuple[str, ...] = _setting((), "Files beside the output: a,b", "Output", word="export", per_run=True)
    uploads: tuple[str, ...] = _setting((), "Where the finished output goes too: a,b", "Output", word="upload", per_run=True)
    plugin_options: Mapping[str, Mapping[str, OptionValue]] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; ``Job.from_json`` gives an equal job back."""
        data: dict[str, Any] = _plain(asdict(self))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The job of ``to_json``'s data. Raises ``ValueError`` for another schema, an unknown key or an odd value."""
        known = dict(data)
        if type(known.get("schema")) is not int or known["schema"] != SCHEMA:
            raise ValueError(f"this is a job of schema {known.get('schema')!r}; this version reads schema {SCHEMA}")
        try:
            _check_names(known)
            known["sources"] = _texts("sources", known["sources"])
            known["references"] = _texts("references", known.get("references", ()))
            known["pairs"] = _pairs(known.get("pairs", ()))
            known["steps"] = tuple(Step(**{**s, "options": _values(s.get("options", {}))}) for s in known["steps"])
            for group, kind in _GROUPS.items():
                known[group] = kind(**known.get(group, {}))
            for name in ("exports", "uploads"):
                known[name] = _texts(name, known.get(name, ()))
            plugins = known.get("plugin_options", {})
            known["plugin_options"] = {name: _values(options) for name, options in _values(plugins).items()}
            job = cls(**known)
            check(job)
        except KeyError as error:
            raise ValueError(f"this is not a job: it has no {error}") from error
        except (TypeError, UsageError) as error:
            raise ValueError(f"this is not a job: {error}") from error
        return job


# The parts of a job whose fields take one value each, as help shows them; the job itself has no name.
_PARTS: dict[str, type[Any]] = {"faces": FaceSelection, "": Job, "media": MediaOptions, "execution": ExecutionOptions}
_GROUPS = {name: kind for name, kind in _PARTS.items() if name}


def job_fields() -> Iterator[OptionField]:
    """Every field of a job that takes one value, with its limits; those with a ``panel`` are offered by doors."""
    for group, kind in _PARTS.items():
        hints = typing.get_type_hints(kind)
        for item in dataclasses.fields(kind):
            if "help" in item.metadata:
                yield OptionField("", item.name, hints[item.name], item.default, group=group, **item.metadata)


def check(job: Job) -> None:
    """Raise ``UsageError`` for a value that its field does not take: a job can be built by hand, or read from a file."""
    _check_shape(job)
    for item in job_fields():
        value = getattr(getattr(job, item.group) if item.group else job, item.name)
        where = f"{item.group}.{item.name}" if item.group else item.name
        if item.read(value, f"{where} of the job") != value:
            raise UsageError(f"{where} of the job takes {item.takes}, not {value!r}")


def _check_shape(job: Any) -> None:
    """What holds fields must be of its type, or nothing else can be asked of it."""
    if not isinstance(job, Job):
        raise UsageError(f"a run takes a Job, not {job!r}")
    for name in ("target", "output"):
        if not _names_a_file(getattr(job, name)):
            raise UsageError(f"{name} of the job takes the name of a file, not {getattr(job, name)!r}")
    for name in ("sources", "references"):
        texts = getattr(job, name)
        if not isinstance(texts, tuple) or not all(map(_names_a_file, texts)):
            raise UsageError(f"{name} of the job takes a tuple of names of files, not {texts!r}")
    if not isinstance(job.pairs, tuple) or not all(map(_is_pair, job.pairs)):
        raise UsageError(f"pairs of the job takes a tuple of (source, reference), not {job.pairs!r}")
    if not isinstance(job.steps, tuple) or not all(isinstance(step, Step) for step in job.steps):
        raise UsageError(f"steps of the job takes a tuple of Step, not {job.steps!r}")
    for step in job.steps:
        if not isinstance(step.name, str) or not step.name:
            raise UsageError(f"a step of the job takes the name of a processor, not {step.name!r}")
    for name, kind in _GROUPS.items():
        if not isinstance(getattr(job, name), kind):
            raise UsageError(f"{name} of the job takes a {kind.__name__}, not {getattr(job, name)!r}")
    tables: list[Any] = [job.plugin_options, *(step.options for step in job.steps)]
    tables += job.plugin_options.values() if isinstance(job.plugin_options, Mapping) else ()
    for table in tables:
        if not isinstance(table, Mapping):
            raise UsageError(f"options in the job are a table of keys and values, not {table!r}")


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and all(map(_names_a_file, pair))


def _names_a_file(text: Any) -> bool:
    try:
        return isinstance(text, str) and b"\0" not in (os.fsencode(text) or b"\0")
    except UnicodeEncodeError:
        return False


def _check_names(data: Mapping[str, Any]) -> None:
    """An unknown key is told with the one that was meant."""
    for name in ("sources", "steps"):
        if not isinstance(data[name], (list, tuple)):
            raise TypeError(f"{name} is a list, not {data[name]!r}")
    places: list[tuple[str, type[Any], Any]] = [("", Job, data), *((g, k, data.get(g, {})) for g, k in _GROUPS.items())]
    places += [("each of steps", Step, step) for step in data["steps"]]
    for place, kind, found in places:
        if not isinstance(found, Mapping):
            raise TypeError(f"{place} is a table of keys and values, not {found!r}")
        names = [item.name for item in dataclasses.fields(kind)]
        for name in found:
            if name not in names:
                where = f"{place} has" if place else "it has"
                raise TypeError(f"{where} no {name!r}{closest(name, names)}")
        if kind is Step and "name" not in found:
            raise TypeError("each of steps has a name")


def _texts(name: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{name} is a list of texts, not {values!r}")
    return tuple(values)


def _pairs(values: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"pairs is a list of [source, reference], not {values!r}")
    return tuple(_texts("each of pairs", pair) for pair in values)


def _values(options: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise TypeError(f"options are a table of keys and values, not {options!r}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
