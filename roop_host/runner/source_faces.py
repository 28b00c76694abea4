"""The faces of source pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from roop_host import gate
from roop_host.errors import NoFaceError, UsageError
from roop_host.media.probe import probe
from roop_host.media.reader import read_picture
from roop_host.runner.chain import late_screener
from roop_host.runner.state import Run
from roop_host.types.objects import SourceFace, Stage


def read_sources(run: Run) -> tuple[SourceFace, ...]:
    """Every source picture is screened before anything looks for a face in it; its largest face is taken."""
    needed = any(step.declared.spec.needs_source for step in run.steps)
    if needed and not run.job.sources:
        raise UsageError("a step needs a source face; name a picture of it with --source")
    door = gate.Gate(run.before, run.control.cancelled)
    faces: list[SourceFace] = []
    for name in run.job.sources:
        run.check_cancel()
        info = probe(Path(name))
        if info.kind != "picture":
            raise UsageError(f"the source {name} is a {info.kind}; a source is a picture of a face")
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
