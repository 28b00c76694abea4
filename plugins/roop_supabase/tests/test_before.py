"""What is looked for before any work: options, credentials, the server, the bucket."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from supabase_double.handle import Project
from supabase_kit import OPTIONS, SENDER, artifact, failed, ready, refused, use

from roop_host import Job, JobContext, Step, UploadError, UsageError


def test_without_bucket_or_credentials_nothing_begins(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "give --supabase-bucket or set ROOP_SUPABASE_BUCKET" in refused(replace(OPTIONS, bucket=""))
    monkeypatch.delenv("SUPABASE_KEY")
    assert "SUPABASE_URL is set and SUPABASE_KEY is not" in refused(OPTIONS)
    assert not known.requests()


def test_options_that_contradict_each_other_begin_nothing(known: Project) -> None:
    said = refused(replace(OPTIONS, link="public", expires="1h"))
    assert "--supabase-expires" in said
    assert "--supabase-link public" in said
    assert not known.requests()


def test_a_signed_link_of_a_public_bucket_is_warned_of(known: Project, caplog: pytest.LogCaptureFixture) -> None:
    known.bucket("open", public=True, policies={"anon": ["insert", "select", "bucket"]})
    for options in (OPTIONS, replace(OPTIONS, bucket="open", link="public"), replace(OPTIONS, bucket="open", link="none")):
        with ready(options):
            assert caplog.records == []
    with ready(replace(OPTIONS, bucket="open")):
        (warning,) = caplog.records
    assert "the bucket open is public, so everybody who has the address of a file can open it" in warning.getMessage()


def test_a_longer_wait_is_told(known: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    known.fault("POST", "/storage/v1/object/b/", status=429, body={"message": "slow down"}, headers={"Retry-After": "6"})
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
    (warning,) = caplog.records
    assert warning.getMessage() == (
        "sending the file: the server is busy or out of order (429, slow down); trying again in 6 seconds"
    )


def test_a_key_that_has_ended_is_refused_before_it_is_sent(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, known, known.token("anon", expires_in=-60))
    assert "expired at" in refused(OPTIONS)
    assert not known.requests()


def test_a_key_of_another_project_is_refused_before_the_work(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, known, known.token("anon", secret="another project's"))
    assert "the server refused the key (signature verification failed); check that SUPABASE_KEY" in refused(OPTIONS)
    use(monkeypatch, known, "sb_publishable_of_nobody")
    assert "the server refused the key (Invalid Compact JWS)" in refused(OPTIONS)


def test_a_gateway_that_refuses_the_key(known: Project) -> None:
    known.fault("GET", "/storage/v1/bucket/b", status=401, body={"message": "Invalid API key", "hint": "look it up"})
    assert "the server refused the key (Invalid API key)" in refused(OPTIONS)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (402, {"message": "the quota is exceeded"}, "the server refused it (402, the quota is exceeded)"),
        (401, {"message": "Invalid API key", "hint": "look it up"}, "the server refused the key (Invalid API key);"),
        (413, "<html><head><title>413 Entity &amp; Too Large</title></head>", "takes (413 Entity & Too Large); raise"),
        (503, {"error": "down"}, "out of order (503, down), 8"),
        (403, "<p>blocked", "may not do this (a page in place of an answer)"),
        (400, "[" * 5000, "the answer was not understood (RecursionError)"),
    ],
)
def test_a_gateway_has_words_of_its_own(status: int, body: object, says: str, known: Project, tmp_path: Path) -> None:
    known.fault("POST", "/storage/v1/object/b/", status=status, body=body, times=8)
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert "parse" not in said


def test_an_address_where_nobody_answers(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:1")
    said = refused(OPTIONS)
    assert "check SUPABASE_URL and the network, or try again later; `roop upload` also sends what a run without" in said
    known.fault("GET", "/storage/v1/bucket/", drop=True)
    monkeypatch.setenv("SUPABASE_URL", known.url)
    with ready(OPTIONS):
        pass  # the second try goes well


def test_a_server_that_is_busy_blames_no_address(known: Project) -> None:
    known.fault("GET", "/storage/v1/bucket/", times=2, status=429, body={"message": "slow down"})
    said = refused(OPTIONS)
    assert "(429, slow down), 2 times in a row; try again later; `roop upload` also sends what" in said
    assert "SUPABASE_URL" not in said


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": "<html>no such page"},
        {"status": 302, "headers": {"Location": "/login"}},
        {"status": 200, "body": "<html>welcome"},
        {"status": 200, "body": ["b"]},
    ],
)
def test_an_address_of_something_else(answer: dict[str, object], known: Project) -> None:
    known.fault("GET", "/storage/v1/bucket/", **answer)  # type: ignore[arg-type]
    assert "SUPABASE_URL" in refused(OPTIONS)


def test_a_bucket_that_is_not_seen_is_no_reason_to_refuse(known: Project, tmp_path: Path) -> None:
    known.bucket("hidden", policies=SENDER)
    with ready(replace(OPTIONS, bucket="hidden")) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png")).url


def test_a_bucket_that_is_not_there_is_told_before_the_work(known: Project) -> None:
    assert "the project has no bucket of-nobody" in refused(replace(OPTIONS, bucket="of-nobody"))
    missing = {"message": "Route GET:/object/info/bucket not found", "error": "Not Found", "statusCode": 404}
    known.fault("GET", "/storage/v1/object/info/", status=404, body=missing)  # a server that is older than that question
    with ready(replace(OPTIONS, bucket="of-nobody")):
        pass


def test_what_a_bucket_does_not_take_is_told_before_the_work(known: Project, tmp_path: Path) -> None:
    see = {"anon": ["bucket", "insert", "select"]}
    known.bucket("clips", allowed_mime_types=["video/*", "image/gif"], file_size_limit=10, policies=see)
    options = replace(OPTIONS, bucket="clips")
    job = Job((), "t.png", "o.png", (Step("swapper"),))
    with ready(options) as uploader:
        uploader.begin(JobContext(job, (), 8, 8, media_type="video/mp4"))
        uploader.begin(JobContext(job, (), 8, 8, media_type="image/gif"))
        uploader.begin(JobContext(job, (), 0, 0))
        uploader.begin(JobContext(job, (), 0, 0))  # roop upload, whose files are judged one by one
        with pytest.raises(UsageError, match=r"the bucket clips takes video/\*, image/gif and no image/png"):
            uploader.begin(JobContext(job, (), 8, 8, media_type="image/png"))
        with pytest.raises(UploadError, match="no image/png"):
            uploader.upload(artifact(tmp_path / "a.png"))
        with pytest.raises(UploadError, match="takes files up to 10 bytes, and this one has 17"):
            uploader.upload(artifact(tmp_path / "a.gif", kind="image/gif"))
    assert not known.requests("POST")
    assert "the bucket clips is private, so it has no public links" in refused(replace(options, link="public"))


@pytest.mark.parametrize("kind", ["service_role", "secret"])
def test_a_key_that_may_do_everything_is_warned_of(
    kind: str, known: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for key in (known.keys.anon, known.keys.publishable):
        use(monkeypatch, known, key)
        with caplog.at_level(logging.WARNING), ready(OPTIONS):
            assert caplog.records == []
    use(monkeypatch, known, getattr(known.keys, kind))
    with ready(OPTIONS):
        (warning,) = caplog.records
    assert f"of the kind {kind}, which no row-level security holds back" in warning.getMessage()
    assert "the project has no bucket of-nobody" in refused(replace(OPTIONS, bucket="of-nobody"))
