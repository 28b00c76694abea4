"""The last chunk of a resumable upload, whose answer was lost: whether the file is there, and where nobody may tell."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sending import MIB, PATH, SIZE, Stopped, patches, require_there, upload
from supabase_double.handle import Project

from roop_host import Interrupted, UploadError
from roop_supabase.options import Options
from roop_supabase.resumable import CHUNK

_POLICIES = {"seen": ["insert", "select", "update"], "unseen": ["insert"]}


@pytest.fixture(params=_POLICIES)
def project(request: pytest.FixtureRequest, storage: Project) -> Project:
    """With a bucket that a key may look into, or only write to."""
    storage.bucket("clips", policies={"anon": _POLICIES[request.param]})
    return storage


@pytest.fixture
def other(clip: Path) -> Path:
    """As large, and of other bytes."""
    path = clip.with_name("other.mp4")
    path.write_bytes(random.Random(2).randbytes(SIZE))
    return path


def test_a_lost_last_answer_is_no_failure(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=2, at="end", drop=True)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(patches(project)) == 3
    assert not list(state.glob("*.json"))


def test_what_arrived_and_was_made_no_file_is_sent_again(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=2, at="finish", status=500)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert [offset for offset, _ in patches(project)] == [0, CHUNK, 2 * CHUNK] * 2
    assert not list(state.glob("*.json"))


def test_another_process_does_not_take_it_for_done_either(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=2, at="finish", status=500)
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=SIZE))
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(patches(project)) == 6


def test_what_is_never_made_a_file_comes_to_an_end(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", times=1000, at="finish", status=500)
    with pytest.raises(UploadError, match="all of the file has arrived, 3 times, but the server makes no object of it"):
        upload(project, clip, state)
    assert not project.objects()
    assert len(patches(project)) == 9
    assert len(project.transfers()) == 3  # what was begun to ask is withdrawn


def test_who_failed_to_ask_once_more_asks_again(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=2, at="end", drop=True)
    project.fault("POST", PATH, skip=1, times=2, at="start", status=503)
    project.fault("GET", "/storage/v1/object/info/", at="start", status=503)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(patches(project)) == 3


def test_what_replaces_another_file_is_not_taken_for_it(storage: Project, clip: Path, other: Path, state: Path) -> None:
    storage.bucket("clips", policies={"anon": _POLICIES["seen"]})
    assert upload(storage, other, state)
    storage.fault("PATCH", skip=2, at="finish", status=500)
    assert upload(storage, clip, state, options=Options(bucket="clips", upsert=True))
    require_there(storage, clip)


def test_another_file_that_took_the_name_meanwhile_is_told(
    storage: Project, clip: Path, other: Path, state: Path, tmp_path: Path
) -> None:
    storage.bucket("clips", policies={"anon": _POLICIES["seen"]})
    storage.fault("PATCH", skip=2, at="finish", status=500)
    with pytest.raises(Interrupted):
        upload(storage, clip, state, Stopped(after=SIZE))
    assert upload(storage, other, tmp_path / "of-another-user")
    with pytest.raises(UploadError, match=r"another file stands at made/one\.mp4"):
        upload(storage, clip, state)
    require_there(storage, other)


def test_what_others_sent_to_its_end_is_not_taken_for_it(storage: Project, clip: Path, other: Path, state: Path) -> None:
    """Of what they sent nothing is known here, and a key that may not look sees no difference."""
    storage.bucket("clips", policies={"anon": _POLICIES["unseen"]})
    with pytest.raises(Interrupted):
        upload(storage, clip, state, Stopped(after=7 * MIB))
    (begun,) = storage.transfers()
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {storage.keys.anon}"}
    headers["Upload-Offset"] = storage.http.head(f"{PATH}/{begun.id}", headers=headers).headers["upload-offset"]
    headers["Content-Type"] = "application/offset+octet-stream"
    rest = other.read_bytes()[int(headers["Upload-Offset"]) :]
    assert storage.http.patch(f"{PATH}/{begun.id}", content=rest, headers=headers).status_code == 204
    with pytest.raises(UploadError, match=r"a file that may be another stands at made/one\.mp4"):
        upload(storage, clip, state)
