"""One project's server: what it logs, where its key goes, and its failures in words."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hostile import answer, answering
from postgrest.exceptions import APIError
from supabase_double.handle import Project

from roop_host import UsageError
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Passing
from roop_supabase.server import Refused, Server


@pytest.fixture
def server(storage: Project) -> Iterator[Server]:
    made = Server(Credentials(storage.url, storage.keys.secret), timeout_s=0.5)
    yield made
    made.close()


def passing(server: Server) -> Passing:
    with pytest.raises(Passing) as caught, server.asking("looking"):
        server.client.storage.list_buckets()
    return caught.value


@pytest.mark.parametrize(
    ("asked", "wait_s"), [("7", 7), ("0.5", 0.5), ("-3", 0), ("soon", None), ("nan", None), ("inf", None), ("", None)]
)
def test_the_server_says_how_long_to_wait(asked: str, wait_s: float | None, storage: Project, server: Server) -> None:
    storage.fault(status=429, body={"message": "slow down"}, headers={"Retry-After": asked})
    assert passing(server).wait_s == wait_s


def test_it_may_say_until_when(storage: Project, server: Server) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    storage.fault(status=503, headers={"Retry-After": until})
    wait_s = passing(server).wait_s
    assert wait_s is not None
    assert 50 < wait_s <= 60
    storage.fault(drop=True)
    assert passing(server).wait_s is None


def test_a_server_that_says_nothing_is_not_waited_for(storage: Project, server: Server) -> None:
    storage.fault(stall_s=1.5)
    assert "the connection to" in passing(server).why


def test_bodies_decide_for_raw_requests_too(storage: Project, server: Server) -> None:
    told = [
        (httpx.Response(400, json={"statusCode": "403", "message": "no"}), 403),
        (httpx.Response(409, text="Upload-Offset conflict"), 409),
        (httpx.Response(404, json=["odd"]), 404),
        (httpx.Response(413, json={"statusCode": {}, "error": "large"}), 413),
    ]
    for response, status in told:
        with pytest.raises(Refused) as caught:
            server.require(response, "sending")
        assert caught.value.status == status
    with pytest.raises(Passing):
        server.require(httpx.Response(400, json={"statusCode": "503", "message": "busy"}), "sending")
    server.require(httpx.Response(204), "sending")


def test_what_a_table_refuses(server: Server) -> None:
    with pytest.raises(Refused, match="adding the row: the server refused it") as caught, server.asking("adding the row"):
        raise APIError({"message": f"no {server.credentials.key} here", "code": "42P01"})
    assert server.credentials.key not in str(caught.value)


def test_a_certificate_that_is_not_trusted_is_no_passing_trouble(server: Server) -> None:
    with pytest.raises(Refused, match="certificate is not trusted"), server.asking("looking"):
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without proxies and certificates of the person who runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


FAR = Credentials("https://abcdefgh.supabase.co", "sb_publishable_0123456789")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "ftp://me:private@x"),
        ("all_proxy", "http://me:private@x:port"),
        ("NO_PROXY", "private:port"),
        ("SSL_CERT_FILE", "/nowhere/private.pem"),
        ("SSL_CERT_FILE", __file__),
        ("SSLKEYLOGFILE", "/nowhere/private.log"),
    ],
)
@pytest.mark.usefixtures("alone")
def test_a_variable_that_no_connection_can_heed_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^{name} .*can't be used") as caught:
        Server(FAR)
    assert "private" not in str(caught.value)
    assert not any(logging.getLogger(name).filters for name in ("httpx", "httpcore.http11"))


@pytest.mark.usefixtures("alone")
def test_a_socks_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    server = Server(FAR, timeout_s=5.0)
    with pytest.raises(Passing, match="the connection to https://abcdefgh"), server.asking("looking"):
        server.http.get(server.base)
    server.close()


def _answer_oddly(listening: socket.socket) -> None:
    with listening.accept()[0] as client:
        client.recv(100)
        client.sendall(b"HTTP/1.1 400 Bad Request")


@pytest.mark.usefixtures("alone")
def test_what_is_no_socks_proxy_is_a_connection_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{listening.getsockname()[1]}")
        threading.Thread(target=_answer_oddly, args=[listening]).start()
        server = Server(FAR, timeout_s=5.0)
        with pytest.raises(Passing, match="the connection to https://abcdefgh"), server.asking("looking"):
            server.http.get(server.base)
        server.close()


def test_what_an_answer_repeats_of_the_key_is_not_told(storage: Project, server: Server) -> None:
    key = server.credentials.key
    for body in ({"statusCode": "400", "error": "x", "message": f"bad {key}"}, f"<p>{key}", {"message": key[6:30]}):
        storage.fault(status=400, body=body)
        with pytest.raises(Refused) as caught, server.asking("looking"):
            server.client.storage.list_buckets()
        told = "".join(traceback.format_exception(caught.value)) + caught.value.said
        assert key not in told
        assert key[8:28] not in told


def test_no_proxy_gets_a_key_that_is_not_encrypted(
    storage: Project, other_host: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other_host.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = Server(Credentials(storage.url, storage.keys.secret))
    server.client.storage.list_buckets()
    server.close()
    assert storage.requests()
    assert not other_host.requests()


def test_no_log_has_an_address_that_lets_anybody_in(
    storage: Project, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        server.fresh_http().get(f"{storage.url}/storage/v1/object/sign/b/k", params={"token": "a-token-of-no-shape"})
        server.client.storage.list_buckets()
    assert "/storage/v1/object/sign/b/k" in caplog.text
    assert "a-token-of-no-shape" not in caplog.text
    assert server.credentials.key not in caplog.text
    server.close()
    assert not any(logging.getLogger(name).filters for name in ("httpx", "httpcore.http11"))


@pytest.mark.parametrize(
    "line", ["Location: /there/{id}", "location: '/a\"b/{id}'", "Content-Location: x'{id}", "Location : /{id}"]
)
def test_no_log_says_where_an_upload_is_taken(line: str, caplog: pytest.LogCaptureFixture) -> None:
    told = answer("201 Created", b"", line.format(id="aGlkZGVu"), "X-Kept: seen")
    with answering(lambda: [told]) as url, caplog.at_level(logging.DEBUG):
        server = Server(Credentials(url, "sb_secret_0123456789abcdef"), timeout_s=0.5)
        with suppress(Passing), server.asking("sending"):
            assert "aGlkZGVu" in str(server.http.post(url).headers)
        server.close()
    assert "ocation" in caplog.text
    assert "aGlkZGVu" not in caplog.text
    assert " :" in line or "b'seen'" in caplog.text
