"""What a target says of itself and its output goes on saying: a step that changes little makes nothing real again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from roop_host.errors import InputError
from roop_host.media.info import MediaInfo
from roop_host.media.kinds import holds_marks, suffix_of
from roop_host.media.marks import said_synthetic, strongest
from roop_host.runner.files import marks_path
from roop_host.types.specs import CAUTIOUS, SOURCE_TYPES


def inherited(info: MediaInfo) -> str:
    """The strongest term by which the target, or a picture of a folder, says that it is synthetic. Raises ``InputError``."""
    terms = set[str]()
    for path in _files(info):
        try:
            terms.add(said_synthetic(path, CAUTIOUS))
        except OSError as error:
            raise InputError(f"{path} can't be read ({error.strerror or error}); make it readable and run again") from error
        if SOURCE_TYPES[-1] in terms:
            break
    return strongest(terms - {""})


def _files(info: MediaInfo) -> Iterator[Path]:
    """Those that say it: also what stands beside a format that has no place for it."""
    for path in dict.fromkeys(item.path for item in info.items) if info.kind == "folder" else (info.path,):
        yield path
        if suffix_of(path) is not None and not holds_marks(path.suffix) and marks_path(path).is_file():
            yield marks_path(path)
