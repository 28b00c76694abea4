"""What the double knows: settings, buckets, objects, unfinished uploads, tables, and every request that came."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from supabase_double.faults import Fault
from supabase_double.tokens import Keys

#: Of a role: what it may do with the objects of a bucket ("insert", "select", "update", "delete") and whether it sees
#: the bucket itself ("bucket"), or with the rows of a table. ``service_role`` bypasses all.
Policies = dict[str, list[str]]
BYPASSES = "service_role"


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Settings:
    #: Every chunk but the last has exactly this size.
    chunk: int = 6 * 2**20
    max_size: int = 5 * 2**30
    #: Of uploads in one request.
    standard_size: int = 5 * 2**30
    expires_s: float = 3600.0
    #: What a HEAD or PATCH of an expired upload gets: 410 while its file is there, 404 after the cleaning.
    expired_status: int = 410
    #: Whether the new keys are exchanged; a bare storage server refuses them.
    gateway: bool = True
    #: Whether what may be packed on its way is, as networks before the platform do it.
    packs: bool = False


@dataclass
class Bucket:
    id: str
    public: bool = False
    file_size_limit: int | None = None
    allowed_mime_types: list[str] | None = None
    policies: Policies = field(default_factory=dict)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Content:
    """What an object is made of."""

    file: Path
    mimetype: str
    cache_control: str
    user_metadata: dict[str, Any] | None = None


@dataclass
class Stored:
    """An object."""

    bucket: str
    key: str
    content: Content
    etag: str
    sha256: str
    size: int
    id: str
    version: str
    created_at: str
    updated_at: str = field(default_factory=now)


@dataclass
class Transfer:
    """A resumable upload."""

    bucket: str
    key: str
    file: Path
    length: int | None
    metadata: dict[str, str]
    version: str = field(default_factory=lambda: str(uuid.uuid4()))
    offset: int = 0
    began: float = field(default_factory=time.time)
    #: Whether an object was made of it. Where that failed all of it stays, and is told of as before.
    stored: bool = False
    #: One writer at a time; who wants to be next breaks off the one before.
    writing: threading.Lock = field(default_factory=threading.Lock)
    break_off: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def done(self) -> bool:
        return self.offset == self.length


@dataclass
class Table:
    name: str
    #: Name to type: "text", "float8", "timestamptz" or "jsonb".
    columns: dict[str, str]
    unique: list[list[str]] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    policies: Policies = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    #: Of the body, as far as it was read.
    size: int = 0
    status: int | None = None


class World:
    """All state; ``lock`` guards it."""

    def __init__(self, folder: Path, keys: Keys, settings: Settings) -> None:
        self.folder, self.keys, self._first = folder, keys, settings
        self.lock = threading.RLock()
        #: Set by the next reset.
        self.over = threading.Event()
        self.reset()

    def reset(self) -> None:
        """As at the start, with the same keys."""
        with self.lock:
            self.over.set()
            self.over = threading.Event()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self.settings = self._first
            self.buckets: dict[str, Bucket] = {}
            self.objects: dict[tuple[str, str], Stored] = {}
            self.transfers: dict[str, Transfer] = {}
            self.tables: dict[str, Table] = {}
            self.faults: list[Fault] = []
            self.requests: list[Seen] = []

    def set(self, changes: dict[str, Any]) -> None:
        unknown = changes.keys() - {one.name for one in fields(Settings)}
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        with self.lock:
            self.settings = replace(self.settings, **changes)

    def new_file(self) -> Path:
        return self.folder / uuid.uuid4().hex

    def allows(self, policies: Policies, role: str, what: str) -> bool:
        return role == BYPASSES or what in policies.get(role, [])

    def fault(self, method: str, path: str) -> Fault | None:
        """The first fault that was ordered for this request; it counts as used."""
        with self.lock:
            for fault in self.faults:
                if fault.meets(method, path) and fault.due():
                    return fault
        return None
