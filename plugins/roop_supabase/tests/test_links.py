"""Links of what was sent: tried before they are told, and told only where they lead to it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from supabase_double.handle import Project
from supabase_kit import OPTIONS, SENDER, Told, artifact, failed, ready

from roop_host import UploadError


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
def test_a_link_that_does_not_work_is_not_told(answer: dict[str, object], says: str, known: Project, tmp_path: Path) -> None:
    known.fault("GET", "/storage/v1/object/sign/", **answer)  # type: ignore[arg-type]
    said = failed(OPTIONS, tmp_path / "a.png")
    assert says in said
    assert "the file is in the bucket b as " in said
    assert "token" not in said
    assert "SUPABASE_KEY" not in said
    assert len(known.objects()) == 1


OLD = b"what stood there"


def replaced(known: Project, path: Path, told: Told, **stale: Any) -> str | None:
    """The public link of what replaces ``OLD``, where a cache gives ``stale`` first."""
    known.bucket("open", public=True, policies={"anon": ["insert", "select", "update"]})
    options = replace(OPTIONS, bucket="open", link="public", naming="name", upsert=True)
    with ready(options) as uploader:
        uploader.upload(artifact(path, OLD))
    known.fault("GET", "/storage/v1/object/public/", **{"status": 200, "body": OLD.decode(), **stale})
    with ready(options) as uploader:
        return uploader.upload(artifact(path, told=told)).url


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "image/png"}, {"Content-Type": "video/mp4"}], ids=["another size", "another type"]
)
def test_a_cache_may_hold_for_a_while_what_was_replaced(headers: dict[str, str], known: Project, tmp_path: Path) -> None:
    told = Told()
    assert replaced(known, tmp_path / "a.png", told, headers=headers, times=2)
    assert len(known.requests("GET", "/storage/v1/object/public/")) == 4
    assert told.notes == []


def test_what_was_replaced_is_known_at_the_same_size_too(known: Project, tmp_path: Path) -> None:
    same_size = {"body": "x" * len(b"a finished output"), "headers": {"Content-Type": "image/png", "ETag": 'W/"of the old"'}}
    told = Told()
    assert replaced(known, tmp_path / "a.png", told, **same_size, times=2)
    assert len(known.requests("GET", "/storage/v1/object/public/")) == 4
    assert told.notes == []
    assert replaced(known, tmp_path / "a.png", told, **same_size, times=100)
    assert told.notes == [
        "a cache may still give the file that was replaced to who opens its public link; try it in a while"
    ]


def test_a_cache_may_call_the_new_file_weak(known: Project, tmp_path: Path) -> None:
    new = b"a finished output"
    headers = {"Content-Type": "image/png", "ETag": f'W/"{hashlib.md5(new).hexdigest()}"'}
    assert replaced(known, tmp_path / "a.png", Told(), headers=headers, body=new.decode())
    assert len(known.requests("GET", "/storage/v1/object/public/")) == 2


def test_a_cache_that_keeps_what_was_replaced_is_told(known: Project, tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"it gives 16 bytes, and not 17; a cache may keep the old file for a while"):
        replaced(known, tmp_path / "a.png", Told(), headers={"Content-Type": "image/png"}, times=100)


def test_the_same_content_of_another_type_has_a_remedy(known: Project, tmp_path: Path) -> None:
    made = artifact(tmp_path / "a.png")
    bucket = known.client(known.keys.service_role).storage.from_("b")
    kind = {"content-type": "application/octet-stream", "metadata": {"sha256": made.sha256}}
    bucket.upload(f"{made.sha256[:32]}.png", made.path.read_bytes(), kind)
    said = failed(OPTIONS, tmp_path / "a.png")
    assert "gives application/octet-stream, and not image/png; --supabase-upsert sends it again, with its type" in said


def test_a_link_to_elsewhere_is_not_passed_on(known: Project, other_host: Project, tmp_path: Path) -> None:
    others = (
        "",
        "/",
        "x",
        "/../../../rest/v1/secret?token=stolen",
        "//u:p@host/x?token=stolen",
        "/object/sign/b/k?token=stolen",
    )
    for number, told in enumerate((f"x{other_host.url}/object/sign/b/k?token=stolen", "/\\?token=stolen", *others)):
        known.fault("POST", "/storage/v1/object/sign/", status=200, body={"signedURL": told})
        said = failed(OPTIONS, tmp_path / f"{number}.png", str(number).encode())
        assert "the file is in the bucket b" in said
        assert "a link that does not lead to this file" in said
        assert "stolen" not in said
    assert not other_host.requests()


def test_a_key_that_may_not_sign_is_told_what_it_lacks(known: Project, tmp_path: Path) -> None:
    known.bucket("blind", policies={"anon": ["insert"]})
    said = failed(replace(OPTIONS, bucket="blind"), tmp_path / "a.png")
    assert "no link could be signed" in said
    assert "a policy that allows SELECT on storage.objects" in said


def test_a_private_bucket_that_is_hidden_is_told_by_its_link(known: Project, tmp_path: Path) -> None:
    known.bucket("hidden", policies=SENDER)
    said = failed(replace(OPTIONS, bucket="hidden", link="public"), tmp_path / "a.png")
    assert "its link does not work (404, Bucket not found); its bucket may be private" in said
