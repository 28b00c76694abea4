"""The uploader ``supabase`` with a project on loopback: what an upload does, and what it does where it fails."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from supabase_double.handle import Project
from supabase_kit import OPTIONS, SENDER, Told, artifact, failed, ready

from roop_host import Interrupted, UploadError
from roop_host.testing import context_of
from roop_supabase.uploader import Supabase


def test_a_file_arrives_with_type_cache_time_and_digest(known: Project, tmp_path: Path) -> None:
    told = Told()
    made = artifact(tmp_path / "private name.png", told=told)
    with ready(replace(OPTIONS, prefix="clips", cache_control=60)) as uploader:
        receipt = uploader.upload(made)
    (lying,) = known.objects()
    assert (lying.bucket, lying.key) == ("b", f"clips/{made.sha256[:32]}.png")
    assert (lying.sha256, lying.size, lying.content_type) == (made.sha256, made.size, "image/png")
    assert (lying.cache_control, lying.metadata) == ("max-age=60", {"sha256": made.sha256})
    assert receipt.details["bucket"] == "b"
    assert receipt.details["object"] == lying.key
    assert (told.sent[-1], told.notes) == (made.size, [])
    assert not any("private" in one.path for one in known.requests())


def test_a_signed_link_opens_the_file_until_it_ends(known: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    with ready(replace(OPTIONS, expires="2h")) as uploader:
        receipt = uploader.upload(made)
    assert receipt.url is not None
    assert receipt.url.startswith(f"{known.url}/storage/v1/object/sign/b/")
    assert hashlib.sha256(httpx.get(receipt.url, trust_env=False).content).hexdigest() == made.sha256
    ends = datetime.fromisoformat(receipt.details["expires"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_a_public_link_is_looked_at_without_the_key(known: Project, tmp_path: Path) -> None:
    known.bucket("open", public=True, policies=SENDER)
    with ready(replace(OPTIONS, bucket="open", link="public")) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert receipt.url == f"{known.url}/storage/v1/object/public/open/{receipt.details['object']}"
    (look,) = known.requests("GET", "/storage/v1/object/public/")
    assert not {"authorization", "apikey", "cookie"} & look.headers.keys()
    assert "expires" not in receipt.details


def test_no_link_where_none_is_wanted(known: Project, tmp_path: Path) -> None:
    with ready(replace(OPTIONS, link="none")) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert (receipt.url, receipt.code) == (None, None)
    assert not known.requests("POST", "/storage/v1/object/sign")


def test_a_code_leads_to_the_link(known: Project, tmp_path: Path) -> None:
    with ready(replace(OPTIONS, qr="files", qr_scale=3)) as uploader:
        receipt = uploader.upload(artifact(tmp_path / "a.png"))
    assert receipt.code is not None
    assert (receipt.code.files, receipt.code.shown, receipt.code.scale) == (True, False, 3)


def test_a_large_file_goes_in_pieces(known: Project, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 7
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", content))
    (lying,) = known.objects()
    assert lying.sha256 == hashlib.sha256(content).hexdigest()
    assert len(known.requests("PATCH", "/storage/v1/upload/resumable/")) == 2


def test_the_same_twice_is_one_and_said(known: Project, tmp_path: Path) -> None:
    told = Told()
    with ready(OPTIONS) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
        again = uploader.upload(artifact(tmp_path / "copy.png", told=told))
    assert len(known.objects()) == 1
    assert again.url
    assert told.notes == ["the same file was in the bucket b already, so it was not sent again and keeps its cache time"]


def test_the_same_twice_is_one_for_a_key_that_may_not_look(known: Project, tmp_path: Path) -> None:
    known.bucket("blind", policies={"anon": ["insert"]})
    options, told = replace(OPTIONS, bucket="blind", link="none"), Told()
    with ready(options) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
        uploader.upload(artifact(tmp_path / "a.png", told=told))
        assert len(told.notes) == 1
    named = replace(options, naming="name")
    with ready(named) as uploader:
        uploader.upload(artifact(tmp_path / "a.png"))
    assert "a file that may be another stands at a.png in the bucket blind" in failed(named, tmp_path / "a.png")


def test_another_file_of_that_name_is_kept_unless_it_is_to_be_replaced(known: Project, tmp_path: Path) -> None:
    known.bucket("all", policies={"anon": ["insert", "select", "update"]})
    options = replace(OPTIONS, bucket="all", naming="name")
    with ready(options) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", b"first"))
    said = failed(options, tmp_path / "a.png", b"other")
    assert "another file stands at a.png in the bucket all; --supabase-upsert replaces it" in said
    assert "--supabase-naming hash" in said
    assert known.content("all", "a.png") == b"first"
    with ready(replace(options, upsert=True)) as uploader:
        uploader.upload(artifact(tmp_path / "a.png", b"other"))
    assert known.content("all", "a.png") == b"other"


def test_an_answer_that_was_lost_is_no_duplicate(known: Project, tmp_path: Path) -> None:
    known.fault("POST", "/storage/v1/object/b/", at="end", drop=True)
    told = Told()
    with ready(OPTIONS) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png", told=told)).url
    assert len(known.requests("POST", "/storage/v1/object/b/")) == 2
    assert told.notes == []


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_tried_again(status: int, known: Project, tmp_path: Path) -> None:
    body = {"statusCode": str(status), "error": "x", "message": "later"}
    known.fault("POST", "/storage/v1/object/b/", status=400, body=body, times=2)
    known.fault("POST", "/storage/v1/object/sign/", status=status, body="<html>busy", headers={"Retry-After": "2"})
    known.fault("GET", "/storage/v1/object/sign/", status=status)
    with ready(OPTIONS) as uploader:
        assert uploader.upload(artifact(tmp_path / "a.png")).url
    assert known.waiting_faults() == 0


def test_a_connection_that_breaks_is_tried_again_but_not_for_ever(known: Project, tmp_path: Path) -> None:
    known.fault("POST", "/storage/v1/object/b/", drop=True, times=100)
    said = failed(OPTIONS, tmp_path / "a.png")
    assert "8 times in a row" in said
    assert f"the connection to {known.url} failed" in said
    assert len(known.requests("POST", "/storage/v1/object/b/")) == 8


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
def test_what_will_not_pass_is_asked_once(status: str, message: str, says: str, known: Project, tmp_path: Path) -> None:
    body = {"statusCode": status, "error": "x", "message": message}
    known.fault("POST", "/storage/v1/object/b/", status=400, body=body, times=100)
    assert says in failed(OPTIONS, tmp_path / "a.png")
    assert len(known.requests("POST", "/storage/v1/object/b/")) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 301, "headers": {"Location": "http://127.0.0.1:1/"}}, "sends us elsewhere (301); check SUPABASE_URL"),
        ({"status": 200, "body": "<html>welcome"}, "the answer was not understood"),
        ({"status": 200, "body": {"no": "key"}}, "the answer was not understood"),
        ({"status": 400, "body": {"statusCode": "9" * 5000, "error": "x", "message": "m" * 5000}}, "refused it (400"),
    ],
)
def test_odd_answers(answer: dict[str, object], says: str, known: Project, tmp_path: Path) -> None:
    known.fault("POST", "/storage/v1/object/b/", **answer)  # type: ignore[arg-type]
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert len(said) < 500
    assert len(known.requests("POST", "/storage/v1/object/b/")) == 1


def test_a_file_that_changed_is_not_sent(known: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"nobody screened this")
    with ready(OPTIONS) as uploader, pytest.raises(UploadError, match="not what roop has made any more; nothing was sent"):
        uploader.upload(made)
    (tmp_path / "a.png").unlink()
    with ready(OPTIONS) as uploader, pytest.raises(UploadError, match="cannot be read"):
        uploader.upload(made)
    assert not known.requests("POST")


def test_a_cancel_is_heard_between_tries(known: Project, tmp_path: Path) -> None:
    known.fault("POST", "/storage/v1/object/b/", drop=True, times=100)
    ctx, uploader = context_of(OPTIONS), Supabase(pace=1000)
    uploader.setup(ctx)
    made = replace(artifact(tmp_path / "a.png"), sent=lambda count: None)
    ctx.cancel.set()
    with pytest.raises(Interrupted):
        uploader.upload(made)
    uploader.teardown()
    assert not known.requests("POST")
