"""A Supabase project on loopback, as a process of its own, and nothing of the person who runs the tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sending
from memory_ring import Memory, in_memory
from supabase_double.handle import Project
from supabase_kit import use


@pytest.fixture(autouse=True)
def _state_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path_factory.getbasetemp() / "no-models"))
    monkeypatch.delenv("SUPABASE_URL", raising=False)
    monkeypatch.delenv("SUPABASE_KEY", raising=False)


@pytest.fixture(scope="session")
def _storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project.started(tmp_path_factory.mktemp("storage"))
    yield project
    project.stop()


@pytest.fixture
def storage(_storage: Project) -> Project:
    """The project, without buckets and tables."""
    _storage.reset()
    return _storage


@pytest.fixture(scope="session")
def _other_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project.started(tmp_path_factory.mktemp("other-host"))
    yield project
    project.stop()


@pytest.fixture
def other_host(_other_host: Project) -> Project:
    """A second project, to which nothing of the first may go."""
    _other_host.reset()
    return _other_host


@pytest.fixture
def project(storage: Project) -> Project:
    """With a bucket ``clips`` that anybody may write to."""
    storage.bucket("clips", policies={"anon": ["insert", "select", "update"]})
    return storage


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for three chunks; only its bytes count."""
    path = tmp_path_factory.mktemp("clips") / "private-name.mp4"
    path.write_bytes(random.Random(1).randbytes(sending.SIZE))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where transfers are kept."""
    return tmp_path / "roop" / "supabase"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """A keyring that holds nothing."""
    monkeypatch.delenv("ROOP_SUPABASE_BUCKET", raising=False)
    with in_memory() as memory:
        yield memory


@pytest.fixture
def known(storage: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project that variables name, with a private bucket that the key may send to, read and see."""
    storage.bucket("b", policies={"anon": ["insert", "select", "bucket"]})
    use(monkeypatch, storage, storage.keys.anon)
    return storage
