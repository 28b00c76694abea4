"""Names in a bucket: two files that would have the same one, and one that is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from supabase_double.handle import Project
from supabase_kit import Told, artifact, ready, use

from roop_host import Job, JobContext, Step, UploadError
from roop_supabase.options import Options

OPTIONS = Options(bucket="clips", link="none")


@pytest.fixture(autouse=True)
def _used(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, project, project.keys.anon)


@pytest.mark.parametrize("upsert", [True, False])
def test_two_files_of_a_job_do_not_replace_each_other(upsert: bool, project: Project, tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
    options = replace(OPTIONS, naming="name", upsert=upsert)
    job = JobContext(Job((), "t.png", "o.png", (Step("swapper"),)), (), 8, 8)
    with ready(options) as uploader:
        uploader.begin(job)
        uploader.upload(artifact(tmp_path / "a" / "für.png", b"first"))
        for same in (tmp_path / "b" / "für.png", tmp_path / "b" / "fur_.png"):
            with pytest.raises(UploadError, match=r"called fur\.png in the bucket clips too.*--supabase-naming hash"):
                uploader.upload(artifact(same, b"other"))
        uploader.upload(artifact(tmp_path / "b" / "für.png", b"first"))
        assert project.content("clips", "fur.png") == b"first"
        uploader.begin(job)
        if upsert:
            uploader.upload(artifact(tmp_path / "b" / "für.png", b"other"))
            assert project.content("clips", "fur.png") == b"other"


@pytest.mark.parametrize("size", [17, 6 * 2**20 + 1])
def test_what_the_key_cannot_see_is_not_called_the_same(size: int, project: Project, tmp_path: Path) -> None:
    project.bucket("blind", policies={"anon": ["insert"]})
    first, again, seen = Told(), Told(), Told()
    with ready(replace(OPTIONS, bucket="blind")) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", bytes(size), told=first))
        uploader.upload(artifact(tmp_path / "b.png", bytes(size), told=again))
    assert first.notes == []
    assert again.notes == [
        "a file of that name, which is made of this content, was in the bucket blind already, so it was not sent again; "
        "the key can't see more of it"
    ]
    with ready(OPTIONS) as uploader:
        for _ in range(2):
            uploader.upload(artifact(tmp_path / "a.png", bytes(size), told=seen))
    assert seen.notes == ["the same file was in the bucket clips already, so it was not sent again and keeps its cache time"]


def test_of_what_has_no_digest_only_the_size_is_known(project: Project, tmp_path: Path) -> None:
    told, made = Told(), artifact(tmp_path / "a.png")
    httpx.post(
        f"{project.url}/storage/v1/object/clips/{made.sha256[:32]}.png",
        headers={"Authorization": f"Bearer {project.keys.anon}", "Content-Type": "image/png"},
        content=made.path.read_bytes(),
        trust_env=False,
    ).raise_for_status()
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", told=told))
    (note,) = told.notes
    assert note.endswith("already, so it was not sent again; no more is told of it than its size")
