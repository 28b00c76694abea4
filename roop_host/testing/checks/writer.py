"""What must hold for a writer's object."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from roop_host.errors import InputError, OutputError, UsageError
from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.handling import asked_of, made_in_job, timed
from roop_host.testing.odd import odd_frames
from roop_host.testing.people import Picture, clip
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame
from roop_host.types.objects import StreamInfo, Writer

_OPEN_FILES = Path("/proc/self/fd")
#: Of the clip of which each frame must be seen in the file.
_FRAMES = 4


def writer_writes_its_path_alone(subject: Subject) -> None:
    """The file that is there after ``close`` is the one of ``open``, not empty, and nothing stands beside it.

    Write to the very ``path``, which is a temporary name: the host gives the file its own. What needs a second file removes
    it in ``close`` and ``abort``.
    """
    require_writer(subject)
    with made_in_job(subject) as writer, TemporaryDirectory() as folder:
        path = Path(folder) / f"output{subject.spec.suffixes[0]}"
        written(writer, path, timed(clip(3)))
        if path.is_symlink() or not path.is_file() or not path.stat().st_size:
            raise Failed("it left no file at the path it was given, an empty one or a link")
        beside = sorted(item.name for item in Path(folder).iterdir() if item != path)
        if beside:
            raise Failed(f"it left beside the file: {', '.join(beside)}")


def writer_writes_what_it_is_given(subject: Subject) -> None:
    """Each frame stands in the file, in its place, and equal frames make an equal file, one after the other from one object.

    Write every frame that comes, whatever it shows. ``open`` begins anew: nothing of the last file stays, and neither clock
    nor chance goes into the file.
    """
    require_writer(subject)
    shown = clip(_FRAMES)
    with made_in_job(subject) as writer, TemporaryDirectory() as folder:

        def file_of(pictures: Sequence[Picture]) -> bytes:
            path = Path(folder) / f"output{subject.spec.suffixes[0]}"
            content = written(writer, path, timed(pictures))
            path.unlink(missing_ok=True)
            return content

        whole = file_of(shown)
        for what, others in _others(shown):
            if file_of(others) == whole:
                raise Failed(f"{_FRAMES} frames and {what} make the same file")
        if file_of(shown) != whole:
            raise Failed("equal frames make another file the second time")


def _others(shown: Sequence[Picture]) -> Iterator[tuple[str, list[Picture]]]:
    """Clips of which each must make a file that ``shown`` does not make, and what they are."""
    for at, picture in enumerate(shown):
        rest = [*shown[:at], *shown[at + 1 :]]
        yield f"the same without frame {at}", rest
        yield f"the same with another frame {at}", [*shown[:at], Picture(255 - picture.bgr), *shown[at + 1 :]]
        if at:
            yield f"the same with frame {at} before frame {at - 1}", [*rest[: at - 1], picture, *rest[at - 1 :]]


def writer_need_not_know_the_length(subject: Subject) -> None:
    """A stream whose number of frames is not known is written.

    ``StreamInfo.frames`` is None for a camera, and else an estimate: count the frames that come.
    """
    require_writer(subject)
    with made_in_job(subject) as writer, TemporaryDirectory() as folder:
        path = Path(folder) / f"output{subject.spec.suffixes[0]}"
        for length in (None, 1, 9):
            with asked_of(f"a stream of 3 frames whose length is said to be {length}"):
                written(writer, path, timed(clip(3)), length=length)
            path.unlink(missing_ok=True)


def writer_gives_up_at_any_time(subject: Subject) -> None:
    """``abort`` is no error before ``open``, between frames and after ``close``, and leaves no file open.

    A job may fail at any time; an open file can't be removed everywhere. Keep the file in an attribute that is None while
    none is open.
    """
    require_writer(subject)
    for when in range(5):
        with made_in_job(subject) as writer, TemporaryDirectory() as folder:
            path = Path(folder) / f"output{subject.spec.suffixes[0]}"
            place = ("before open", "after open", "after a frame", "after close", "twice")[when]
            frames = timed(clip(1))
            if when:
                writer.open(path, _stream(frames[0], 1))
            if when > 1:
                writer.write(frames[0].view())
            if when == 3:
                writer.close()
            with asked_of(f"abort {place}"):
                for _ in range(1 + (when == 4)):
                    writer.abort()
            _require_closed(path, f"after abort {place}")


def writer_takes_odd_frames(subject: Subject) -> None:
    """Tiny, turned, deep, grey and transparent frames are written, or refused with a sentence.

    What the format can't hold is an ``OutputError`` that says so and what to do, best in ``open``.
    """
    require_writer(subject)
    for name, frame in odd_frames().items():
        size = {"width": frame.width, "height": frame.height}
        with made_in_job(subject, **size) as writer, TemporaryDirectory() as folder, asked_of(name):
            path = Path(folder) / f"output{subject.spec.suffixes[0]}"
            try:
                written(writer, path, [frame])
            except (InputError, OutputError, UsageError) as error:
                writer.abort()
                if not str(error).strip():
                    raise Failed(f"it refuses {name} without a word") from error


def require_writer(subject: Subject) -> None:
    """Raise ``DoesNotApply`` for the other roles."""
    if subject.spec.role != "writer":
        raise DoesNotApply(f"it is a {subject.spec.role}, not a writer")


def written(writer: Writer, path: Path, frames: Sequence[Frame], length: int | None = None) -> bytes:
    """What stands in the file that the writer makes of frames of one size; empty where there is none."""
    writer.open(path, _stream(frames[0], length))
    for frame in frames:
        writer.write(frame.view())
    writer.close()
    _require_closed(path, "after close")
    return path.read_bytes() if path.is_file() else b""


def _stream(frame: Frame, length: int | None) -> StreamInfo:
    return StreamInfo(frame.width, frame.height, Fraction(1, 12800), Fraction(25), length)


def _require_closed(path: Path, when: str) -> None:
    """Raise ``Failed`` where this process has the file open, as far as the system tells."""
    if _OPEN_FILES.is_dir():
        for handle in _OPEN_FILES.iterdir():
            if handle.is_symlink() and _leads_to(handle) == str(path.resolve()):
                raise Failed(f"the file is still open {when}")
    elif os.name == "nt" and path.exists():
        try:
            path.replace(path)
        except PermissionError as error:
            raise Failed(f"the file is still open {when}") from error


def _leads_to(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:  # closed meanwhile
        return ""


FUNCTIONS = (
    writer_writes_its_path_alone,
    writer_writes_what_it_is_given,
    writer_need_not_know_the_length,
    writer_gives_up_at_any_time,
    writer_takes_odd_frames,
)
