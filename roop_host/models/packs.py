"""Models out of a zip archive. Nothing in an archive names a place: only the bytes of the one wanted member are taken."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from roop_host.errors import ModelError, one_line
from roop_host.models.checking import CHUNK

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec

_ENCRYPTED = 0x1


@contextmanager
def opened(file: BinaryIO, name: str) -> Iterator[zipfile.ZipFile]:
    """The archive. What is broken in it, or not supported, is a ``ModelError``, also while members are read."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, LookupError) as error:
        raise ModelError(f"the archive {name} can't be read ({one_line(str(error)) or 'broken'}); get it again") from error


def member(archive: zipfile.ZipFile, model: ModelSpec, name: str) -> zipfile.ZipInfo | None:
    """The one file called as the model, in whatever folder; None where there is none. Raises ``ModelError``."""
    wanted = model.file_name
    found = [info for info in archive.infolist() if PurePosixPath(info.filename.replace("\\", "/")).name == wanted]
    found = [info for info in found if not info.is_dir()]
    if not found:
        return None
    if len(found) > 1:
        raise ModelError(f"the archive {name} holds {len(found)} files {wanted}; get one with a single file of that name")
    (info,) = found
    if info.file_size != model.size:
        raise ModelError(
            f"{wanted} in the archive {name} says that it is {info.file_size:,} bytes in place of {model.size:,}; "
            "get another one"
        )
    if info.flag_bits & _ENCRYPTED:
        raise ModelError(f"{wanted} in the archive {name} is encrypted; get another one")
    return info


def chunks(source: IO[bytes], most: int) -> Iterator[bytes]:
    """The bytes of a member, never more than ``most`` and one chunk, whatever the archive says of its size."""
    left = most
    while left >= 0 and (data := source.read(CHUNK)):
        left -= len(data)
        yield data
