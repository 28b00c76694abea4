"""An uploader at work: small outputs in a folder of their own, and what came of sending one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from roop_host.errors import UploadError, UsageError
from roop_host.media.kinds import media_type
from roop_host.testing.artifacts import artifact_of, write_output
from roop_host.testing.checking import Failed, NotRun
from roop_host.testing.subject import Subject
from roop_host.types.objects import Context
from roop_host.types.uploads import Artifact, Receipt

#: What uploaders take: most of them both, some one.
_SUFFIXES = (".png", ".mp4")
#: What is sent first.
FIRST = "roop-check"
#: Files differ from those of an earlier process: a server that names by content would have them already.
_RUN = secrets.randbits(64)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an upload. ``told`` and ``notes`` are what it told of its work, ``beside`` what came beside it."""

    artifact: Artifact
    receipt: Receipt
    told: tuple[Any, ...]
    notes: tuple[str, ...]
    is_there: bool
    is_same: bool
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """An uploader in the middle of a job, which takes files that end in ``suffix``."""

    uploader: Any
    folder: Path
    suffix: str

    def send(self, stem: str, number: int) -> Sent:
        """Send a file called ``stem`` with the content of that number; raises what ``upload`` raises, or ``Failed``."""
        folder = self.folder / str(number)
        folder.mkdir(exist_ok=True)
        path = folder / f"{stem}{self.suffix}"
        write_output(path, number, _RUN)
        before, names = _stamp(path), set(folder.iterdir())
        told: list[Any] = []
        notes: list[str] = []
        artifact = artifact_of(path, sent=told.append, note=notes.append)
        receipt = self.uploader.upload(artifact)
        if not isinstance(receipt, Receipt):
            raise Failed(f"its upload gave a {type(receipt).__name__} and no Receipt")
        beside = tuple(sorted(one.name for one in set(folder.iterdir()) - names))
        there = path.is_file()
        return Sent(artifact, receipt, tuple(told), tuple(notes), there, there and _stamp(path) == before, beside)


@contextmanager
def sending(subject: Subject, context: Context | None = None) -> Iterator[tuple[Sender, Sent]]:
    """An uploader that has sent a first file: a picture, or a clip where it takes none. Raises ``NotRun`` where it can't."""
    with subject.made(context) as uploader, sending_by(subject, uploader) as sent:
        yield sent


@contextmanager
def sending_by(subject: Subject, uploader: Any) -> Iterator[tuple[Sender, Sent]]:
    """``sending`` by one that is set up already."""
    with TemporaryDirectory(prefix="roop-check-") as folder:
        sender, first = _first(subject, uploader, Path(folder))
        try:
            yield sender, first
        finally:
            uploader.end()


def _first(subject: Subject, uploader: Any, folder: Path) -> tuple[Sender, Sent]:
    """In a job that has begun."""
    why: UploadError | UsageError | None = None
    for suffix in _SUFFIXES:
        sender = Sender(uploader, folder, suffix)
        try:
            uploader.begin(subject.job(width=0, height=0, media_type=media_type(Path(f"output{suffix}"))))
            return sender, sender.send(FIRST, 0)
        except (UploadError, UsageError) as error:
            uploader.end()
            why = why or error
    assert why is not None
    raise NotRun(why) from why


def _stamp(path: Path) -> tuple[bytes, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_ino
