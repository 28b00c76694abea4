"""The double's resumable uploads, which the real client lacks: request by request."""

from __future__ import annotations

import base64
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from supabase_double.handle import Project

BEGIN = "/storage/v1/upload/resumable"
BODY = "application/offset+octet-stream"
CHUNK = 1000


@pytest.fixture
def made(storage: Project) -> Project:
    """Chunks of 1000 bytes, and a bucket."""
    storage.settings(chunk=CHUNK)
    storage.bucket("made", policies={"anon": ["select"]})
    return storage


def metadata(**told: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


def headers_of(project: Project, token: str = "") -> dict[str, str]:
    return {"authorization": f"Bearer {token or project.keys.service_role}", "tus-resumable": "1.0.0"}


def begin(project: Project, length: int = 2500, *, token: str = "", upsert: bool = False, **told: str) -> httpx.Response:
    named = {"bucketName": "made", "objectName": "a/clip.mp4", "contentType": "video/mp4"} | told
    headers = headers_of(project, token) | {"upload-length": str(length), "upload-metadata": metadata(**named)}
    return project.http.post(project.url + BEGIN, headers=headers | ({"x-upsert": "true"} if upsert else {}))


def send(project: Project, url: str, offset: int, size: int, *, upsert: bool = False) -> httpx.Response:
    headers = headers_of(project) | {"upload-offset": str(offset), "content-type": BODY}
    return project.http.patch(
        url, content=bytes([offset % 251]) * size, headers=headers | ({"x-upsert": "true"} if upsert else {})
    )


def offset_of(project: Project, url: str) -> int:
    return int(project.http.head(url, headers=headers_of(project)).raise_for_status().headers["upload-offset"])


def test_what_it_can_do(storage: Project) -> None:
    answer = storage.http.options(storage.url + BEGIN)
    assert (answer.status_code, answer.headers["tus-version"], answer.headers["tus-max-size"]) == (
        204,
        "1.0.0",
        str(5 * 2**30),
    )
    assert answer.headers["tus-extension"].split(",")[0] == "creation"


def test_the_object_appears_with_the_last_byte(made: Project) -> None:
    answer = begin(made, cacheControl="60", metadata='{"sha256": "abc"}')
    url = answer.headers["location"]
    assert (answer.status_code, url.startswith(f"{made.url}{BEGIN}/")) == (201, True)
    place = base64.urlsafe_b64decode(url.rsplit("/", 1)[1] + "==").decode()
    assert place.rsplit("/", 1)[0] == "made/a/clip.mp4"
    for offset, size in ((0, CHUNK), (CHUNK, CHUNK), (2000, 500)):
        assert (offset_of(made, url), made.objects()) == (offset, [])
        answer = send(made, url, offset, size)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(offset + size))
    lying = made.objects()[0]
    assert (lying.size, lying.content_type, lying.cache_control) == (2500, "video/mp4", "max-age=60")
    assert lying.metadata == {"sha256": "abc"}
    assert made.content("made", "a/clip.mp4") == bytes(1000) + bytes([1000 % 251]) * 1000 + bytes([2000 % 251]) * 500
    head = made.http.head(url, headers=headers_of(made))
    told = [head.headers[name] for name in ("upload-offset", "upload-length", "cache-control")]
    assert (head.status_code, told) == (200, ["2500", "2500", "no-store"])


def test_refusals_at_the_start_are_plain_text(made: Project) -> None:
    made.settings(max_size=3000)
    made.bucket("small", file_size_limit=100, allowed_mime_types=["image/png"])
    assert (begin(made, 3001).status_code, begin(made, 3001).text) == (413, "Maximum size exceeded\n")
    assert begin(made, 101, bucketName="small").status_code == 413
    assert begin(made, 99, bucketName="small").status_code == 415
    assert (begin(made, bucketName="none").status_code, begin(made, bucketName="none").text) == (404, "Bucket not found")
    assert begin(made, objectName="ü.mp4").status_code == 400
    denied = begin(made, token=made.keys.anon)
    assert (denied.status_code, denied.text) == (403, "new row violates row-level security policy")
    bare = headers_of(made) | {"upload-length": "5"}
    assert made.http.post(made.url + BEGIN, headers=bare).status_code == 400
    del bare["tus-resumable"]
    assert made.http.post(made.url + BEGIN, headers=bare).status_code == 412
    unknown = begin(made, token="rubbish")
    assert (unknown.status_code, unknown.json()["statusCode"]) == (400, "403")
    assert made.transfers() == []


def test_what_is_there_already_needs_upsert_for_every_request(made: Project) -> None:
    url, other = (begin(made, 10).headers["location"] for _ in range(2))
    assert send(made, url, 0, 10).status_code == 204
    assert (begin(made, 10).status_code, begin(made, 10).text) == (409, "The resource already exists")
    assert send(made, other, 0, 10).status_code == 409
    assert made.http.delete(other, headers=headers_of(made)).status_code == 409
    assert begin(made, 10, upsert=True).status_code == 201
    assert send(made, other, 0, 10, upsert=True).status_code == 204


def test_refusals_of_a_chunk(made: Project) -> None:
    url = begin(made).headers["location"]
    assert (send(made, url, 5, CHUNK).status_code, send(made, url, 5, CHUNK).text) == (409, "Upload-Offset conflict\n")
    assert send(made, url[:-3] + "abc", 0, CHUNK).status_code == 404
    assert send(made, url, 0, 999).status_code == 400
    assert send(made, url, 0, 2501).status_code == 413
    wrong = headers_of(made) | {"upload-offset": "0", "content-type": "image/png"}
    assert made.http.patch(url, content=b"1", headers=wrong).text == "Invalid content-type\n"
    assert made.http.head(url[:-3] + "abc", headers=headers_of(made)).status_code == 404
    assert offset_of(made, url) == 0


def test_the_first_chunk_may_come_with_the_start_and_the_length_later(made: Project) -> None:
    told = metadata(bucketName="made", objectName="a.bin")
    both = headers_of(made) | {"upload-length": "1500", "upload-metadata": told, "content-type": BODY}
    answer = made.http.post(BEGIN, content=bytes(CHUNK), headers=both)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "1000")
    later = headers_of(made) | {"upload-defer-length": "1", "upload-metadata": told}
    url = made.http.post(BEGIN, headers=later).headers["location"]
    assert made.http.head(url, headers=headers_of(made)).headers["upload-defer-length"] == "1"
    assert made.http.post(BEGIN, headers=headers_of(made) | {"upload-metadata": told}).status_code == 400
    broken = headers_of(made) | {"upload-length": "5", "upload-metadata": "bucketName %"}
    assert made.http.post(BEGIN, headers=broken).status_code == 400


def test_all_may_be_there_and_no_object_made_of_it(made: Project) -> None:
    url = begin(made, 10).headers["location"]
    made.fault("PATCH", at="finish", status=500)
    assert send(made, url, 0, 10).status_code == 500
    assert (offset_of(made, url), made.objects()) == (10, [])
    assert begin(made, 10).status_code == 201


def test_an_upload_can_be_given_up(made: Project) -> None:
    url = begin(made).headers["location"]
    assert made.http.delete(url, headers=headers_of(made)).status_code == 204
    assert made.http.head(url, headers=headers_of(made)).status_code == 404


def test_an_upload_expires(made: Project) -> None:
    url = begin(made).headers["location"]
    made.settings(expires_s=0)
    assert made.http.head(url, headers=headers_of(made)).status_code == 410
    made.settings(expired_status=404)
    assert send(made, url, 0, CHUNK).status_code == 404


@pytest.mark.parametrize(
    "order",
    [{"after_bytes": 400}, {"after_bytes": 400, "status": 502}, {"at": "end", "drop": True}, {"at": "body", "status": 503}],
)
def test_what_came_before_a_break_is_kept(order: dict[str, Any], made: Project) -> None:
    url = begin(made).headers["location"]
    made.fault("PATCH", **order)
    if order.get("status"):
        assert send(made, url, 0, CHUNK).status_code == order["status"]
    else:
        with pytest.raises(httpx.TransportError):
            send(made, url, 0, CHUNK)
    kept = order.get("after_bytes", CHUNK if order.get("at") == "end" else 0)
    assert offset_of(made, url) == kept
    while kept < 2500:
        kept = int(send(made, url, kept, min(CHUNK, 2500 - kept)).headers["upload-offset"])
    assert len(made.objects()) == 1


def raw_patch(made: Project, url: str, size: int, part: bytes) -> socket.socket:
    """A client that has said ``size`` and has sent ``part`` so far."""
    place = urlsplit(url)
    told = headers_of(made) | {"host": place.netloc, "upload-offset": "0", "content-type": BODY, "content-length": str(size)}
    line = f"PATCH {place.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items())
    connection = socket.create_connection((place.hostname, place.port))
    connection.sendall(f"{line}\r\n".encode() + part)
    return connection


def wait_for(made: Project, size: int) -> None:
    """Until so much is there: who asks before a request is begun is told of nothing."""
    until = time.monotonic() + 10
    while made.transfers()[0].offset < size and time.monotonic() < until:
        time.sleep(0.01)


def test_a_client_that_goes_away_leaves_what_it_sent(made: Project) -> None:
    url = begin(made).headers["location"]
    with raw_patch(made, url, CHUNK, b"x" * 300):
        pass
    wait_for(made, 300)
    assert offset_of(made, url) == 300


def test_the_last_writer_breaks_off_the_one_before(made: Project) -> None:
    url = begin(made).headers["location"]
    with raw_patch(made, url, CHUNK, b"x" * 300) as first:
        wait_for(made, 300)
        assert send(made, url, 0, CHUNK).text == "Upload-Offset conflict\n"
        answer = first.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 204 ")
    assert "Upload-Offset: 300\r\n" in answer
    assert offset_of(made, url) == 300
    assert send(made, url, 300, CHUNK).status_code == 204


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://evil.example{path}", "http://evil.example"),
        ("https://{host}{path}", "https://127.0.0.1"),
        ("{path}", BEGIN),
        ("", ""),
    ],
)
def test_a_location_that_leads_elsewhere(location: str, told: str, made: Project) -> None:
    made.fault("POST", BEGIN, location=location)
    answer = begin(made)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(told)
    assert not answer.headers["location"].startswith(made.url)
    assert len(made.transfers()) == 1


def test_a_signed_upload_needs_no_key(made: Project) -> None:
    asked = made.http.post(f"{made.url}/storage/v1/object/upload/sign/made/a/clip.mp4", headers=headers_of(made))
    named = {"bucketName": "made", "objectName": "a/clip.mp4"}
    headers = {"tus-resumable": "1.0.0", "x-signature": asked.json()["token"], "upload-length": "5"}
    answer = made.http.post(f"{made.url}{BEGIN}/sign", headers=headers | {"upload-metadata": metadata(**named)})
    url = answer.headers["location"]
    assert (answer.status_code, f"{BEGIN}/sign/" in url) == (201, True)
    assert (
        made.http.patch(url, content=b"12345", headers=headers | {"upload-offset": "0", "content-type": BODY}).status_code
        == 204
    )
    assert made.content("made", "a/clip.mp4") == b"12345"
    other = headers | {"upload-metadata": metadata(**named | {"objectName": "b.mp4"})}
    assert made.http.post(f"{made.url}{BEGIN}/sign", headers=other).status_code == 400
    assert json.loads(asked.text)["url"].startswith("/object/upload/sign/made/")
