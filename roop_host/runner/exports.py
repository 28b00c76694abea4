"""What belongs to a finished output: sidecars made along the stream, finishers run on the file, the marks beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from roop_host import gate
from roop_host.errors import OutputError, PluginError
from roop_host.host import Progress
from roop_host.media.output import save_atomically
from roop_host.media.segments import piece_name
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message, SegmentEnd, SegmentStart
from roop_host.runner.chain import at
from roop_host.runner.files import Files, sidecar_path
from roop_host.runner.state import Part, Run
from roop_host.types.frame import Frame, let_go
from roop_host.types.objects import Finished, Sidecar, StageObject


def sidecar_stages(run: Run, folder: Path) -> list[StageSpec]:
    """A stage for each sidecar, to stand before the sink: pieces of a segment are stored before the segment itself."""
    return [
        StageSpec(f"export {part.name}", _Pieces(part, folder).feed, late=part.late, pulses=run.host.pulses_of((part.item,)))
        for part in run.sidecars
    ]


class _Pieces:
    """Asks one sidecar for its pieces and stores those of each segment in one file."""

    def __init__(self, part: Part[Sidecar], folder: Path) -> None:
        self._part, self._folder = part, folder
        self._pieces: list[bytes] = []

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            self._pieces = []
            self._part.attributed(self._part.item.start)(message.segment)
        elif isinstance(message, SegmentEnd):
            save_atomically(self._folder / piece_name(message.segment.index, self._part.name), self._pieces)
        elif isinstance(message, Frame):
            self._pieces.append(self._piece(message))
        yield message

    def _piece(self, frame: Frame) -> bytes:
        view = frame.view()
        try:
            piece = self._part.attributed(self._part.item.piece, at((frame,)))(view)
        finally:
            let_go((view,))
        return _bytes(self._part, "piece", piece)


def sidecar_files(run: Run, folder: Path, segments: int) -> Files:
    """Join the pieces that every sidecar made of each of the ``segments`` to the file it makes."""
    files: Files = []
    for number, part in enumerate(run.sidecars):
        head = _bytes(part, "head", run.call(part, part.item.head))
        tail = _bytes(part, "tail", run.call(part, part.item.tail))
        pieces = [folder / piece_name(index, part.name) for index in range(segments)]
        temporary = folder / f"sidecar-{number}"
        save_atomically(temporary, _joined(head, pieces, tail))
        files.append((temporary, sidecar_path(Path(run.job.output), part.declared.spec.suffixes[0])))
    return files


def finish(run: Run, temporary: Path, *, marked: bool = True, pages: int = 1) -> None:
    """Let every finisher work on the file, whose ``pages`` say that they are synthetic unless it can't be ``marked``.

    Raises ``OutputError`` where they do not say so, ``PluginError`` where a finisher took that away.
    """
    if marked and not run.marks.stand_in(temporary, pages):
        raise OutputError(
            f"the finished file in {temporary.suffix} does not say that it is synthetic; nothing was kept, so name "
            "an output of another kind"
        )
    for part in run.finishers:
        run.check_cancel()
        run.on_progress(Progress("finishing", run.counts.frames, run.counts.frames, 0.0, run.counts.faces_changed))
        about = Finished(
            job=run.job,
            kind=run.form if run.form in ("video", "animation") else "picture",
            source_type=run.source_type,
            plugins=run.plugins,
            models=run.models,
            screening=gate.verdicts([*run.before, *run.after]),
        )
        run.call(part, part.item.finish, temporary, about)
        require_file(part, temporary)
        if marked and not run.marks.stand_in(temporary, pages):
            raise PluginError(
                f"the {part.label} took the marks away that say that the file is synthetic; nothing was kept, so report it "
                "to its authors or switch it off"
            )


def require_file(part: Part[StageObject], path: Path) -> None:
    """Raise ``PluginError`` unless a plugin left a file there that can be published: a link would lead anywhere."""
    if path.is_symlink() or not path.is_file() or not path.stat().st_size:
        raise PluginError(
            f"the {part.label} left no file, an empty one or a link; nothing was kept, so report it to its authors or "
            "leave it out"
        )


def _joined(head: bytes, pieces: Sequence[Path], tail: bytes) -> Iterator[bytes]:
    yield head
    for path in pieces:
        try:
            yield path.read_bytes()
        except OSError as error:
            raise OutputError(
                f"the unfinished work in {path.parent} is damaged ({error}); delete that folder and run again"
            ) from error
    yield tail


def _bytes(part: Part[Sidecar], what: str, given: object) -> bytes:
    if not isinstance(given, bytes):
        raise PluginError(
            f"the {part.label} gave {type(given).__name__} and not bytes as its {what}; "
            "report it to its authors or leave it out"
        )
    return given
