"""An output in a format that a writer plugin knows and the host does not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

from roop_host.media.output import WorkFolder, save_atomically
from roop_host.pipeline.calls import Unfit
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import LeftOut, Message, SegmentEnd, SegmentStart
from roop_host.plugins.taking_part import writer_suffix
from roop_host.runner import chain as chains
from roop_host.runner import exports, kept
from roop_host.runner.files import Files, marks_path
from roop_host.runner.state import Part, Run
from roop_host.runner.targets import reader_of
from roop_host.runner.unmatched import require_any_match
from roop_host.types.frame import Frame, let_go
from roop_host.types.objects import StreamInfo, Writer


@contextmanager
def run_writer(run: Run, writer: Part[Writer]) -> Iterator[Files]:
    """The file a writer made, its marks and sidecars. Nothing temporary is kept, so a run always begins anew."""
    output = Path(run.job.output)
    suffix = writer_suffix(output, writer.declared)
    _note_what_is_lost(run, writer, suffix)
    run.encoder = writer.name
    work = WorkFolder(output, secrets.token_hex())
    try:
        temporary, marks = work.path / f"output{suffix}", work.path / "marks"
        sink = _Written(run, writer, temporary)
        chain = chains.build(run, 0)
        with reader_of(run) as reader:
            frames = partial(reader.frames, cancel=run.control.cancelled)
            pulses = run.host.pulses_of((writer.item,))
            last = StageSpec(f"write {writer.name}", sink.feed, sink.close, writer.late, pulses=pulses)
            sinks = [*kept.stages(run, work.path), *exports.sidecar_stages(run, work.path), last]
            chains.execute(run, frames, [*chain.stages, *sinks])
            run.notices += reader.notices
        require_any_match(run)
        exports.require_file(writer, temporary)
        finished = exports.finish(run, temporary, output, marked=False)
        save_atomically(marks, [run.marks.xmp()])
        beside = [*kept.files(run, work.path, sink.shown), *exports.sidecar_files(run, work.path, len(sink.shown))]
        yield [*beside, *finished, (marks, marks_path(output)), (temporary, output)]
    except Unfit:
        raise
    except BaseException:
        # Before the folder goes: where an open file can't be deleted it would stay.
        run.host.at_end(writer.item.abort, writer.label, run.job.execution.timeout_s)
        raise
    finally:
        work.remove()


class _Written:
    """Hands the frames of the stream to a writer, each once it is known until when it stands.

    ``shown`` is how many frames each segment has.
    """

    def __init__(self, run: Run, writer: Part[Writer], path: Path) -> None:
        self._run, self._writer, self._path = run, writer, path
        self._waiting: Frame | None = None
        self._begin: int | None = None
        self._opened = False
        self.shown: list[int] = []

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            self.shown.append(0)
        elif not isinstance(message, SegmentEnd):
            self._take(message)
            chains.count(self._run, message)
        yield from ()

    def close(self) -> Iterator[Message]:
        self._pass_on()
        if self._opened:
            self._writer.attributed(self._writer.item.close)()
        yield from ()

    def _take(self, message: Frame | LeftOut) -> None:
        self._begin = message.pts if self._begin is None else self._begin
        if isinstance(message, Frame):
            self._pass_on()
            self._waiting = message
            self.shown[-1] += 1
            if not self._opened:
                self._opened = True
                self._writer.attributed(self._writer.item.open)(self._path, _stream_info(self._run))
                message.duration += message.pts - self._begin
                message.pts = self._begin
        elif self._waiting is not None:
            self._waiting.duration = message.pts + message.duration - self._waiting.pts

    def _pass_on(self) -> None:
        frame, self._waiting = self._waiting, None
        if frame is None:
            return
        view = frame.view()
        try:
            self._writer.attributed(self._writer.item.write, chains.at((frame,)))(view)
        finally:
            let_go((view,))


def _stream_info(run: Run) -> StreamInfo:
    width, height = run.size
    info = run.target
    rate = info.average_rate or Fraction(30 if info.kind == "video" else 1)
    return StreamInfo(width, height, info.time_base, rate, info.frames)


def _note_what_is_lost(run: Run, writer: Part[Writer], suffix: str) -> None:
    lost = [*(track.label for track in run.target.tracks), *run.target.left_out, *run.target.side_data]
    if lost:
        run.notices.append(f"not in the output: {', '.join(lost)}; the {writer.label} is given frames only")
    if run.job.execution.resumable:
        run.notices.append(f"an output in {suffix} is always made from the beginning, also with --resumable")
