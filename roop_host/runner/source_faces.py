"""The faces of source pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from roop_host import gate
from roop_host.errors import NoFaceError, UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.pictures.reading import read_picture
from roop_host.media.reading.probe import probe
from roop_host.runner.chain import late_screener
from roop_host.runner.resolve import Names
from roop_host.runner.state import Run
from roop_host.types.job import Job
from roop_host.types.objects import SourceFace, Stage


def look_at_sources(job: Job, names: Names) -> tuple[MediaInfo, ...]:
    """What the source files are. Raises ``UsageError`` for none where one is needed, and for what is no picture."""
    if not job.sources and any(declared.spec.needs_source for _, declared in names.steps):
        raise UsageError("a step needs a source face; name a picture of it with --source")
    infos = tuple(probe(Path(name)) for name in job.sources)
    for name, info in zip(job.sources, infos, strict=True):
        if info.kind != "picture":
            raise UsageError(f"the source {name} is a {info.kind}; a source is a picture of a face")
    return infos


def read_sources(run: Run, infos: tuple[MediaInfo, ...]) -> tuple[SourceFace, ...]:
    """Every source picture is screened before anything looks for a face in it; its largest face is taken."""
    door = gate.Gate(run.before, run.control.cancelled)
    faces: list[SourceFace] = []
    for name, info in zip(run.job.sources, infos, strict=True):
        run.check_cancel()
        frame = read_picture(info)
        look = partial(door.look, frame, Stage.SOURCE, f"the source {name}")
        run.host.call(look, limit_s=run.job.execution.timeout_s, late=partial(late_screener, run.before))
        if run.analyser is None:
            continue
        found = run.call(run.analyser, run.analyser.item.analyse_picture, frame)
        if not found:
            raise NoFaceError(f"no face was found in the source {name}; take a picture that shows a face from the front")
        faces.append(SourceFace(name, frame.bgr(), max(found, key=lambda face: face.area)))
    return tuple(faces)
