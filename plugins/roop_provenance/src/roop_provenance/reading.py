"""What a file says of where it comes from, as facts. The words for them stand in ``words``."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from roop_host import InputError, visible
from roop_provenance.found import LONGEST, Bytes
from roop_provenance.marks import Format, Mark, Marked, format_of, marks_in_packet, marks_of

#: known: intact, by a signer whom the user's CA knows. unknown: intact, by anybody. changed: not what was signed. invalid:
#: signed in a way that does not hold. broken: can't be read. unread: no library here. elsewhere: an address only.
State = Literal["known", "unknown", "changed", "invalid", "broken", "unread", "elsewhere"]
Status = Literal["intact", "changed", "invalid", "broken", "unread", "marked", "silent", "unreadable"]
_STATUS: Mapping[State, Status] = {
    "known": "intact",
    "unknown": "intact",
    "changed": "changed",
    "invalid": "invalid",
    "broken": "broken",
    "unread": "unread",
    "elsewhere": "unread",
}
#: What stands beside a file has its whole name and one of these.
_BESIDE = (".c2pa", ".xmp")
_NO_LIBRARY = (
    "c2pa-python is not installed, so Content Credentials were not looked for; pip install c2pa-python brings it, on the "
    "systems that it is made for"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that was done: C2PA's name, IPTC's term, the tool."""

    name: str
    source_type: str = ""
    tool: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """What a file was made of. ``failures`` are what was wrong with its own credentials when it was taken."""

    relationship: str
    kind: str = ""
    title: str = ""
    description: str = ""
    had_credentials: bool = False
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Credentials that an ingredient brought along."""

    tool: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Content Credentials as they were found. ``run`` is roop's own assertion; any key of it may be missing."""

    state: State
    beside: bool = False
    reason: str = ""
    failures: tuple[str, ...] = ()
    signer: str = ""
    organisation: str = ""
    signed_at: str = ""
    tool: str = ""
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    run: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one file. ``error`` is set where it could not be read; nothing else is then."""

    file: str
    kind: str = ""
    credentials: Credentials | None = None
    marks: tuple[Mark, ...] = ()
    notices: tuple[str, ...] = field(default=())
    error: str = ""

    @property
    def status(self) -> Status:
        """The worst that holds."""
        if self.error:
            return "unreadable"
        if self.credentials is not None:
            return _STATUS[self.credentials.state]
        return "marked" if any(mark.kind != "tool" for mark in self.marks) else "silent"


def read_facts(path: Path, anchors: str = "") -> Facts:
    """Read a file of anybody; for what stands beside one, the one that it stands beside.

    ``anchors`` are certificates in PEM. Raises ``InputError`` for what can't be read.
    """
    name = visible(str(path)) or "''"
    with closing(_open(path, name)) as file:
        try:
            if path.suffix.lower() not in _BESIDE or format_of(Bytes(file).at(0, 64)) is not None:
                return _read(path, name, file, anchors)
        except OSError as error:
            raise InputError(f"{name} can't be read ({error.strerror or error}); copy it to another disk first") from error

    return _of_owner(path, name, anchors)


def _of_owner(path: Path, name: str, anchors: str) -> Facts:
    """What is known of the file that this one stands beside: alone it says nothing of any."""
    owner = path.with_suffix("")
    if owner.is_file() and owner.with_name(owner.name + path.suffix.lower()).exists():
        facts = read_facts(owner, anchors)
        return replace(
            facts, notices=(f"{visible(path.name)} speaks for the file beside it, so that one was read", *facts.notices)
        )
    shown = visible(str(owner))
    raise InputError(f"{name} speaks for another file and says nothing alone; put {shown} beside it, and name that one")


def _read(path: Path, name: str, file: IO[bytes], anchors: str) -> Facts:
    data = Bytes(file)
    if not data.size:
        raise InputError(f"{name} is empty; take another copy")
    kind = format_of(data.at(0, 64))
    packet, manifest = _beside(path, ".xmp", LONGEST), _beside(path, ".c2pa", _most_of_manifest())
    if kind is None and packet is None and manifest is None:
        raise InputError(f"{name} is no picture, video or sound of a kind that is known here; name such a file")
    found = [marks_of(data, kind)]
    if packet is not None:
        found.append(marks_in_packet(packet, f"{visible(path.name)}.xmp beside it"))
    notices = [notice for one in found for notice in one.notices]
    credentials = _credentials(file, kind, found[0], manifest, anchors, notices)
    return Facts(
        file=name,
        kind=kind.name if kind is not None else "file of another kind",
        credentials=credentials,
        marks=tuple(mark for one in found for mark in one.marks),
        notices=tuple(notices),
    )


def _credentials(
    file: IO[bytes], kind: Format | None, marked: Marked, beside: bytes | None, anchors: str, notices: list[str]
) -> Credentials | None:
    """Those inside come first: a file beside is anybody's to put there."""
    from roop_provenance.manifest import MOST_BYTES, read_credentials

    media_type = kind.media_type if kind is not None else "application/octet-stream"
    if marked.c2pa_bytes > MOST_BYTES:
        return Credentials(state="broken", reason=f"they have {marked.c2pa_bytes >> 20} MB, more than is read")
    if beside is not None and len(beside) > MOST_BYTES:
        return Credentials(state="broken", beside=True, reason="they have more bytes than are read")
    try:
        inside = read_credentials(file, media_type, None, anchors)
        if beside is None or (inside is not None and inside.state != "elsewhere"):
            if beside is not None:
                notices.append("the .c2pa file beside it was not read, since it has Content Credentials of its own")
            return inside
        return read_credentials(file, media_type, beside, anchors)
    except ImportError:
        notices.append(_NO_LIBRARY)
        there = marked.c2pa_bytes > 0 or beside is not None
        return Credentials(state="unread", beside=not marked.c2pa_bytes) if there else None


def _most_of_manifest() -> int:
    from roop_provenance.manifest import MOST_BYTES

    return MOST_BYTES + 1


def _open(path: Path, name: str) -> IO[bytes]:
    """Opened once, and never waited for: what is no regular file is refused by what was really opened."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; check the name") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder; name the files in it") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        if path.is_dir():  # Windows
            why = "it is a folder"
        raise InputError(f"{name} can't be opened ({why}); check the name and your rights to it") from None
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        what = "is a folder; name the files in it" if stat.S_ISDIR(mode) else "is no regular file; copy it into one first"
        raise InputError(f"{name} {what}")
    return os.fdopen(number, "rb")


def _beside(path: Path, suffix: str, most: int) -> bytes | None:
    """The file beside a file, if it is a regular one: a link there could name any file of the reader's."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        number = os.open(path.with_name(path.name + suffix), flags)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, None):
            return None
        raise
    with os.fdopen(number, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(number).st_mode) else None
