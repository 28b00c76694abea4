"""What somebody else wrote under the names of a job's files while it ran: told, and never touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from roop_host.runner.files import Files, Stamp, stamp_of


class Strangers:
    """Notes how the files of a job stand when it begins; of a folder, what is directly in it.

    Nobody can know whose a file is that has come since, so none is deleted. But it is not of this job, and unscreened.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._before = self._standing()
        self._odd: list[Path] | None = None
        self._ours: frozenset[str] = frozenset()

    def settle(self, files: Files) -> None:
        """The job's own ``files`` get their names now: what is found was there before, or is not called as they are."""
        self._odd = self._found()
        self._ours = frozenset(path.name for made, _ in files if made.is_dir() for path in made.iterdir())

    def told(self) -> str:
        """The sentence for what is new or changed after a job that made nothing, or nothing."""
        odd = self._found() if self._odd is None else self._odd
        return _sentence([str(path) for path in odd])

    def told_beside(self) -> str:
        """The same after a job that is done: what stands in its folders and is not its own."""
        return _sentence([str(path) for path in self._found() if path not in self._paths and path.name not in self._ours])

    def _found(self) -> list[Path]:
        return [path for path, identity in self._standing().items() if self._before.get(path) != identity]

    def _standing(self) -> dict[Path, Stamp]:
        found: dict[Path, Stamp] = {}
        for path in (one for each in self._paths for one in (each, *_inside(each))):
            with suppress(OSError):
                status = path.lstat()
                if not path.is_dir():
                    found[path] = stamp_of(status)
        return found


def _sentence(odd: list[str]) -> str:
    if not odd:
        return ""
    more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    return f"{odd[0]}{more} was written by something else while this job ran: it was not screened, so look before you use it"


def _inside(path: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(path) as entries:
        yield from (Path(entry.path) for entry in entries)
