"""An upload in one request: up to which size, what is told on the way, and how it is stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sending import MIB
from supabase_double.handle import Project
from supabase_kit import SENDER, Told, artifact, ready, use

from roop_host import Interrupted, UploadError
from roop_host.testing import context_of
from roop_supabase.bucket import Bucket
from roop_supabase.options import Options
from roop_supabase.place import place_of
from roop_supabase.uploader import Supabase

_OPTIONS = Options(bucket="b", link="none")
_TO = "/storage/v1/object/b/"
_MOST = 6 * MIB


@pytest.fixture
def project(storage: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    storage.bucket("b", policies=SENDER)
    use(monkeypatch, storage, storage.keys.anon)
    return storage


@pytest.mark.parametrize(("size", "pieces"), [(_MOST, 0), (_MOST + 1, 2)])
def test_six_mebibytes_are_the_most(size: int, pieces: int, project: Project, tmp_path: Path) -> None:
    with ready(_OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", bytes(size)))
    assert len(project.requests("POST", _TO)) == (0 if pieces else 1)
    assert len(project.requests("PATCH")) == pieces
    assert [one.size for one in project.objects()] == [size]


def test_progress_is_told_in_small_steps_and_anew_when_sent_again(project: Project, tmp_path: Path) -> None:
    project.fault("POST", _TO, status=503)
    told = Told()
    with ready(_OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", bytes(_MOST), told=told))
    steps = [later - earlier for earlier, later in zip(told.sent, told.sent[1:], strict=False)]
    assert max(steps) <= MIB // 4
    assert told.sent.count(0) == 2
    assert told.sent[-1] == _MOST
    assert project.content("b", project.objects()[0].key) == bytes(_MOST)


def test_a_cancel_is_heard_within_the_request(project: Project, tmp_path: Path) -> None:
    ctx, uploader, sent = context_of(_OPTIONS), Supabase(), [0]
    uploader.setup(ctx)

    def hear(done: int) -> None:
        sent.append(done)
        if done >= MIB:
            ctx.cancel.set()

    with pytest.raises(Interrupted):
        uploader.upload(replace(artifact(tmp_path / "a.png", bytes(_MOST)), sent=hear))
    uploader.teardown()
    assert sent[-1] < 2 * MIB
    assert not project.objects()


def test_a_broken_file_of_that_name_is_not_taken_for_it(project: Project, tmp_path: Path) -> None:
    """As another program left it: its name is made of the content, and no digest is told."""
    made = artifact(tmp_path / "a.png")
    key = place_of(made, _OPTIONS).key
    project.client().storage.from_("b").upload(key, made.path.read_bytes()[:-1], {"content-type": "image/png"})
    with ready(_OPTIONS) as uploader, pytest.raises(UploadError, match="another file stands at"):
        uploader.upload(made)


def test_a_bucket_takes_files_up_to_its_limit_and_with_it() -> None:
    bucket = Bucket("b", most_bytes=10)
    assert bucket.refusal("image/png", 10) is None
    assert bucket.refusal("image/png", 11)


def test_a_link_is_looked_at_unpacked(project: Project, tmp_path: Path) -> None:
    """What is packed on its way has another length, or none."""
    project.settings(packs=True)
    with ready(Options(bucket="b", qr="none")) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png", b"a" * 1000)).url
    (look,) = project.requests("GET", "/storage/v1/object/sign/")
    assert look.headers["accept-encoding"] == "identity"
