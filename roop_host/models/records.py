"""What roop put into the store itself: a record beside each such file. A file without one is the user's, and stays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from roop_host.models.places import write_whole

By = Literal["pull", "import"]


@dataclass(frozen=True, slots=True)
class Record:
    """One file as roop left it: hash, size in bytes, time of change in ns; how and from where it came, and when (UTC)."""

    sha256: str
    size: int
    mtime_ns: int
    by: By
    source: str
    date: str

    def untouched(self, path: Path) -> bool:
        """Whether nobody wrote to the file since, as far as the system tells."""
        try:
            found = path.stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


def record_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def write_record(path: Path, sha256: str, by: By, source: str) -> None:
    """Note that roop put ``path`` there just now."""
    found = path.stat()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(sha256, found.st_size, found.st_mtime_ns, by, source, date)
    write_whole(record_path(path), json.dumps(asdict(record), indent=2) + "\n")


def read_record(path: Path) -> Record | None:
    """What is noted of ``path``; None where nothing is, or nothing that can be understood."""
    try:
        said = json.loads(record_path(path).read_text(encoding="utf-8"))
        record = Record(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = {"sha256": str, "size": int, "mtime_ns": int, "by": str, "source": str, "date": str}
    return record if all(type(getattr(record, name)) is kind for name, kind in kinds.items()) else None


def forget_record(path: Path) -> None:
    record_path(path).unlink(missing_ok=True)
