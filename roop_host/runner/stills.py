"""Pictures that have nothing to do with each other: one, the pages of a TIFF, or a folder. Each is a stream of one frame."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from roop_host import gate
from roop_host.errors import ContentBlocked, InputError
from roop_host.media.info import MediaInfo
from roop_host.media.kinds import holds_marks
from roop_host.media.output import WorkFolder, save_atomically
from roop_host.media.pictures.check import check_picture
from roop_host.media.pictures.reading import read_picture
from roop_host.media.pictures.writing import PageWriter, check_still_fits, write_picture
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import LeftOut, Message
from roop_host.runner import chain as chains
from roop_host.runner import exports
from roop_host.runner.files import Files, marks_path, picture_name
from roop_host.runner.inherited import inherited
from roop_host.runner.state import Run
from roop_host.runner.unmatched import require_any_match
from roop_host.types.frame import Frame

#: Writes one finished frame.
_Write = Callable[[Frame], None]
#: So many names of pictures a notice tells.
_TOLD = 5


@contextmanager
def run_stills(run: Run) -> Iterator[Files]:
    """The finished, checked picture or folder of pictures; everything temporary is gone afterwards."""
    output = Path(run.job.output)
    if run.target.left_out:
        run.notices.append(f"not in the output: {', '.join(run.target.left_out)}")
    work = WorkFolder(output, secrets.token_hex())
    try:
        if run.form == "pictures":
            made = [(_folder(run, work.path), output)]
        elif run.form == "pages":
            made = _pages(run, work.path, output)
        else:
            made = _single(run, work.path, output)
        yield [*exports.sidecar_files(run, work.path, run.counts.seen), *made]
    finally:
        work.remove()


def _single(run: Run, folder: Path, output: Path) -> Files:
    temporary = folder / f"output{output.suffix}"
    check_still_fits(run.target, temporary.suffix)
    _run_through(run, folder, run.target, _writer(run, run.target, temporary))
    require_any_match(run)
    beside = _finish(run, temporary, output, run.target)
    run.encoder = temporary.suffix.lstrip(".").lower()
    return [*beside, *_marked(run, temporary, output)]


def _pages(run: Run, folder: Path, output: Path) -> Files:
    temporary = folder / f"output{output.suffix}"
    with PageWriter(run.target, temporary, run.marks) as writer:
        for page in run.target.items:
            if not _run_through(run, folder, page, writer.write):
                writer.leave_out()
        require_any_match(run)
    beside = _finish(run, temporary, output, run.target.items[0], pages=run.counts.frames)
    run.encoder = "tif"
    return [*beside, *_marked(run, temporary, output)]


def _folder(run: Run, folder: Path) -> Path:
    """Every picture of the target's folder, under its own name, in a folder of their own."""
    made = folder / "output"
    made.mkdir()
    of_all = run.inherited
    watchers = (*run.before, *run.after)
    begun = [watcher.standing() for watcher in watchers]  # the sources were looked at for each picture
    unchanged: dict[str, list[str]] = {}
    for item in run.target.items:
        with gate.counted_apart(watchers, begun), _refused(run, item.path):
            why = _one_of_folder(run, folder, made, item)
        if why:
            unchanged.setdefault(why, []).append(item.path.name)
    run.inherited = of_all
    if not run.counts.seen:
        raise InputError(f"no picture in {run.job.target} could be read; take another copy")
    require_any_match(run)
    run.notices += [_told_unchanged(why, names) for why, names in unchanged.items()]
    run.encoder = "pictures"
    return made


@contextmanager
def _refused(run: Run, picture: Path) -> Iterator[None]:
    try:
        yield
    except ContentBlocked as error:
        run.refused = picture
        error.args = (f"{error}, so take that picture out and run again",)
        raise


def _told_unchanged(why: str, names: Sequence[str]) -> str:
    more = len(names) - _TOLD
    return f"{why} in {', '.join(names[:_TOLD])}{f' and {more} more' if more > 0 else ''}: written unchanged"


def _one_of_folder(run: Run, folder: Path, made: Path, item: MediaInfo) -> str:
    """Why the picture was written as it is, where steps look for faces; empty where it was changed or left out."""
    temporary, before = made / picture_name(item), Counter(run.counts.changed)
    with_face, matched = run.counts.with_face, run.counts.matched
    try:
        run.inherited = inherited(item)
        written = _run_through(run, folder, item, _writer(run, item, temporary))
    except InputError as error:
        if str(item.path) not in str(error):  # of a step, which knows a number at best
            error.args = (f"{item.path}: {error}",)
        if not run.job.media.salvage:
            raise
        run.notices.append(f"left out: {error}")
        return ""
    if not written:
        run.notices.append(f"left out: {item.path} does not show the face that was asked for")
        return ""
    # What it makes beside lies in the folder.
    changed = Counter(run.counts.changed) - before
    _finish(run, temporary, Path(run.job.output) / temporary.name, item, changed=changed)
    if not holds_marks(temporary.suffix):
        save_atomically(marks_path(temporary), [run.marks.xmp()])
    if changed or run.analyser is None:
        return ""
    if run.counts.with_face == with_face:
        return "no face"
    return "nobody who was asked for" if run.counts.matched == matched else "nothing to change"


def _writer(run: Run, info: MediaInfo, temporary: Path) -> _Write:
    def write(frame: Frame) -> None:
        notices = write_picture(frame, info, temporary, temporary.suffix, run.job.media, run.marks)
        run.notices += [notice for notice in notices if notice not in run.notices]

    return write


def _run_through(run: Run, folder: Path, info: MediaInfo, write: _Write) -> bool:
    """One picture through the whole chain, as a segment of its own. False where it is left out of the output."""
    run.check_cancel()
    number, before = run.counts.seen, run.counts.frames

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, Frame):
            write(message)
        if isinstance(message, (Frame, LeftOut)):
            chains.count(run, message)
        yield from ()

    def read() -> Iterator[Frame]:
        frame = read_picture(info)
        frame.index = number
        yield frame

    sinks = [*exports.sidecar_stages(run, folder), StageSpec("encode", feed)]
    output = Path(picture_name(info)) if run.form == "pictures" else None
    chains.execute(run, read, [*chains.build(run, number, still=info, output=output).stages, *sinks])
    return run.counts.frames > before


def _finish(
    run: Run, temporary: Path, final: Path, info: MediaInfo, pages: int = 1, changed: Mapping[str, int] | None = None
) -> Files:
    marked = holds_marks(temporary.suffix)
    beside = exports.finish(run, temporary, final, marked=marked, pages=pages, target=info.path, changed=changed)
    check_picture(temporary, size=(info.width, info.height), pages=pages)
    return beside


def _marked(run: Run, temporary: Path, output: Path) -> Files:
    """The file, behind one that holds its marks where its format has no place for them."""
    if holds_marks(temporary.suffix):
        return [(temporary, output)]
    beside = temporary.with_name("marks")
    save_atomically(beside, [run.marks.xmp()])
    return [(beside, marks_path(output)), (temporary, output)]
