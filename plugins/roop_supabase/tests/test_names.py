"""Names in a bucket: two files that would have the same one, and one that is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from supabase_double.handle import Project
from supabase_kit import artifact, ready, use

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
