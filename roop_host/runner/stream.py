"""A video: segments are encoded one by one into the work folder, then joined with the sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from roop_host.errors import ScreeningError
from roop_host.host import Progress, threads_of
from roop_host.media.encode import EncoderPlan, SegmentEncoder, choose_encoder
from roop_host.media.mux import check_container, mux
from roop_host.media.output import WorkFolder, check_output
from roop_host.media.reader import VideoReader
from roop_host.media.segments import read_segment, write_segment
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message, SegmentEnd, SegmentStart
from roop_host.runner import chain as chains
from roop_host.runner.state import Counts, Run


@contextmanager
def run_video(run: Run) -> Iterator[Path]:
    """The finished, checked video under a temporary name.

    Afterwards everything temporary is gone, but for whole segments of a ``resumable`` job that did not come to its end.
    """
    job, output = run.job, Path(run.job.output)
    check_container(run.target, output)
    plan = choose_encoder(run.target, job.media, output, threads=threads_of(job.execution))
    run.encoder = plan.name
    work = WorkFolder(output, _resume_key(run, plan))
    keep = False
    try:
        _encode_segments(run, plan, work)
        run.check_cancel()
        temporary = work.path / f"output{output.suffix}"
        segments = [work.path / name for name in work.finished_segments()]
        run.on_progress(Progress("joining", run.counts.frames, run.counts.frames, 0.0, run.counts.faces_changed))
        mux(plan, run.target, segments, temporary, run.marks, cancel=run.control.cancelled)
        check_output(temporary, "video", frames=run.counts.frames)
        yield temporary
    except BaseException as error:
        keep = job.execution.resumable and not isinstance(error, ScreeningError)
        raise
    finally:
        if keep:
            work.close()
        else:
            work.remove()


def _encode_segments(run: Run, plan: EncoderPlan, work: WorkFolder) -> None:
    finished = len(work.finished_segments())
    run.counts = _counts_so_far(work, finished)
    chain = chains.build(run, finished)
    start = chain.splitter.first_frame
    start_pts = _pts_of(work, start, run.job.media.segment_frames) if start else None
    with VideoReader(run.target, threads=threads_of(run.job.execution)) as reader:
        sink = _Sink(run, plan, work)
        chains.execute(
            run,
            chain,
            lambda: reader.frames(start, start_pts=start_pts, cancel=run.control.cancelled),
            StageSpec("encode", sink.feed),
        )


class _Sink:
    """Encodes each segment with an encoder of its own and stores it whole or not at all."""

    def __init__(self, run: Run, plan: EncoderPlan, work: WorkFolder) -> None:
        self._run, self._plan, self._work = run, plan, work
        self._encoder: SegmentEncoder | None = None

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            self._encoder = SegmentEncoder(self._plan)
        elif isinstance(message, SegmentEnd):
            if self._encoder is not None:
                index = message.segment.index
                # The counts are those up to this segment, so they are right whenever the segment itself is there.
                (self._work.path / f"counts-{index:06d}.json").write_text(json.dumps(asdict(self._run.counts)))
                write_segment(self._work.path, index, self._encoder.finish())
            self._encoder = None
        elif self._encoder is not None:
            self._encoder.encode(message)
            chains.count(self._run, message)
        yield from ()


def _counts_so_far(work: WorkFolder, finished: int) -> Counts:
    if not finished:
        return Counts()
    data: dict[str, Any] = json.loads((work.path / f"counts-{finished - 1:06d}.json").read_text())
    data["resumed"] = data["frames"]
    return Counts(**data)


def _pts_of(work: WorkFolder, index: int, length: int) -> int:
    """When frame ``index`` of a finished segment is shown, in the target's time base."""
    name = work.finished_segments()[index // length]
    return int(read_segment(work.path / name).frame_pts[index % length])


def _resume_key(run: Run, plan: EncoderPlan) -> str:
    """Equal keys promise equal bytes: the job, its inputs, what runs, and how it is encoded."""
    job = run.job.to_json()
    job["media"].pop("overwrite")
    for door in ("timeout_s", "queue_bytes", "resumable"):
        job["execution"].pop(door)
    files = []
    for name in (*run.job.sources, run.job.target):
        status = Path(name).stat()
        files.append([str(Path(name).resolve()), status.st_size, status.st_mtime_ns])
    running = [step.declared.plugin.describe() for step in run.steps]
    running += [run.analyser[0].plugin.describe()] if run.analyser else []
    text = json.dumps([job, files, running, plan.to_json()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
