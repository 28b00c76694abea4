"""A video: segments are encoded one by one into the work folder, then joined with the sound."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from roop_host import gate
from roop_host.errors import ScreeningError
from roop_host.host import Progress, threads_of
from roop_host.media.choosing import choose_encoder
from roop_host.media.encode import EncoderPlan, SegmentEncoder
from roop_host.media.info import Known
from roop_host.media.mux import check_container, mux
from roop_host.media.output import WorkFolder, check_output
from roop_host.media.segments import SegmentPackets, read_segment, write_segment
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message, SegmentEnd, SegmentStart
from roop_host.runner import chain as chains
from roop_host.runner import exports
from roop_host.runner.files import Files
from roop_host.runner.state import Counts, Run
from roop_host.runner.targets import frames_of

# What else decides about bytes and verdicts; one of the two ONNX Runtimes is installed.
_LIBRARIES = ("roop-host", "av", "numpy", "opencv-python", "onnxruntime", "onnxruntime-gpu")


@contextmanager
def run_video(run: Run) -> Iterator[Files]:
    """The finished, checked video and what belongs beside it, under temporary names.

    Afterwards everything temporary is gone, but for whole segments of a ``resumable`` job that did not come to its end.
    """
    job, output = run.job, Path(run.job.output)
    check_container(run.target, output)
    plan = choose_encoder(run.target, job.media, output, threads=threads_of(job.execution))
    run.encoder = plan.name
    if run.target.left_out:
        run.notices.append(f"not in the output: {', '.join(run.target.left_out)}")
    work = WorkFolder(output, _resume_key(run, plan))
    keep = False
    try:
        _encode_segments(run, plan, work)
        run.check_cancel()
        temporary = work.path / f"output{output.suffix}"
        segments = [work.path / name for name in work.finished_segments()]
        run.on_progress(Progress("joining", run.counts.frames, run.counts.frames, 0.0, run.counts.faces_changed))
        mux(plan, run.target, segments, temporary, run.marks, cancel=run.control.cancelled)
        exports.finish(run, temporary)
        last_s = read_segment(segments[-1]).frame_pts[-1] * plan.time_base
        check_output(temporary, "video", frames=run.counts.frames, last_s=last_s)
        yield [*exports.sidecar_files(run, work.path), (temporary, output)]
    except BaseException as error:
        keep = job.execution.resumable and not isinstance(error, ScreeningError)
        raise
    finally:
        if keep:
            work.close()
        else:
            work.remove()


def _encode_segments(run: Run, plan: EncoderPlan, work: WorkFolder) -> None:
    finished = work.finished_segments()
    last = read_segment(work.path / finished[-1]) if finished else None
    length = run.job.media.segment_frames
    if last is not None:
        _recall(run, last)
        if len(last.frame_pts) < length:
            return  # only the last segment of a clip is short: all that was missing is the join
    chain = chains.build(run, len(finished))
    sink = _Sink(run, plan, work)
    start = chain.splitter.first_frame
    # Where nothing is looked at again, decoding still begins at a frame whose time is known: the last finished one.
    known = _known(work, finished, min(start, len(finished) * length - 1), length) if start else None
    with frames_of(run, start, known=known) as frames:
        sinks = [*exports.sidecar_stages(run, work.path), StageSpec("encode", sink.feed)]
        chains.execute(run, chain, frames, sinks)


def _known(work: WorkFolder, finished: list[str], index: int, length: int) -> Known:
    segment = read_segment(work.path / finished[index // length])
    return Known(index, segment.frame_pts[index % length], segment.origin, segment.steady)


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
                # The tally is that up to this segment, so it is right whenever the segment itself is there.
                write_segment(self._work.path, index, replace(self._encoder.finish(), tally=_tally(self._run)))
            self._encoder = None
        elif self._encoder is not None:
            self._encoder.encode(message)
            chains.count(self._run, message)
        yield from ()


def _tally(run: Run) -> dict[str, object]:
    """What a report must know of finished segments: a run that is continued does not see their frames again."""
    return {"counts": asdict(run.counts), "screening": gate.snapshot([*run.before, *run.after])}


def _recall(run: Run, last: SegmentPackets) -> None:
    run.counts = Counts(**{**last.tally["counts"], "resumed": last.tally["counts"]["frames"]})
    gate.recall(run.before, last.tally["screening"])


def _resume_key(run: Run, plan: EncoderPlan) -> str:
    """Equal keys promise equal bytes and equal rules: the job, its inputs, what runs, who looks, and how it is encoded."""
    job = run.job.to_json()
    job["media"].pop("overwrite")
    job.pop("uploads")
    for door in ("timeout_s", "queue_bytes", "resumable", "offline"):
        job["execution"].pop(door)
    files = []
    for name in (*run.job.sources, *([run.job.target] if run.source is None else [])):
        status = Path(name).stat()
        files.append([str(Path(name).resolve()), status.st_size, status.st_mtime_ns])
    parts = (*run.steps, *([run.analyser] if run.analyser else []), *run.sidecars)
    running = [part.declared.plugin.describe() for part in parts]
    once = secrets.token_hex() if run.source is not None else ""  # a stream is never the same again
    looking = [(watcher.label, watcher.limit) for watcher in run.before]
    text = json.dumps(
        [job, files, running, run.models, once, looking, _versions(), plan.to_json()], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found
