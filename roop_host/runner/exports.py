"""What belongs to a finished output: sidecars made along the stream, finishers run on the file, the marks beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import av

from roop_host import gate
from roop_host.errors import InputError, OutputError, PluginError, one_line
from roop_host.faces.saved import is_saved
from roop_host.gate.apart import Copies
from roop_host.host import Progress
from roop_host.media.kinds import suffix_of
from roop_host.media.output import save_atomically
from roop_host.media.reading.same import media_digest
from roop_host.media.segments import piece_name
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message, SegmentEnd, SegmentStart
from roop_host.runner.chain import at
from roop_host.runner.files import Files, finished_path, sidecar_path
from roop_host.runner.inputs import is_same
from roop_host.runner.state import Part, Run
from roop_host.types.frame import Frame
from roop_host.types.models import OWN
from roop_host.types.objects import Finished, Finisher, Sidecar, StageObject


def sidecar_stages(run: Run, folder: Path) -> list[StageSpec]:
    """A stage for each sidecar, to stand before the sink: pieces of a segment are stored before the segment itself."""
    return [
        StageSpec(f"export {part.name}", _Pieces(part, folder).feed, late=part.late, pulses=run.host.pulses_of((part.item,)))
        for part in run.sidecars
    ]


class _Pieces:
    """Asks one sidecar for its pieces and stores those of each segment in one file."""

    def __init__(self, part: Part[Sidecar], folder: Path) -> None:
        self._part, self._folder, self._copies = part, folder, Copies()
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
        view = self._copies.view(frame)  # the encoder comes after, and what it gets was screened
        piece = self._part.attributed(self._part.item.piece, at((frame,)))(view)
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


def finish(
    run: Run,
    temporary: Path,
    final: Path,
    *,
    marked: bool = True,
    pages: int = 1,
    target: Path | None = None,
    kind: str = "",
    changed: Mapping[str, int] | None = None,
) -> Files:
    """Let every finisher work on the file, whose ``pages`` say that they are synthetic unless it can't be ``marked``.

    What finishers make beside it lies there too, under names that ``final`` gives. ``target`` is the file that it was made
    of, where that is not the job's; ``kind`` is what it is, where it is not the output itself, and ``changed`` what steps
    changed in it then, as the counts have it. Raises ``OutputError`` where the file does not say so,
    ``PluginError`` where a finisher took that away or made what it did not declare.
    """
    if marked and not run.marks.stand_in(temporary, pages):
        raise OutputError(
            f"the finished file in {temporary.suffix} does not say that it is synthetic; nothing was kept, so name "
            "an output of another kind"
        )
    beside: Files = []
    shown = _shown(temporary) if run.finishers else b""
    about = _about(run, target, kind, run.counts.changed if changed is None else changed)
    for part in run.finishers:
        run.check_cancel()
        run.on_progress(Progress("finishing", run.counts.frames, run.counts.frames, 0.0, run.counts.faces_changed))
        made = run.call(part, part.item.finish, temporary, about)
        require_file(part, temporary)
        if marked and not run.marks.stand_in(temporary, pages):
            raise PluginError(
                f"the {part.label} took the marks away that say that the file is synthetic; nothing was kept, so report it "
                "to its authors or switch it off"
            )
        _require_same(part, temporary, shown)
        beside += _stored(run, part, made, temporary, final)
    return beside


def _shown(path: Path) -> bytes:
    """A digest of what the file shows and plays; of a kind that only a plugin knows, of all its bytes."""
    if suffix_of(path) is not None:
        return media_digest(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _require_same(part: Part[Finisher], path: Path, shown: bytes) -> None:
    """Raise ``PluginError`` where a finisher changed what was screened."""
    try:
        same = _shown(path) == shown
    except (InputError, av.FFmpegError):
        same = False
    if not same:
        raise PluginError(
            f"the {part.label} changed what the file shows or plays, which nobody has screened; nothing was kept, so report "
            "it to its authors or switch it off"
        )


def _stored(run: Run, part: Part[Finisher], made: object, temporary: Path, final: Path) -> Files:
    """What a finisher made beside the file, with the names that it gets."""
    files: Files = []
    for suffix, content in _declared(part, made).items():
        path = finished_path(temporary, suffix)
        if path.exists():
            raise PluginError(
                f"the {part.label} made a second file {path.name}; nothing was kept, so switch one of both off"
            )
        save_atomically(path, [content])
        files.append((path, finished_path(final, suffix)))
        if run.uploaders:
            run.notices.append(f"{finished_path(final, suffix).name} stays here: only the output itself is uploaded")
    return files


def _declared(part: Part[Finisher], made: object) -> Mapping[str, bytes]:
    """What a finisher returned, where it is files of suffixes that it has declared."""
    given = {} if made is None else made
    suffixes = part.declared.spec.suffixes
    if isinstance(given, Mapping) and all(name in suffixes and isinstance(given[name], bytes) for name in given):
        return given
    known = f"bytes for its suffixes {', '.join(suffixes)}" if suffixes else "nothing, as it declares no suffixes"
    raise PluginError(f"the {part.label} is to return {known}; nothing was kept, so report it to its authors")


def _about(run: Run, target: Path | None, kind: str, changed: Mapping[str, int]) -> Finished:
    put_in = _put_in(run, changed)
    sources = [text for text in put_in if not is_saved(text)]
    is_file = run.source is None and Path(run.job.target).is_file()
    is_clip = target is None and run.media is not None and run.media.kind == "folder"
    return Finished(
        job=run.job,
        kind=kind or (run.form if run.form in ("video", "animation") else "picture"),
        source_type=run.source_type_of(changed),
        changed=dict(changed),
        plugins=run.plugins,
        models=tuple({**told, "name": "own file"} if told["licence"] == OWN else told for told in run.models),
        screening=gate.verdicts([*run.before, *run.after]),
        target=target or (Path(run.job.target) if is_file else None),
        pictures=tuple(item.path for item in run.target.items) if is_clip else (),
        sources=tuple(map(Path, sources)),
        saved_faces=len(put_in) - len(sources),
        is_same=partial(is_same, run),
        note=lambda text: _add(run.notices, text),
        did=lambda text: _add(run.finished, text),
    )


def _put_in(run: Run, changed: Collection[str]) -> tuple[str, ...]:
    """The texts of the sources whose faces were put in, each once: a job may name some that no step asks for.

    Nothing was put in where none of the steps that do so has ``changed`` anything.
    """
    if not any(step.declared.spec.needs_source and step.name in changed for step in run.steps):
        return ()
    return tuple(dict.fromkeys((*run.job.sources, *(source for source, _ in run.job.pairs))))


def _add(lines: list[str], text: str) -> None:
    line = one_line(text)
    if line not in lines:
        lines.append(line)


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
