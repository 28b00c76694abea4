"""The uploader ``supabase`` with a project on loopback: what is looked for first, and what an upload does."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    with ready(replace(OPTIONS, link="none")) as uploader:
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
    assert told.notes == ["the same file was in the bucket b already, so it was not sent again and keeps its cache time"]


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
    assert "8 times in a row" in said
    assert f"the connection to {project.url} failed" in said
    assert len(project.requests("POST", "/storage/v1/object/b/")) == 8


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


OLD = b"what stood there"


def replaced(project: Project, path: Path, told: Told, **stale: Any) -> str | None:
    """The public link of what replaces ``OLD``, where a cache gives ``stale`` first."""
    project.bucket("open", public=True, policies={"anon": ["insert", "select", "update"]})
    options = replace(OPTIONS, bucket="open", link="public", naming="name", upsert=True)
    with ready(options) as uploader:
        uploader.upload(artifact(path, OLD))
        project.fault("GET", "/storage/v1/object/public/", **{"status": 200, "body": OLD.decode(), **stale})
        return uploader.upload(artifact(path, told=told)).url


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "image/png"}, {"Content-Type": "video/mp4"}], ids=["another size", "another type"]
)
def test_a_cache_may_hold_for_a_while_what_was_replaced(headers: dict[str, str], project: Project, tmp_path: Path) -> None:
    told = Told()
    assert replaced(project, tmp_path / "a.png", told, headers=headers, times=2)
    assert len(project.requests("GET", "/storage/v1/object/public/")) == 4
    assert told.notes == []


def test_what_was_replaced_is_known_at_the_same_size_too(project: Project, tmp_path: Path) -> None:
    same_size = {"body": "x" * len(b"a finished output"), "headers": {"Content-Type": "image/png", "ETag": 'W/"of the old"'}}
    told = Told()
    assert replaced(project, tmp_path / "a.png", told, **same_size, times=2)
    assert len(project.requests("GET", "/storage/v1/object/public/")) == 4
    assert told.notes == []
    assert replaced(project, tmp_path / "a.png", told, **same_size, times=100)
    assert told.notes == [
        "a cache may still give the file that was replaced to who opens its public link; try it in a while"
    ]


def test_a_cache_may_call_the_new_file_weak(project: Project, tmp_path: Path) -> None:
    new = b"a finished output"
    headers = {"Content-Type": "image/png", "ETag": f'W/"{hashlib.md5(new).hexdigest()}"'}
    assert replaced(project, tmp_path / "a.png", Told(), headers=headers, body=new.decode())
    assert len(project.requests("GET", "/storage/v1/object/public/")) == 2


def test_a_cache_that_keeps_what_was_replaced_is_told(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"it gives 16 bytes, and not 17; a cache may keep the old file for a while"):
        replaced(project, tmp_path / "a.png", Told(), headers={"Content-Type": "image/png"}, times=100)


def test_the_same_content_of_another_type_has_a_remedy(project: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    with ready(OPTIONS) as uploader:
        uploader.upload(replace(made, media_type="application/octet-stream"))
    said = failed(OPTIONS, tmp_path / "a.png")
    assert "gives application/octet-stream, and not image/png; --supabase-upsert sends it again, with its type" in said


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


def test_options_that_contradict_each_other_begin_nothing(project: Project) -> None:
    said = refused(replace(OPTIONS, link="public", expires="1h"))
    assert "--supabase-expires" in said
    assert "--supabase-link public" in said
    assert not project.requests()


def test_a_signed_link_of_a_public_bucket_is_warned_of(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.bucket("open", public=True, policies={"anon": ["insert", "select", "bucket"]})
    for options in (OPTIONS, replace(OPTIONS, bucket="open", link="public"), replace(OPTIONS, bucket="open", link="none")):
        with ready(options):
            assert caplog.records == []
    with ready(replace(OPTIONS, bucket="open")):
        (warning,) = caplog.records
    assert "the bucket open is public, so everybody who has the address of a file can open it" in warning.getMessage()


def test_a_longer_wait_is_told(project: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project.fault("POST", "/storage/v1/object/b/", status=429, body={"message": "slow down"}, headers={"Retry-After": "6"})
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
    (warning,) = caplog.records
    assert warning.getMessage() == (
        "sending the file: the server is busy or out of order (429, slow down); trying again in 6 seconds"
    )


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
def test_a_gateway_has_words_of_its_own(status: int, body: object, says: str, project: Project, tmp_path: Path) -> None:
    project.fault("POST", "/storage/v1/object/b/", status=status, body=body, times=8)
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert "parse" not in said


def test_an_address_where_nobody_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:1")
    said = refused(OPTIONS)
    assert "check SUPABASE_URL and the network, or try again later; `roop upload` also sends what a run without" in said
    project.fault("GET", "/storage/v1/bucket/", drop=True)
    monkeypatch.setenv("SUPABASE_URL", project.url)
    with ready(OPTIONS):
        pass  # the second try goes well


def test_a_server_that_is_busy_blames_no_address(project: Project) -> None:
    project.fault("GET", "/storage/v1/bucket/", times=2, status=429, body={"message": "slow down"})
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
