"""The page of what hooks, steps and jobs work with, as ``scripts/reference.py`` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from docstrings import marks_of, record_of, signature_of, text_of

import roop_host
from roop_host import errors, hookspecs
from roop_host.faces import likeness
from roop_host.host import Control, Host, Progress, Question, run
from roop_host.plugins import loader
from roop_host.plugins.found import Plugins
from roop_host.plugins.status import Declared, PluginStatus
from roop_host.types import faces, frame, geometry, job, models, objects, options, people, report, uploads, window

HEAD = """\
# Objects

Made from the code by `scripts/reference.py`; change the docstrings there.

What a plugin is given and gives back, and what a program in Python works with. The hooks, their records and the classes
to derive from are in [hooks](hooks.md). Everything here is imported from `roop_host`, unless it says otherwise. What
only the host calls is left out.
"""
GROUPS: dict[str, tuple[type[Any], ...]] = {
    "Pictures": (frame.FrameView, frame.Frame, geometry.Box, frame.Scratch, window.Window, window.Segment),
    "Faces": (faces.Face, objects.SourceFace),
    "Networks": (objects.Sessions, objects.Session, objects.Tensor),
    "What kinds of plugins are given, and give": (
        *(objects.Stage, objects.StreamInfo, objects.SourceFrame, objects.Finished),
        *(uploads.Artifact, uploads.Receipt, uploads.QrCode),
    ),
    "A job": (job.Job, job.Step, job.FaceSelection, job.MediaOptions, job.ExecutionOptions),
    "What came of it": (
        *(report.Report, report.Person, report.StageTime, report.Verdicts),
        *(report.Refusal, report.Uploaded, report.FailedUpload),
    ),
    "Looking and previews": (people.Look, people.Looked, people.SeenPerson, people.Sighting, people.Wish, people.Preview),
    "The host": (Host, Control, Progress, Question, Plugins, Declared, PluginStatus),
}
#: What is public in Python, but the host's own affair.
HOSTS_OWN: dict[type[Any], frozenset[str]] = {
    frame.FrameView: frozenset({"__init__", "nbytes"}),
    frame.Frame: frozenset({"show", "view", "on", "sealed", "fork", "hand_on", "enter", "pixels", "trace"}),
    Control: frozenset({"heard_by"}),
    Host: frozenset(
        {
            *("stop", "give_up", "call", "at_end", "hurrying", "ask", "may_fetch", "store", "picked", "to_fetch"),
            *("sessions", "object", "opened", "pulses_of"),
        }
    ),
    Plugins: frozenset({"absence", "brought_by", "option_brought_by", "owner_of", "notify_finished"}),
    PluginStatus: frozenset({"requirement", "reinstall", "told_lack", "without", "lacks"}),
}
FUNCTIONS = (options.option, likeness.similarity, errors.one_line, errors.visible, run, loader.load_plugins)
#: Names of types that stand in tables and signatures.
TYPES: dict[str, tuple[Any, str]] = {
    "Score": (objects.Score, "a screener's answer for one picture: a finite number in 0..1, higher is worse"),
    "OptionValue": (job.OptionValue, "what an option may hold in a job; from `roop_host.types.job`"),
    "Order": (job.Order, "what makes a face the first; from `roop_host.types.job`"),
    "Precision": (models.Precision, "of networks; from `roop_host.types.models`"),
}
_ERRORS = (
    *(errors.RoopError, errors.UsageError, errors.InputError, errors.NoFaceError),
    *(errors.ScreeningError, errors.ContentBlocked, errors.ScreenerFailed, errors.ModelError),
    *(errors.PluginError, errors.UploadError, errors.OutputError, errors.Interrupted),
)

_RAISED = """\
Each is raised with one sentence that says what to do next; the exit code is the command line's. `report` is what had become
of the job, None before it began.

An object of a plugin may raise `UsageError`, `InputError`, `NoFaceError`, `ModelError` and `PluginError`; a screener
`UsageError`, `ModelError` and `ScreenerFailed`. Anything else becomes `PluginError`, of a screener `ScreenerFailed`, and
whatever an `upload` raises `UploadError`. `Context.check_cancel` raises `Interrupted`, which is let through."""


def objects_page() -> str:
    """``objects.md``."""
    lines = [HEAD]
    for title, kinds in GROUPS.items():
        lines += [f"## {title}", ""]
        for kind in kinds:
            lines += _object(kind)
    lines += ["## Functions", "", *_functions(), "## Errors", "", *_errors(), "## Names of types", "", *_types()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _object(kind: type[Any]) -> Iterator[str]:
    head, *rest = record_of(kind, methods=True, leave_out=HOSTS_OWN.get(kind, ()))
    yield from (head, "")
    if kind.__name__ not in roop_host.__all__:
        yield from (f"From `{kind.__module__}`.", "")
    if kind.__base__ is not None and kind.__base__.__name__ in roop_host.__all__:
        yield from (f"All that `{kind.__base__.__name__}` has, and:", "")
    if issubclass(kind, objects.Stage):
        yield from (*rest, *(f"* `{kind.__name__}.{one.name}`: `{one.value!r}`" for one in kind), "")
    else:
        yield from rest


def _functions() -> Iterator[str]:
    for call in FUNCTIONS:
        yield from (f"### {call.__name__}", "", f"`{call.__name__}{signature_of(call)}`", "")
        yield from (*text_of(inspect.getdoc(call) or ""), "")
    yield from (
        "### hookimpl",
        "",
        "`@hookimpl` marks a function of a plugin's module as one of the [hooks](hooks.md), of the",
    )
    yield from (f"same name; pluggy's marker of the project `{hookspecs.PROJECT}`.", "")


def _errors() -> Iterator[str]:
    """The tree as a table, then those that bear more than a text."""
    yield from (*_RAISED.splitlines(), "")
    yield from ("| error | is a | exit code | when |", "|---|---|---|---|")
    for kind in _ERRORS:
        base = kind.__base__.__name__ if kind.__base__ is not None else ""
        says = marks_of(" ".join((inspect.getdoc(kind) or "").split()))
        yield f"| `{kind.__name__}` | `{base}` | {kind.exit_code} | {says} |"
    yield ""
    made = [kind for kind in _ERRORS if "__init__" in vars(kind)]
    for kind in made:
        yield f"* `{kind.__name__}{signature_of(vars(kind)['__init__'], bound=True)}`"
    yield ""


def _types() -> Iterator[str]:
    yield from ("| name | is | of |", "|---|---|---|")
    for name, (kind, says) in TYPES.items():
        is_type = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "").replace("|", "\\|")
        yield f"| `{name}` | `{is_type}` | {says} |"
