"""roop: a face-swap plugin host. What stands in ``__all__`` is public; names are imported when first used."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# ONNX Runtime 1.32 reports to its maker and writes a lasting id into the home folder, unless this is set before its first
# import, which insightface and others do too. Who sets it himself is obeyed.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from roop_host.errors import (
        ContentBlocked as ContentBlocked,
    )
    from roop_host.errors import (
        InputError as InputError,
    )
    from roop_host.errors import (
        Interrupted as Interrupted,
    )
    from roop_host.errors import (
        ModelError as ModelError,
    )
    from roop_host.errors import (
        NoFaceError as NoFaceError,
    )
    from roop_host.errors import (
        OutputError as OutputError,
    )
    from roop_host.errors import (
        PluginError as PluginError,
    )
    from roop_host.errors import (
        RoopError as RoopError,
    )
    from roop_host.errors import (
        ScreenerFailed as ScreenerFailed,
    )
    from roop_host.errors import (
        ScreeningError as ScreeningError,
    )
    from roop_host.errors import (
        UploadError as UploadError,
    )
    from roop_host.errors import (
        UsageError as UsageError,
    )
    from roop_host.errors import one_line as one_line
    from roop_host.errors import visible as visible
    from roop_host.faces.likeness import similarity as similarity
    from roop_host.hookspecs import hookimpl as hookimpl
    from roop_host.host import Control as Control
    from roop_host.host import Host as Host
    from roop_host.host import Progress as Progress
    from roop_host.host import run as run
    from roop_host.plugins.found import Plugins as Plugins
    from roop_host.plugins.loader import load_plugins as load_plugins
    from roop_host.plugins.status import PluginStatus as PluginStatus
    from roop_host.types.faces import Face as Face
    from roop_host.types.frame import Frame as Frame
    from roop_host.types.frame import FrameView as FrameView
    from roop_host.types.frame import Scratch as Scratch
    from roop_host.types.geometry import Box as Box
    from roop_host.types.job import (
        ExecutionOptions as ExecutionOptions,
    )
    from roop_host.types.job import (
        FaceSelection as FaceSelection,
    )
    from roop_host.types.job import (
        Job as Job,
    )
    from roop_host.types.job import (
        MediaOptions as MediaOptions,
    )
    from roop_host.types.job import (
        Step as Step,
    )
    from roop_host.types.job_context import (
        JobContext as JobContext,
    )
    from roop_host.types.models import Choice as Choice
    from roop_host.types.models import ModelSpec as ModelSpec
    from roop_host.types.models import Pack as Pack
    from roop_host.types.objects import (
        Analyser as Analyser,
    )
    from roop_host.types.objects import (
        Context as Context,
    )
    from roop_host.types.objects import (
        Finished as Finished,
    )
    from roop_host.types.objects import (
        Finisher as Finisher,
    )
    from roop_host.types.objects import (
        PreparedScreener as PreparedScreener,
    )
    from roop_host.types.objects import (
        Processor as Processor,
    )
    from roop_host.types.objects import (
        Pulse as Pulse,
    )
    from roop_host.types.objects import (
        Score as Score,
    )
    from roop_host.types.objects import (
        Screener as Screener,
    )
    from roop_host.types.objects import (
        Session as Session,
    )
    from roop_host.types.objects import (
        Sessions as Sessions,
    )
    from roop_host.types.objects import (
        Sidecar as Sidecar,
    )
    from roop_host.types.objects import (
        Source as Source,
    )
    from roop_host.types.objects import (
        SourceFace as SourceFace,
    )
    from roop_host.types.objects import (
        SourceFrame as SourceFrame,
    )
    from roop_host.types.objects import (
        Stage as Stage,
    )
    from roop_host.types.objects import (
        StreamInfo as StreamInfo,
    )
    from roop_host.types.objects import (
        Tensor as Tensor,
    )
    from roop_host.types.objects import (
        Writer as Writer,
    )
    from roop_host.types.options import option as option
    from roop_host.types.people import Look as Look
    from roop_host.types.people import Looked as Looked
    from roop_host.types.people import Preview as Preview
    from roop_host.types.people import SeenPerson as SeenPerson
    from roop_host.types.people import Sighting as Sighting
    from roop_host.types.people import Wish as Wish
    from roop_host.types.report import FailedUpload as FailedUpload
    from roop_host.types.report import Measure as Measure
    from roop_host.types.report import Refusal as Refusal
    from roop_host.types.report import Report as Report
    from roop_host.types.report import StageTime as StageTime
    from roop_host.types.report import Uploaded as Uploaded
    from roop_host.types.report import Verdicts as Verdicts
    from roop_host.types.specs import (
        AnalyserSpec as AnalyserSpec,
    )
    from roop_host.types.specs import (
        CommandSpec as CommandSpec,
    )
    from roop_host.types.specs import (
        ExporterSpec as ExporterSpec,
    )
    from roop_host.types.specs import (
        ProcessorSpec as ProcessorSpec,
    )
    from roop_host.types.specs import (
        ScreenerSpec as ScreenerSpec,
    )
    from roop_host.types.specs import (
        SourceSpec as SourceSpec,
    )
    from roop_host.types.specs import (
        UploaderSpec as UploaderSpec,
    )
    from roop_host.types.uploads import Artifact as Artifact
    from roop_host.types.uploads import QrCode as QrCode
    from roop_host.types.uploads import Receipt as Receipt
    from roop_host.types.uploads import Uploader as Uploader
    from roop_host.types.window import Segment as Segment
    from roop_host.types.window import Window as Window

__version__ = "0.1.0"

_HOME = {
    "errors": (
        "ContentBlocked InputError Interrupted ModelError NoFaceError OutputError PluginError RoopError "
        "ScreenerFailed ScreeningError UploadError UsageError one_line visible"
    ),
    "faces.likeness": "similarity",
    "hookspecs": "hookimpl",
    "host": "Control Host Progress run",
    "plugins.found": "Plugins",
    "plugins.loader": "load_plugins",
    "plugins.status": "PluginStatus",
    "types.faces": "Face",
    "types.frame": "Frame FrameView Scratch",
    "types.geometry": "Box",
    "types.job": "ExecutionOptions FaceSelection Job MediaOptions Step",
    "types.job_context": "JobContext",
    "types.models": "Choice ModelSpec Pack",
    "types.objects": (
        "Analyser Context Finished Finisher PreparedScreener Processor Pulse Score Screener "
        "Session Sessions Sidecar Source SourceFace SourceFrame Stage StreamInfo Tensor Writer"
    ),
    "types.options": "option",
    "types.people": "Look Looked Preview SeenPerson Sighting Wish",
    "types.report": "FailedUpload Measure Refusal Report StageTime Uploaded Verdicts",
    "types.specs": "AnalyserSpec CommandSpec ExporterSpec ProcessorSpec ScreenerSpec SourceSpec UploaderSpec",
    "types.uploads": "Artifact QrCode Receipt Uploader",
    "types.window": "Segment Window",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  (names come from one table, so that none is forgotten)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'roop_host' has no attribute {name!r}")
    return getattr(import_module(f"roop_host.{_MODULE_OF[name]}"), name)
