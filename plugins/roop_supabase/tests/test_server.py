"""The double answers as the platform does, seen through the real client."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from postgrest import ReturnMethod
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError
from supabase_double.handle import Project, failure

OBJECT = "/storage/v1/object/"
PNG = {"content-type": "image/png"}


def bucket(storage: Project, key: str = "", name: str = "made") -> Any:
    return storage.client(key).storage.from_(name)


def refusal(call: Callable[..., object], *words: object) -> tuple[str, str]:
    """The true status and the error's name, as the client tells them."""
    with pytest.raises(StorageApiError) as told:
        call(*words)
    return str(told.value.status), told.value.code


@pytest.mark.parametrize("kind", ["service_role", "secret"])
def test_an_object_lies_there_as_it_was_sent(kind: str, storage: Project) -> None:
    storage.bucket("made")
    made = bucket(storage, getattr(storage.keys, kind))
    made.upload("a/b.png", b"pixels", {**PNG, "cache-control": "60", "metadata": {"sha256": "abc"}})
    lying = storage.objects()[0]
    assert (lying.key, lying.content_type, lying.cache_control) == ("a/b.png", "image/png", "max-age=60")
    assert (lying.size, lying.metadata, lying.sha256) == (6, {"sha256": "abc"}, hashlib.sha256(b"pixels").hexdigest())
    assert made.download("a/b.png") == storage.content("made", "a/b.png") == b"pixels"
    info = made.info("a/b.png")
    told = {"size": 6, "content_type": "image/png", "cache_control": "max-age=60", "metadata": {"sha256": "abc"}}
    assert told.items() <= info.items()
    assert [one["name"] for one in made.list("a")] == ["b.png"]
    assert [one["name"] for one in made.list()] == ["a"]
    assert [one["name"] for one in made.remove(["a/b.png", "none.png"])] == ["a/b.png"]
    assert not made.exists("a/b.png")


def test_a_raw_body_is_taken_too(storage: Project) -> None:
    storage.bucket("made")
    headers = {
        "authorization": f"Bearer {storage.keys.service_role}",
        "content-type": "image/png",
        "cache-control": "max-age=9",
    }
    answer = storage.http.post(f"{storage.url}{OBJECT}made/raw.png", content=b"raw", headers=headers)
    assert answer.status_code == 200
    assert answer.json().keys() == {"Key", "Id"}
    assert (storage.objects()[0].cache_control, storage.content("made", "raw.png")) == ("max-age=9", b"raw")


def test_what_is_there_is_replaced_only_by_upsert_or_update(storage: Project) -> None:
    storage.bucket("made")
    made = bucket(storage)
    made.upload("a.png", b"1", PNG)
    assert refusal(made.upload, "a.png", b"2", PNG) == ("409", "Duplicate")
    assert storage.content("made", "a.png") == b"1"
    made.upload("a.png", b"3", {**PNG, "upsert": "true"})
    assert storage.content("made", "a.png") == b"3"
    made.update("a.png", b"4", PNG)
    assert storage.content("made", "a.png") == b"4"


def test_errors_of_objects_have_their_true_status_in_the_body_only(storage: Project) -> None:
    storage.bucket("made", file_size_limit=10, allowed_mime_types=["image/*"])
    made = bucket(storage)
    assert refusal(bucket(storage, name="none").upload, "a.png", b"1", PNG) == ("404", "Bucket not found")
    assert refusal(made.upload, "a.txt", b"1", {"content-type": "text/plain"}) == ("415", "invalid_mime_type")
    assert refusal(made.upload, "a.png", bytes(11), PNG) == ("413", "Payload too large")
    for key in ("ü.png", "a#b.png", "a\\b.png", "a%b.png"):
        assert refusal(made.upload, key, b"1", PNG) == ("400", "InvalidKey")
    assert refusal(made.info, "a.png") == ("404", "not_found")
    assert storage.objects() == []
    storage.settings(standard_size=5)
    assert refusal(made.upload, "a.png", bytes(6), PNG) == ("413", "Payload too large")
    assert {one.status for one in storage.requests()} == {400}


@pytest.mark.parametrize(
    ("may", "upsert", "there", "told"),
    [
        ([], False, False, "Unauthorized"),
        (["insert"], False, False, None),
        (["insert"], False, True, "Duplicate"),
        ([], False, True, "Unauthorized"),
        (["insert"], True, False, "Unauthorized"),
        (["insert", "select"], True, False, None),
        (["insert", "select"], True, True, "Unauthorized"),
        (["insert", "select", "update"], True, True, None),
    ],
)
def test_policies(may: list[str], upsert: bool, there: bool, told: str | None, storage: Project) -> None:
    storage.bucket("made", policies={"anon": may, "authenticated": ["insert", "select", "update"]})
    if there:
        bucket(storage).upload("a.png", b"1", PNG)
    options = PNG | ({"upsert": "true"} if upsert else {})
    for key in (storage.keys.anon, storage.keys.publishable):
        made = bucket(storage, key)
        if told:
            assert refusal(made.upload, "a.png", b"2", options)[1] == told
        else:
            made.upload("a.png", b"2", options)
            bucket(storage).remove(["none.png" if there else "a.png"])


def test_what_may_not_be_seen_is_not_found(storage: Project) -> None:
    storage.bucket("made", policies={"anon": ["insert"]})
    bucket(storage).upload("a.png", b"1", PNG)
    anon = bucket(storage, storage.keys.anon)
    assert refusal(anon.create_signed_url, "a.png", 60) == ("404", "not_found")
    assert refusal(anon.info, "a.png") == ("404", "not_found")
    assert refusal(storage.client(storage.keys.anon).storage.get_bucket, "made") == ("404", "Bucket not found")
    assert (anon.list(), anon.remove(["a.png"])) == ([], [])
    assert len(storage.objects()) == 1


def test_who_is_not_known_is_refused_with_the_reason(storage: Project) -> None:
    storage.bucket("made")
    tokens = {
        "Invalid Compact JWS": "rubbish",
        '"exp" claim timestamp check failed': storage.token("service_role", expires_in=-1),
        "signature verification failed": storage.token("service_role", secret="another"),
    }
    for message, token in tokens.items():
        with pytest.raises(StorageApiError, match=message) as told:
            bucket(storage, token).upload("a.png", b"1", PNG)
        assert (told.value.status, told.value.code) == ("403", "Unauthorized")
    answer = storage.http.post(f"{storage.url}{OBJECT}made/a.png", content=b"1")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")
    storage.settings(gateway=False)
    assert refusal(bucket(storage, storage.keys.secret).upload, "a.png", b"1", PNG) == ("403", "Unauthorized")


def test_a_signed_link_holds_until_it_expires_or_is_changed(storage: Project) -> None:
    storage.bucket("made")
    made = bucket(storage)
    made.upload("a b.png", b"pixels", PNG)
    assert refusal(made.create_signed_url, "none.png", 60) == ("404", "not_found")
    assert refusal(made.create_signed_url, "a b.png", 0)[0] == "400"
    url = made.create_signed_url("a b.png", 60, {"download": "ü.png"})["signedUrl"]
    answer = storage.http.get(url)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"pixels", "image/png")
    assert answer.headers["content-disposition"] == "attachment; filename=%C3%BC.png; filename*=UTF-8''%C3%BC.png"
    part = storage.http.get(url, headers={"range": "bytes=2-3"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"xe", "bytes 2-3/6")
    changed = storage.http.get(url.replace("token=", "token=x"))
    assert (changed.status_code, changed.json()["code"]) == (400, "InvalidJWT")
    assert storage.http.get(url.replace("a%20b", "c")).json()["code"] == "InvalidSignature"
    short = made.create_signed_url("a b.png", 1)["signedUrl"]
    time.sleep(1.1)
    assert storage.http.get(short).json()["message"] == '"exp" claim timestamp check failed'


def test_a_public_link_works_for_public_buckets_only(storage: Project) -> None:
    for name, public in (("made", True), ("own", False)):
        storage.bucket(name, public=public)
        bucket(storage, name=name).upload("a.png", b"pixels", PNG)
    answer = storage.http.get(bucket(storage, storage.keys.anon).get_public_url("a.png"))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"pixels", "max-age=3600")
    assert storage.http.get(bucket(storage, name="own").get_public_url("a.png")).json()["error"] == "Bucket not found"
    missing = storage.http.get(bucket(storage).get_public_url("b.png"))
    assert (missing.status_code, missing.json()["statusCode"], missing.json()["code"]) == (400, "404", "NoSuchKey")


def test_buckets(storage: Project) -> None:
    admin = storage.client(storage.keys.secret).storage
    admin.create_bucket("made", options={"public": True, "file_size_limit": 9, "allowed_mime_types": ["image/png"]})
    told = admin.get_bucket("made")
    assert (told.public, told.file_size_limit, told.allowed_mime_types) == (True, 9, ["image/png"])
    assert refusal(admin.create_bucket, "made") == ("409", "Duplicate")
    assert refusal(storage.client(storage.keys.anon).storage.create_bucket, "mine") == ("403", "Unauthorized")
    assert [one.id for one in admin.list_buckets()] == ["made"]
    assert refusal(admin.get_bucket, "none") == ("404", "Bucket not found")
    bucket(storage).upload("a.png", b"1", PNG)
    assert refusal(admin.delete_bucket, "made") == ("409", "ResourceNotEmpty")


def test_a_signed_upload_needs_no_key(storage: Project) -> None:
    storage.bucket("made")
    token = bucket(storage).create_signed_upload_url("a.png")["token"]
    assert refusal(bucket(storage, storage.keys.anon).create_signed_upload_url, "a.png") == ("403", "Unauthorized")
    bucket(storage, storage.keys.anon).upload_to_signed_url("a.png", token, b"1", PNG)
    assert storage.content("made", "a.png") == b"1"
    assert refusal(bucket(storage).upload_to_signed_url, "b.png", token, b"1") == ("400", "InvalidSignature")


def test_rows(storage: Project) -> None:
    policies = {"anon": ["insert"], "authenticated": ["select"]}
    storage.table(
        "made",
        {"url": "text", "sha256": "text", "at": "timestamptz"},
        unique=[["sha256"]],
        required=["url"],
        policies=policies,
    )
    admin, anon = storage.client(storage.keys.secret), storage.client(storage.keys.publishable)
    row = {"url": "https://a.example", "sha256": "1"}

    def told(call: Any) -> tuple[str | None, int | None]:
        with pytest.raises(APIError) as refused:
            call.execute()
        return refused.value.code, storage.requests()[-1].status

    admin.table("made").upsert(row, on_conflict="sha256", returning=ReturnMethod.minimal).execute()
    admin.table("made").upsert(row | {"url": "b"}, on_conflict="sha256", returning=ReturnMethod.minimal).execute()
    assert storage.rows("made") == [{"url": "b", "sha256": "1", "at": None}]
    assert admin.table("made").select("*").eq("sha256", "1").execute().data == storage.rows("made")
    anon.table("made").insert(row | {"sha256": "2"}, returning=ReturnMethod.minimal).execute()
    assert told(admin.table("made").insert(row)) == ("23505", 409)
    assert told(admin.table("made").upsert(row, on_conflict="url")) == ("42P10", 400)
    assert told(admin.table("made").insert({"path": 1})) == ("PGRST204", 400)
    assert told(admin.table("made").insert({"sha256": "3"})) == ("23502", 400)
    assert told(admin.table("made").insert(row | {"at": "noon"})) == ("22007", 400)
    assert told(admin.table("none").insert(row)) == ("PGRST205", 404)
    assert told(anon.table("made").insert(row | {"sha256": "4"})) == ("42501", 401)  # shown rows must be seen
    assert told(anon.table("made").upsert(row, on_conflict="sha256", returning=ReturnMethod.minimal)) == ("42501", 401)
    seen = {"authorization": f"Bearer {storage.token()}", "apikey": storage.keys.anon}
    assert storage.http.post(f"{storage.url}/rest/v1/made", headers=seen, json=row).status_code == 403
    assert storage.http.get(f"{storage.url}/rest/v1/made").json()["message"] == "No API key found in request"
    assert len(storage.rows("made")) == 2


def test_an_ordered_answer_comes_as_often_as_ordered(storage: Project) -> None:
    storage.bucket("made")
    made = bucket(storage)
    storage.fault("POST", f"{OBJECT}made/", skip=1, times=2, status=400, body=failure(429, "too_many_requests"))
    made.upload("1.png", b"1", PNG)
    for _ in range(2):
        assert refusal(made.upload, "2.png", b"1", PNG) == ("429", "too_many_requests")
    assert storage.waiting_faults() == 0
    made.upload("2.png", b"1", PNG)
    storage.fault("POST", status=503, body="busy", headers={"Retry-After": "3"})
    assert refusal(made.upload, "3.png", b"1", PNG) == ("503", "InternalError")
    assert [one.status for one in storage.requests("POST")] == [200, 400, 400, 200, 503]


SIZE = 200_000


@pytest.mark.parametrize(
    ("order", "read", "stored"),
    [
        ({"at": "start"}, range(1), 0),
        ({"at": "body"}, range(SIZE, 2 * SIZE), 0),
        ({"after_bytes": 9}, range(9, 10), 0),
        ({"at": "end"}, range(SIZE, 2 * SIZE), 1),
    ],
)
def test_a_connection_that_breaks(order: dict[str, Any], read: range, stored: int, storage: Project) -> None:
    storage.bucket("made")
    storage.fault("POST", drop=True, **order)
    with pytest.raises(httpx.TransportError):
        bucket(storage).upload("a.png", bytes(SIZE), PNG)
    assert len(storage.objects()) == stored
    seen = storage.requests()[0]
    assert (seen.status, seen.size in read) == (None, True)


def test_a_server_that_stalls_does_nothing_in_the_next_test(storage: Project) -> None:
    storage.bucket("made")
    storage.fault("POST", stall_s=0.6)
    headers = {"authorization": f"Bearer {storage.keys.service_role}"}
    with pytest.raises(httpx.TimeoutException):
        storage.http.post(f"{OBJECT}made/a.png", content=b"1", headers=headers, timeout=0.2)
    storage.reset()
    storage.bucket("made")
    time.sleep(0.6)
    assert (storage.objects(), storage.requests()) == ([], [])


def test_one_connection_serves_on_after_an_early_answer(storage: Project) -> None:
    """What nobody read of a body is no part of the next request."""
    with httpx.Client(base_url=storage.url) as http:
        storage.fault("POST", at="start", status=503)
        assert http.post(f"{OBJECT}made/a.png", content=bytes(3_000_000)).status_code == 503
        assert http.get("/storage/v1/bucket").json()["code"] == "InvalidRequest"


def test_two_projects_are_two(storage: Project, other_host: Project) -> None:
    storage.bucket("made")
    bucket(storage).upload("a.png", b"1", PNG)
    assert (len(storage.requests()), other_host.requests(), other_host.objects()) == (1, [], [])
    assert storage.requests()[0].headers["authorization"] == f"Bearer {storage.keys.service_role}"
    assert urlsplit(storage.url).port != urlsplit(other_host.url).port


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    words = [sys.executable, str(Path(__file__).with_name("storage_server.py")), "--folder", str(tmp_path)]
    with subprocess.Popen([*words, "--end-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline()).keys() == {
            "url", "jwt_secret", "anon", "service_role", "publishable", "secret",
        }  # fmt: skip
        process.stdin.close()
        assert process.wait(20) == 0
