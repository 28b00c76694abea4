"""The uploader ``supabase`` with a project on loopback: what is looked for first, and what an upload does."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from supabase_double.handle import Project
from supabase_kit import SENDER, Told, artifact, ready, use

from roop_host import Interrupted, Job, JobContext, Step, UploadError, UsageError
from roop_host.testing import context_of
from roop_supabase.options import Options
from roop_supabase.uploader import Supabase

OPTIONS = Options(bucket="b", qr="none")


@pytest.fixture
def project(storage: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """With a private bucket that the key may send to, read and see."""
    storage.bucket("b", policies={"anon": ["insert", "select", "bucket"]})
    use(monkeypatch, storage, storage.keys.anon)
    return storage


def refused(options: Options) -> str:
    with pytest.raises(UsageError) as caught, ready(options):
        pass
    return str(caught.value)


def failed(options: Options, path: Path, content: bytes = b"a finished output", told: Told | None = None) -> str:
    with ready(options) as uploader, pytest.raises(UploadError) as caught:
        uploader.upload(artifact(path, content, told=told))
    return str(caught.value)


def test_a_file_arrives_with_type_cache_time_and_digest(project: Project, tmp_path: Path) -> None:
    told = Told()
    made = artifact(tmp_path / "private name.png", told=told)
    with ready(replace(OPTIONS, prefix="clips", cache_control=60)) as uploader:
        receipt = uploader.upload(made)
    (lying,) = project.objects()
    assert (lying.bucket, lying.key) == ("b", f"clips/{made.sha256[:32]}.png")
    assert (lying.sha256, lying.size, lying.content_type) == (made.sha256, made.size, "image/png")
    assert (lying.cache_control, lying.metadata) == ("max-age=60", {"sha256": made.sha256})
    assert receipt.details["bucket"] == "b"
    assert receipt.details["object"] == lying.key
    assert (told.sent[-1], told.notes) == (made.size, [])
    assert not any("private" in one.path for one in project.requests())


def test_a_signed_link_opens_the_file_until_it_ends(project: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    with ready(replace(OPTIONS, expires="2h")) as uploader:
        receipt = uploader.upload(made)
    assert receipt.url is not None
    assert receipt.url.startswith(f"{project.url}/storage/v1/object/sign/b/")
    assert hashlib.sha256(httpx.get(receipt.url, trust_env=False).content).hexdigest() == made.sha256
    ends = datetime.fromisoformat(receipt.details["expires"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_a_public_link_is_looked_at_without_the_key(project: Project, tmp_path: Path) -> None:
    project.bucket("open", public=True, policies=SENDER)
    with ready(replace(OPTIONS, bucket="open", link="public")) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert receipt.url == f"{project.url}/storage/v1/object/public/open/{receipt.details['object']}"
    (look,) = project.requests("GET", "/storage/v1/object/public/")
    assert not {"authorization", "apikey", "cookie"} & look.headers.keys()
    assert "expires" not in receipt.details


def test_no_link_where_none_is_wanted(project: Project, tmp_path: Path) -> None:
    with ready(replace(OPTIONS, link="none", qr="all")) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert (receipt.url, receipt.code) == (None, None)
    assert not project.requests("POST", "/storage/v1/object/sign")


def test_a_code_leads_to_the_link(project: Project, tmp_path: Path) -> None:
    with ready(replace(OPTIONS, qr="files", qr_scale=3)) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert receipt.code is not None
    assert (receipt.code.files, receipt.code.shown, receipt.code.scale) == (True, False, 3)


def test_a_large_file_goes_in_pieces(project: Project, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 7
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", content))
    (lying,) = project.objects()
    assert lying.sha256 == hashlib.sha256(content).hexdigest()
    assert len(project.requests("PATCH", "/storage/v1/upload/resumable/")) == 2


def test_the_same_twice_is_one_and_said(project: Project, tmp_path: Path) -> None:
    told = Told()
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
        again = uploader.upload(artifact(tmp_path / "copy.png", told=told))
    assert len(project.objects()) == 1
    assert again.url
    assert told.notes == ["the same file was in the bucket b already, so it was not sent again"]


def test_the_same_twice_is_one_for_a_key_that_may_not_look(project: Project, tmp_path: Path) -> None:
    project.bucket("blind", policies={"anon": ["insert"]})
    options, told = replace(OPTIONS, bucket="blind", link="none"), Told()
    with ready(options) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
        uploader.upload(artifact(tmp_path / "a.png", told=told))
        assert len(told.notes) == 1
    named = replace(options, naming="name")
    with ready(named) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
    assert "a file that may be another stands at a.png in the bucket blind" in failed(named, tmp_path / "a.png")


def test_another_file_of_that_name_is_kept_unless_it_is_to_be_replaced(project: Project, tmp_path: Path) -> None:
    project.bucket("all", policies={"anon": ["insert", "select", "update"]})
    options = replace(OPTIONS, bucket="all", naming="name")
    with ready(options) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", b"first"))
    said = failed(options, tmp_path / "a.png", b"other")
    assert "another file stands at a.png in the bucket all; --supabase-upsert replaces it" in said
    assert "--supabase-naming hash" in said
    assert project.content("all", "a.png") == b"first"
    with ready(replace(options, upsert=True)) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", b"other"))
    assert project.content("all", "a.png") == b"other"


def test_an_answer_that_was_lost_is_no_duplicate(project: Project, tmp_path: Path) -> None:
    project.fault("POST", "/storage/v1/object/b/", at="end", drop=True)
    told = Told()
    with ready(OPTIONS) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png", told=told)).url
    assert len(project.requests("POST", "/storage/v1/object/b/")) == 2
    assert told.notes == []


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_tried_again(status: int, project: Project, tmp_path: Path) -> None:
    body = {"statusCode": str(status), "error": "x", "message": "later"}
    project.fault("POST", "/storage/v1/object/b/", status=400, body=body, times=2)
    project.fault("POST", "/storage/v1/object/sign/", status=status, body="<html>busy", headers={"Retry-After": "2"})
    project.fault("GET", "/storage/v1/object/sign/", status=status)
    with ready(OPTIONS) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png")).url
    assert project.waiting_faults() == 0


def test_a_connection_that_breaks_is_tried_again_but_not_for_ever(project: Project, tmp_path: Path) -> None:
    project.fault("POST", "/storage/v1/object/b/", drop=True, times=100)
    said = failed(OPTIONS, tmp_path / "a.png")
    assert "6 times in a row" in said
    assert f"the connection to {project.url} failed" in said
    assert len(project.requests("POST", "/storage/v1/object/b/")) == 6


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [
        ("403", "new row violates row-level security policy", "a policy on storage.objects must allow it INSERT there"),
        ("403", '"exp" claim timestamp check failed: jwt expired', "check that SUPABASE_KEY is of this project"),
        ("404", "Bucket not found", "check --supabase-bucket"),
        ("413", "The object exceeded the maximum allowed size", "raise that limit"),
        ("415", "mime type image/png is not supported", "takes no files of this type"),
        ("400", "Invalid key: token.png", "the server refused it (400, Invalid key: token.png)"),
    ],
)
def test_what_will_not_pass_is_asked_once(status: str, message: str, says: str, project: Project, tmp_path: Path) -> None:
    body = {"statusCode": status, "error": "x", "message": message}
    project.fault("POST", "/storage/v1/object/b/", status=400, body=body, times=100)
    assert says in failed(OPTIONS, tmp_path / "a.png")
    assert len(project.requests("POST", "/storage/v1/object/b/")) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 301, "headers": {"Location": "http://127.0.0.1:1/"}}, "sends us elsewhere (301); check SUPABASE_URL"),
        ({"status": 200, "body": "<html>welcome"}, "the answer was not understood"),
        ({"status": 200, "body": {"no": "key"}}, "the answer was not understood"),
        ({"status": 400, "body": {"statusCode": "9" * 5000, "error": "x", "message": "m" * 5000}}, "refused it (400"),
    ],
)
def test_odd_answers(answer: dict[str, object], says: str, project: Project, tmp_path: Path) -> None:
    project.fault("POST", "/storage/v1/object/b/", **answer)  # type: ignore[arg-type]
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert len(said) < 500
    assert len(project.requests("POST", "/storage/v1/object/b/")) == 1


def test_a_file_that_changed_is_not_sent(project: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"nobody screened this")
    with ready(OPTIONS) as uploader, pytest.raises(UploadError, match="not what roop has made any more; nothing was sent"):
        uploader.upload(made)
    (tmp_path / "a.png").unlink()
    with ready(OPTIONS) as uploader, pytest.raises(UploadError, match="cannot be read"):
        uploader.upload(made)
    assert not project.requests("POST")


def test_a_cancel_is_heard_between_tries(project: Project, tmp_path: Path) -> None:
    project.fault("POST", "/storage/v1/object/b/", drop=True, times=100)
    ctx, uploader = context_of(OPTIONS), Supabase(pace=1000)
    uploader.setup(ctx)
    made = replace(artifact(tmp_path / "a.png"), sent=lambda count: None)
    ctx.cancel.set()
    with pytest.raises(Interrupted):
        uploader.upload(made)
    uploader.teardown()
    assert not project.requests("POST")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "login first"},
            "gives text/html, and not image/png",
        ),
        ({"status": 200, "headers": {"Content-Type": "image/png"}, "body": "xy"}, "gives 2 bytes, and not 17"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "does not work (302"),
        (
            {"status": 400, "body": {"statusCode": "400", "error": "InvalidJWT", "message": "jwt expired"}},
            "(400, jwt expired)",
        ),
        ({"status": 400, "headers": {"Content-Type": "text/plain; charset=hex"}, "body": "not so"}, "(400, not so)"),
    ],
)
def test_a_link_that_does_not_work_is_not_told(
    answer: dict[str, object], says: str, project: Project, tmp_path: Path
) -> None:
    project.fault("GET", "/storage/v1/object/sign/", **answer)  # type: ignore[arg-type]
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert "the file is in the bucket b as " in said
    assert "token" not in said
    assert "SUPABASE_KEY" not in said
    assert len(project.objects()) == 1


def test_a_link_to_elsewhere_is_not_passed_on(project: Project, other_host: Project, tmp_path: Path) -> None:
    others = (
        "",
        "/",
        "x",
        "/../../../rest/v1/secret?token=stolen",
        "//u:p@host/x?token=stolen",
        "/object/sign/b/k?token=stolen",
    )
    for number, told in enumerate((f"x{other_host.url}/object/sign/b/k?token=stolen", "/\\?token=stolen", *others)):
        project.fault("POST", "/storage/v1/object/sign/", status=200, body={"signedURL": told})
        said = failed(OPTIONS, tmp_path / f"{number}.png", str(number).encode())
        assert "the file is in the bucket b" in said
        assert "a link that does not lead to this file" in said
        assert "stolen" not in said
    assert not other_host.requests()


def test_a_key_that_may_not_sign_is_told_what_it_lacks(project: Project, tmp_path: Path) -> None:
    project.bucket("blind", policies={"anon": ["insert"]})
    said = failed(replace(OPTIONS, bucket="blind"), tmp_path / "a.png")
    assert "no link could be signed" in said
    assert "a policy that allows SELECT on storage.objects" in said


def test_a_private_bucket_that_is_hidden_is_told_by_its_link(project: Project, tmp_path: Path) -> None:
    project.bucket("hidden", policies=SENDER)
    said = failed(replace(OPTIONS, bucket="hidden", link="public"), tmp_path / "a.png")
    assert "its link does not work (404, Bucket not found); its bucket may be private" in said


def test_without_bucket_or_credentials_nothing_begins(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "give --supabase-bucket or set ROOP_SUPABASE_BUCKET" in refused(replace(OPTIONS, bucket=""))
    monkeypatch.delenv("SUPABASE_KEY")
    assert "SUPABASE_URL is set and SUPABASE_KEY is not" in refused(OPTIONS)
    assert not project.requests()


def test_a_key_that_has_ended_is_refused_before_it_is_sent(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, project, project.token("anon", expires_in=-60))
    assert "expired at" in refused(OPTIONS)
    assert not project.requests()


def test_a_key_of_another_project_is_refused_before_the_work(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, project, project.token("anon", secret="another project's"))
    assert "the server refused the key (signature verification failed); check that SUPABASE_KEY" in refused(OPTIONS)
    use(monkeypatch, project, "sb_publishable_of_nobody")
    assert "the server refused the key (Invalid Compact JWS)" in refused(OPTIONS)


def test_a_gateway_that_refuses_the_key(project: Project) -> None:
    project.fault("GET", "/storage/v1/bucket/b", status=401, body={"message": "Invalid API key", "hint": "look it up"})
    assert "the server refused the key (Invalid API key)" in refused(OPTIONS)


def test_an_address_where_nobody_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:1")
    said = refused(OPTIONS)
    assert "check SUPABASE_URL and the network, or run without --upload" in said
    assert "`roop upload`" in said
    project.fault("GET", "/storage/v1/bucket/", drop=True)
    monkeypatch.setenv("SUPABASE_URL", project.url)
    with ready(OPTIONS):
        pass  # the second try goes well


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": "<html>no such page"},
        {"status": 302, "headers": {"Location": "/login"}},
        {"status": 200, "body": "<html>welcome"},
        {"status": 200, "body": ["b"]},
    ],
)
def test_an_address_of_something_else(answer: dict[str, object], project: Project) -> None:
    project.fault("GET", "/storage/v1/bucket/", **answer)  # type: ignore[arg-type]
    assert "SUPABASE_URL" in refused(OPTIONS)


def test_a_bucket_that_is_not_seen_is_no_reason_to_refuse(project: Project, tmp_path: Path) -> None:
    project.bucket("hidden", policies=SENDER)
    with ready(replace(OPTIONS, bucket="hidden")) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png")).url


def test_a_bucket_that_is_not_there_is_told_before_the_work(project: Project) -> None:
    assert "the project has no bucket of-nobody" in refused(replace(OPTIONS, bucket="of-nobody"))
    missing = {"message": "Route GET:/object/info/bucket not found", "error": "Not Found", "statusCode": 404}
    project.fault("GET", "/storage/v1/object/info/", status=404, body=missing)  # a server that is older than that question
    with ready(replace(OPTIONS, bucket="of-nobody")):
        pass


def test_what_a_bucket_does_not_take_is_told_before_the_work(project: Project, tmp_path: Path) -> None:
    see = {"anon": ["bucket", "insert", "select"]}
    project.bucket("clips", allowed_mime_types=["video/*", "image/gif"], file_size_limit=10, policies=see)
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
    assert not project.requests("POST")
    assert "the bucket clips is private, so it has no public links" in refused(replace(options, link="public"))


@pytest.mark.parametrize("kind", ["service_role", "secret"])
def test_a_key_that_may_do_everything_is_warned_of(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for key in (project.keys.anon, project.keys.publishable):
        use(monkeypatch, project, key)
        with caplog.at_level(logging.WARNING), ready(OPTIONS):
            assert caplog.records == []
    use(monkeypatch, project, getattr(project.keys, kind))
    with ready(OPTIONS):
        (warning,) = caplog.records
    assert f"of the kind {kind}, which no row-level security holds back" in warning.getMessage()
    assert "the project has no bucket of-nobody" in refused(replace(OPTIONS, bucket="of-nobody"))
