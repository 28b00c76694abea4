"""What somebody else wrote under the names of a job's files while it ran: told, and never touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_Identity = tuple[int, int, int, int]


class Strangers:
    """How the files of a job stood when it began; a folder counts with what is directly in it."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._before = self._standing()

    def told(self) -> str:
        """The sentence for what is new or another by now, or nothing: it is nobody's here, so it was not screened."""
        now = self._standing()
        odd = [str(path) for path, identity in now.items() if self._before.get(path) != identity]
        if not odd:
            return ""
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        return (
            f"something else wrote {odd[0]}{more} while this job ran: that was not screened, so look at it before you use it"
        )

    def told_beside(self, made: Iterable[str]) -> str:
        """The same after a success; ``made`` are the names that the job itself has put into its folders."""
        ours = {*made}
        now = self._standing()
        odd = [path for path, identity in now.items() if path not in self._paths and self._before.get(path) != identity]
        foreign = [str(path) for path in odd if path.name not in ours]
        if not foreign:
            return ""
        return f"{foreign[0]} was written by something else while this job ran, and was not screened"

    def _standing(self) -> dict[Path, _Identity]:
        found: dict[Path, _Identity] = {}
        for path in (one for each in self._paths for one in (each, *_inside(each))):
            with suppress(OSError):
                status = path.lstat()
                if not path.is_dir():
                    found[path] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        return found


def _inside(path: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(path) as entries:
        yield from (Path(entry.path) for entry in entries)
