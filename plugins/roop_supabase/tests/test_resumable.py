"""Resumable uploads against a server process: what arrives, what is sent again, and where nothing goes."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
import sending
from sending import MIB, PATH, SIZE, Stopped, artifact_of, patches, require_there, send_with, upload
from supabase_double.handle import Project

from roop_host import Interrupted, UploadError
from roop_supabase.options import Options
from roop_supabase.resumable import CHUNK


def test_a_large_file_goes_in_chunks_and_says_what_it_is(project: Project, clip: Path, state: Path) -> None:
    stopped = Stopped()
    assert upload(project, clip, state, stopped, options=Options(bucket="clips", cache_control=77))
    require_there(project, clip)
    (found,) = project.objects()
    assert (found.content_type, found.cache_control) == ("video/mp4", "max-age=77")
    assert found.metadata == {"sha256": hashlib.sha256(clip.read_bytes()).hexdigest()}
    assert patches(project) == [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, MIB)]
    assert stopped.sent == sorted(stopped.sent)
    assert stopped.sent[-1] == SIZE
    assert len(stopped.sent) > 100
    assert "x-upsert" not in project.requests("POST", PATH)[0].headers
    assert not list(state.glob("*.json"))


def test_a_broken_connection_costs_nothing_that_arrived(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=1, after_bytes=2 * MIB, drop=True)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert patches(project) == [(0, CHUNK), (CHUNK, 2 * MIB), (CHUNK + 2 * MIB, 5 * MIB)]
    assert len(project.requests("HEAD")) == 1


def test_a_killed_process_is_gone_on_with(project: Project, clip: Path, state: Path) -> None:
    said = {"url": project.url, "key": project.keys.anon, "path": str(clip), "state": str(state), "hang_at": 7 * MIB}
    child = subprocess.Popen([sys.executable, sending.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(said))
    child.stdin.close()
    assert child.stdout.readline()
    child.kill()
    child.wait()
    child.stdout.close()
    (left,) = state.glob("*.json")
    assert left.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    assert project.keys.anon not in left.read_text()

    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 1
    first, broken, *rest = patches(project)
    assert first == (0, CHUNK)
    assert broken[1] < CHUNK
    assert rest[0][0] == CHUNK + broken[1]
    assert sum(size for _, size in patches(project)) == SIZE
    assert not left.exists()


def test_a_stopped_upload_is_kept_and_gone_on_with(project: Project, clip: Path, state: Path) -> None:
    stopped = Stopped(after=8 * MIB)
    with pytest.raises(Interrupted):
        upload(project, clip, state, stopped)
    assert stopped.sent[-1] < 9 * MIB
    assert not project.objects()
    assert upload(project, clip, state)
    require_there(project, clip)
    assert sum(size for _, size in patches(project)) == SIZE


@pytest.mark.parametrize("status", [404, 410])
def test_an_upload_that_the_server_forgot_begins_anew(project: Project, clip: Path, state: Path, status: int) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    project.fault("HEAD", status=status)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 2


def test_an_upload_that_is_forgotten_on_the_way_begins_anew(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=1, at="start", status=404, body="The file for this url was not found\n")
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 2


def test_an_upload_that_is_always_forgotten_comes_to_an_end(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", times=1000, at="start", status=410, body="gone\n")
    with pytest.raises(UploadError, match="no longer knows the upload"):
        upload(project, clip, state)
    assert len(project.requests("POST", PATH)) < 20


def test_an_address_that_the_server_does_not_read_begins_anew(project: Project, clip: Path, state: Path) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    project.fault("HEAD", status=400)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 2


def test_a_key_that_is_refused_costs_nothing_that_arrived(project: Project, clip: Path, state: Path) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    with pytest.raises(UploadError, match="refused the key"):
        send_with(project.url, project.token("anon", expires_in=-60), clip, state)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert sum(size for _, size in patches(project)) == SIZE


def test_an_upload_of_another_length_begins_anew(project: Project, clip: Path, state: Path) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    project.fault("HEAD", status=200, headers={"Upload-Length": str(SIZE + 1), "Upload-Offset": str(CHUNK)})
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 2


def test_the_servers_word_on_how_far_it_is_counts(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=1, at="start", status=503)
    project.fault("HEAD", status=200, headers={"Upload-Length": str(SIZE), "Upload-Offset": str(MIB)})
    assert upload(project, clip, state)
    require_there(project, clip)
    offsets = [offset for offset, _ in patches(project)]
    assert offsets == [0, CHUNK, MIB, CHUNK, 2 * CHUNK]  # the third is refused: the double has more than it said


def test_a_lost_answer_to_the_beginning_is_no_failure(project: Project, clip: Path, state: Path) -> None:
    project.fault("POST", PATH, at="end", drop=True)
    assert upload(project, clip, state)
    require_there(project, clip)


def test_patience_ends_with_how_far_it_came(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", skip=1, times=1000, at="start", status=503, body="busy")
    with pytest.raises(UploadError, match=r"busy.*46 % of the file had arrived.*goes on from there"):
        upload(project, clip, state)
    assert list(state.glob("*.json"))


def test_what_could_not_be_noted_is_not_promised(project: Project, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    project.fault("PATCH", skip=1, times=1000, at="start", status=503, body="busy")
    with pytest.raises(UploadError, match=r"46 % of the file had arrived, but .*taken.supabase can't be written to, .*anew"):
        upload(project, clip, tmp_path / "taken" / "supabase")


def test_patience_begins_anew_with_what_arrives(project: Project, clip: Path, state: Path) -> None:
    for _ in range(12):
        project.fault("PATCH", after_bytes=MIB, drop=True)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert sum(size for _, size in patches(project)) == SIZE


def test_a_server_that_breaks_off_after_every_byte_is_left(project: Project, clip: Path, state: Path) -> None:
    project.fault("PATCH", times=12, after_bytes=1, drop=True)
    with pytest.raises(UploadError, match="8 times in a row"):
        upload(project, clip, state)
    assert len(patches(project)) == 8


def test_a_server_that_takes_it_byte_by_byte_is_left(project: Project, clip: Path, state: Path) -> None:
    for number in range(1, 13):
        project.fault("PATCH", status=204, headers={"Upload-Offset": str(number)})
    with pytest.raises(UploadError, match="took next to nothing of what was sent, 8 times in a row"):
        upload(project, clip, state)
    assert len(patches(project)) == 8


@pytest.mark.parametrize("status", [409, 423])
def test_another_who_writes_is_waited_for(project: Project, clip: Path, state: Path, status: int) -> None:
    project.fault("PATCH", times=2, at="start", status=status, body="The resource is locked")
    assert upload(project, clip, state)
    require_there(project, clip)
    project.fault("PATCH", times=1000, at="start", status=status, body="The resource is locked")
    with pytest.raises(UploadError, match="The resource is locked"):
        upload(project, clip, state, options=Options(bucket="clips", upsert=True))


def test_two_at_once_make_one_upload(project: Project, clip: Path, state: Path) -> None:
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(upload(project, clip, state))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, True]
    require_there(project, clip)
    assert len(patches(project)) == 3


def test_the_same_content_is_not_sent_twice(project: Project, clip: Path, state: Path) -> None:
    assert upload(project, clip, state)
    assert not upload(project, clip, state)
    assert len(patches(project)) == 3


def test_another_file_of_that_name_stays_unless_asked(project: Project, clip: Path, state: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(random.Random(2).randbytes(SIZE))
    assert upload(project, other, state)
    with pytest.raises(UploadError, match="--supabase-upsert replaces it"):
        upload(project, clip, state)
    require_there(project, other)
    assert upload(project, clip, state, options=Options(bucket="clips", upsert=True))
    require_there(project, clip)
    assert all(one.headers["x-upsert"] == "true" for one in project.requests("PATCH")[-3:])


def test_a_name_that_is_taken_on_the_way_is_told(project: Project, clip: Path, state: Path) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    assert upload(project, clip, state.with_name("of-another-user"))
    assert not upload(project, clip, state)
    assert not list(state.glob("*.json"))


def test_a_file_that_changes_while_it_is_sent_makes_no_object(project: Project, state: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(random.Random(1).randbytes(SIZE))
    stopped = Stopped()
    told = artifact_of(clip, stopped.hear)

    def change(done: int) -> None:
        if done == CHUNK:
            with clip.open("r+b") as file:
                file.seek(CHUNK + 5)
                file.write(b"other")

    with pytest.raises(UploadError, match="changed while it was sent"):
        upload(project, clip, state, artifact=replace(told, sent=change))
    assert not project.objects()
    assert not project.transfers()
    assert not list(state.glob("*.json"))


def test_a_file_that_gets_shorter_makes_no_object(project: Project, state: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(random.Random(1).randbytes(SIZE))
    told = artifact_of(clip)
    with clip.open("r+b") as file:
        file.truncate(7 * MIB)
    with pytest.raises(UploadError, match="changed while it was sent"):
        upload(project, clip, state, artifact=told)
    assert not project.objects()


def test_what_was_sent_of_other_bytes_is_not_gone_on_with(project: Project, state: Path, tmp_path: Path) -> None:
    """A file that was changed for a while and is what it should be again."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(random.Random(1).randbytes(SIZE))
    told = artifact_of(clip)
    right = clip.read_bytes()
    clip.write_bytes(b"other" + right[5:])
    stopped = Stopped(after=8 * MIB)
    with pytest.raises(Interrupted):
        upload(project, clip, state, stopped, artifact=replace(told, sent=stopped.hear))
    clip.write_bytes(right)
    assert upload(project, clip, state)
    require_there(project, clip)
    assert len(project.requests("POST", PATH)) == 2


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (413, "Maximum size exceeded\n", "larger than the bucket or the project takes"),
        (403, "new row violates row-level security policy", "a policy on storage.objects must allow it INSERT"),
        (400, {"statusCode": "403", "error": "Unauthorized", "message": "jwt expired"}, "refused the key"),
        (400, {"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}, "--supabase-bucket"),
    ],
)
def test_refusals_are_not_repeated(project: Project, clip: Path, state: Path, status: int, body: object, says: str) -> None:
    project.fault("POST", PATH, at="start", status=status, body=body)
    with pytest.raises(UploadError, match=says):
        upload(project, clip, state)
    assert len(project.requests("POST", PATH)) == 1


def test_a_large_file_is_never_whole_in_memory(project: Project, state: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with clip.open("wb") as file:
        file.truncate(37 * MIB)
    told = artifact_of(clip)
    tracemalloc.start()
    try:
        assert upload(project, clip, state, artifact=told)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * CHUNK


def test_a_cancel_is_heard_while_another_process_sends(project: Project, clip: Path, state: Path) -> None:
    from roop_supabase.transfers import Transfers

    stopped = Stopped()
    fingerprints: list[str] = []

    class Watched(Transfers):
        def begun(self, fingerprint: str) -> None:
            fingerprints.append(fingerprint)
            raise UploadError("enough")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sending, "Transfers", Watched)
        with pytest.raises(UploadError, match="enough"):
            upload(project, clip, state)
    timer = threading.Timer(0.7, stopped.cancel.set)
    with Transfers(state).alone(fingerprints[0], lambda: None):
        timer.start()
        with pytest.raises(Interrupted):
            upload(project, clip, state, stopped)
    assert not project.requests()


def test_neither_key_nor_address_is_logged(
    project: Project, clip: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    project.fault("PATCH", skip=1, times=1000, at="start", status=503, body="busy")
    with pytest.raises(UploadError) as caught:
        upload(project, clip, state)
    (begun,) = project.transfers()
    for secret in (begun.id, *project.keys.anon.split(".")[1:]):
        assert secret not in caplog.text
        assert secret not in str(caught.value)
