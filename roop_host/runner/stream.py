"""A stream: segments are encoded one by one into the work folder, then joined to what the output is."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from roop_host import gate
from roop_host.errors import ScreeningError
from roop_host.host import Progress
from roop_host.media.info import Known
from roop_host.media.output import WorkFolder
from roop_host.media.segments import SegmentPackets, read_times, shown_length, write_segment
from roop_host.media.writing.encode import EncoderPlan, SegmentEncoder
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import LeftOut, Message, SegmentEnd, SegmentStart
from roop_host.runner import chain as chains
from roop_host.runner import exports, kept
from roop_host.runner.casting import files_of
from roop_host.runner.files import Files
from roop_host.runner.products import product_of
from roop_host.runner.state import Counts, Run
from roop_host.runner.targets import Reader, reader_of
from roop_host.runner.unmatched import require_any_match

#: The layout of what is stored with a segment, see ``_tally``: counted up whenever anything in it gets another form.
LAYOUT = 4
# What else decides about bytes and verdicts; one of the two ONNX Runtimes is installed.
_LIBRARIES = (
    "roop-host",
    "av",
    "numpy",
    "opencv-python",
    "scipy",
    "pillow",
    "pillow-heif",
    "tifffile",
    "onnxruntime",
    "onnxruntime-gpu",
    "dlib-bin",
    "face-recognition-models",
    "insightface",
)


@contextmanager
def run_stream(run: Run) -> Iterator[Files]:
    """The finished, checked clip and what belongs beside it, under temporary names.

    Afterwards everything temporary is gone, but for whole segments of a ``resumable`` job that did not come to its end.
    """
    job, output = run.job, Path(run.job.output)
    product = product_of(run)
    run.encoder = product.name
    run.notices += product.notices
    work = WorkFolder(output, _resume_key(run, product.plan))
    keep = False
    try:
        _encode_segments(run, product.plan, work)
        require_any_match(run)
        run.check_cancel()
        temporary = work.path / f"output{output.suffix}"
        segments = [work.path / name for name in work.finished_segments()]
        run.on_progress(Progress("joining", run.counts.frames, run.counts.frames, 0.0, run.counts.faces_changed))
        sidecars = exports.sidecar_files(run, work.path, len(segments))  # asks plugins, which come no more behind the check
        product.join(segments, temporary)
        beside = [*sidecars, *exports.finish(run, temporary, output)]
        product.check(segments, temporary)
        run.shown_s = float(shown_length(segments, product.plan.time_base))
        yield [
            *kept.files(run, work.path, [len(read_times(path).frame_pts) for path in segments]),
            *beside,
            (temporary, output),
        ]
    except BaseException as error:
        keep = job.execution.resumable and not isinstance(error, ScreeningError)
        raise
    finally:
        if keep:
            work.leave()
        else:
            work.remove()


def _encode_segments(run: Run, plan: EncoderPlan, work: WorkFolder) -> None:
    finished, last = _recall(run, work, kept.whole_segments(run, work))
    length = run.job.media.segment_frames
    if last is not None and len(last.target_pts) < length:
        run.notices += last.tally["notices"]
        return  # only the last segment of a clip is short: all that was missing is the join
    chain = chains.build(run, len(finished))
    start = chain.splitter.first_frame
    known = None
    if start and last is not None:
        # Where nothing is looked at again, decoding still begins at a frame whose time is known: the last finished one.
        index = min(start, len(finished) * length - 1)
        pts = read_times(work.path / finished[index // length]).target_pts[index % length]
        known = Known(index, pts, last.origin, last.steady)
    with reader_of(run) as reader:
        sink = _Sink(run, plan, work, reader)
        frames = partial(reader.frames, start, known=known, cancel=run.control.cancelled)
        sinks = [*kept.stages(run, work.path), *exports.sidecar_stages(run, work.path), StageSpec("encode", sink.feed)]
        try:
            chains.execute(run, frames, [*chain.stages, *sinks])
        finally:
            run.notices += reader.notices


class _Sink:
    """Encodes each segment with an encoder of its own and stores it whole or not at all."""

    def __init__(self, run: Run, plan: EncoderPlan, work: WorkFolder, reader: Reader) -> None:
        self._run, self._plan, self._work, self._reader = run, plan, work, reader
        self._encoder: SegmentEncoder | None = None

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            self._encoder = SegmentEncoder(self._plan)
        elif isinstance(message, SegmentEnd):
            if self._encoder is not None:
                self._store(message.segment.index, self._encoder.finish())
            self._encoder = None
        elif self._encoder is not None:
            if isinstance(message, LeftOut):
                self._encoder.leave_out(message.pts, message.duration)
            else:
                self._encoder.encode(message)
            chains.count(self._run, message)
        yield from ()

    def _store(self, index: int, packets: SegmentPackets) -> None:
        # The reader is ahead of this: a segment may be said not to be steady though it still is, never the other way round.
        reader = self._reader
        told = replace(packets, tally=_tally(self._run, reader, index), origin=reader.origin, steady=reader.steady)
        write_segment(self._work.path, index, told)


def _tally(run: Run, reader: Reader, segment: int) -> dict[str, object]:
    """What a report must know of finished segments: a run that is continued does not see their frames again."""
    seen = gate.snapshot(run.looked.pop(segment) if run.looked is not None else [*run.before, *run.after])
    selection = run.selections.pop(segment, None) if run.selections is not None else None
    counts = asdict(run.counts)
    return {"counts": counts, "screening": seen, "notices": list(reader.notices), "selection": selection}


def _recall(run: Run, work: WorkFolder, finished: list[str]) -> tuple[list[str], SegmentPackets | None]:
    """Take up what the last finished segment knows; one that can't be read is removed, to be made again.

    What is left of ``finished``, and the last of it.
    """
    for number in reversed(range(len(finished))):
        last = read_times(work.path / finished[number])
        try:
            _take_up(run, last.tally, number)
        except (AttributeError, KeyError, TypeError, ValueError):
            work.forget(number)
        else:
            return finished[: number + 1], last
    run.selections, run.looked = {}, {}
    return [], None


def _take_up(run: Run, tally: Mapping[str, Any], segment: int) -> None:
    """All of it or nothing: what is read stays aside until all of it was."""
    counts, seen, selection = Counts.recalled(tally["counts"]), tally["screening"], tally["selection"]
    list(tally["notices"])  # read once more where nothing but the join is missing
    aside = [watcher.standing() for watcher in run.before]
    gate.recall(aside, seen)
    chains.selector_of(run).start(selection)
    gate.recall(run.before, seen)
    run.counts, run.selections, run.looked = counts, {} if selection is None else {segment: selection}, {}


def _resume_key(run: Run, plan: EncoderPlan) -> str:
    """Equal keys promise equal bytes and equal rules: the job, its inputs, what runs, who looks, and how it is encoded."""
    job = run.job.to_json()
    job["media"].pop("overwrite")
    job.pop("uploads")
    for door in ("timeout_s", "queue_bytes", "resumable", "offline", "audit_log"):
        job["execution"].pop(door)
    files = []
    target = [item.path for item in run.target.items] or [Path(run.job.target)]
    for path in (*files_of(run.job), *(target if run.source is None else [])):
        status = path.stat()
        files.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    parts = (*run.steps, *([run.analyser] if run.analyser else []), *run.sidecars)
    running = [part.declared.plugin.describe() for part in parts]
    once = secrets.token_hex() if run.source is not None else ""  # a stream is never the same again
    looking = [(watcher.label, watcher.limit) for watcher in run.before]
    text = json.dumps(
        [LAYOUT, job, files, running, run.models, once, looking, _versions(), plan.to_json()], sort_keys=True, default=str
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
