"""What a file says of where it comes from, as facts. The words for them stand in ``words``."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO

from roop_host import InputError, visible
from roop_provenance.facts import Credentials, Facts
from roop_provenance.files import open_regular
from roop_provenance.found import LONGEST, Bytes
from roop_provenance.manifest import MOST_BYTES, Damaged, read_credentials
from roop_provenance.marks import HEAD, Format, Marked, format_of, marks_in_packet, marks_of
from roop_provenance.quotes import quoted

#: What stands beside a file has its whole name and one of these.
_BESIDE = (".c2pa", ".xmp")
#: Kinds that have no place for Content Credentials, so that what was not looked at can't be any.
_HOLD_NONE = ("image/bmp", "video/x-matroska")
#: Kinds of which c2pa-python holds the whole file in memory, up to three times; real ones are far smaller.
_HELD, _MOST_HELD = ("image/jpeg", "image/svg+xml", "application/pdf"), 256 << 20
#: There is no file of that name, or none can be there: also where the name would be too long.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_NO_LIBRARY = (
    "c2pa-python is not installed, so Content Credentials were not looked for; pip install c2pa-python brings it, on the "
    "systems that it is made for"
)


def read_facts(path: Path, anchors: str = "") -> Facts:
    """Read a file of anybody; for what stands beside one, the one that it stands beside.

    ``anchors`` are certificates in PEM. Raises ``InputError`` for what can't be read.
    """
    name = visible(str(path)) or "''"
    with closing(_open(path, name)) as file:
        try:
            if path.suffix.lower() not in _BESIDE or format_of(Bytes(file).at(0, HEAD)) is not None:
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
    kind, notices = format_of(data.at(0, HEAD)), list[str]()
    packet = _beside(path, ".xmp", LONGEST, notices)
    manifest = _beside(path, ".c2pa", MOST_BYTES + 1, notices)
    if kind is None and packet is None and manifest is None:
        raise InputError(f"{name} is no picture, video or sound of a kind that is known here; name such a file")
    found = [marks_of(data, kind)]
    if packet is not None:
        found.append(marks_in_packet(packet, f"{visible(path.name)}.xmp beside it"))
    notices += [notice for one in found for notice in one.notices]
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
    media_type = kind.media_type if kind is not None else "application/octet-stream"
    if marked.c2pa_bytes > MOST_BYTES:
        return Credentials(state="broken", reason=f"they have {marked.c2pa_bytes >> 20} MB, more than is read")
    if marked.cut and media_type not in _HOLD_NONE:
        return Credentials(state="unread", reason="the file has more parts than are looked at")
    if media_type in _HELD and file.seek(0, os.SEEK_END) > _MOST_HELD:
        return Credentials(state="unread", reason=f"it has more than the {_MOST_HELD >> 20} MB that are read of its kind")
    if beside is not None and len(beside) > MOST_BYTES:
        return Credentials(state="broken", beside=True, reason="they have more bytes than are read")
    try:
        inside = _inside(file, media_type, marked, anchors, notices)
        if beside is None or (inside is not None and inside.state != "elsewhere"):
            if beside is not None:
                notices.append("the .c2pa file beside it was not read, since it has Content Credentials of its own")
            return inside
        return read_credentials(file, media_type, beside, anchors)
    except ImportError:
        notices.append(_NO_LIBRARY)
        there = marked.has_c2pa or beside is not None
        return Credentials(state="unread", beside=not marked.has_c2pa) if there else None


def _inside(file: IO[bytes], media_type: str, marked: Marked, anchors: str, notices: list[str]) -> Credentials | None:
    """Broken are only credentials that are there; a file that is damaged elsewhere is a damaged file."""
    try:
        found = read_credentials(file, media_type, None, anchors)
    except Damaged as error:
        if marked.has_c2pa:
            return Credentials(state="broken", reason=str(error))
        notices.append(
            f"Content Credentials could not be looked for, as the file is damaged or of an odd make ({quoted(str(error))})"
        )
        return None
    if found is None and marked.has_c2pa:
        return Credentials(state="broken", reason="they are there, but so damaged that they are not found as such")
    return found


def _open(path: Path, name: str) -> IO[bytes]:
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; check the name") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder; name the files in it") from None
    except (OSError, ValueError) as error:
        if path.is_dir():  # Windows
            raise InputError(f"{name} is a folder; name the files in it") from None
        if path.exists() and not path.is_file():
            raise InputError(f"{name} is no regular file; copy it into one first") from None
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name} can't be opened ({why}); check the name and your rights to it") from None


def _beside(path: Path, suffix: str, most: int, notices: list[str]) -> bytes | None:
    """The file beside a file, if it is a regular one: a link there could name any file of the reader's."""
    name = path.name + suffix
    try:
        with open_regular(path.with_name(name), follow=False) as file:
            return file.read(most)
    except ValueError:
        return None
    except OSError as error:
        if error.errno not in _NOT_THERE:
            why = "it is a link" if error.errno == errno.ELOOP else error.strerror or str(error)
            notices.append(f"{visible(name)} beside it was not read ({why})")
        return None
