"""Short ways to upload to the project of the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from supabase_double.handle import Project

from roop_host import Artifact, UploadError, UsageError
from roop_host.testing import context_of
from roop_supabase.options import Options
from roop_supabase.uploader import Supabase

#: What a key that is not for administrators needs to upload, and to sign a link of it.
SENDER = {"anon": ["insert", "select"]}


#: Without a code, which is drawn from a link alone.
OPTIONS = Options(bucket="b", qr="none")


@dataclass
class Told:
    """What an uploader told of its work."""

    sent: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def artifact(
    path: Path, content: bytes = b"a finished output", kind: str = "image/png", told: Told | None = None
) -> Artifact:
    told = told or Told()
    path.write_bytes(content)
    return Artifact(
        path,
        kind,
        hashlib.sha256(content).hexdigest(),
        len(content),
        datetime.now(UTC),
        ("swapper",),
        sent=told.sent.append,
        note=told.notes.append,
    )


@contextmanager
def ready(options: Options) -> Iterator[Supabase]:
    """Set up as the host does it, and in a hurry between tries."""
    uploader = Supabase(pace=0.001)
    try:
        uploader.setup(context_of(options))
        yield uploader
    finally:
        uploader.teardown()


def use(monkeypatch: pytest.MonkeyPatch, project: Project, key: str) -> None:
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_KEY", key)


def refused(options: Options) -> str:
    with pytest.raises(UsageError) as caught, ready(options):
        pass
    return str(caught.value)


def failed(options: Options, path: Path, content: bytes = b"a finished output", told: Told | None = None) -> str:
    with ready(options) as uploader, pytest.raises(UploadError) as caught:
        uploader.upload(artifact(path, content, told=told))
    return str(caught.value)
