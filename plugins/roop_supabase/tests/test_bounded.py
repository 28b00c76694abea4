"""No answer keeps us for long or fills the memory."""

from __future__ import annotations

import gzip
import itertools
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hostile import Pieces, answer, answering
from supabase_double.handle import Project
from supabase_kit import ready

from roop_host import UploadError, UsageError
from roop_supabase.bounded import MOST_BYTES, AnswerTooLarge, Bounded
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Passing
from roop_supabase.options import Options
from roop_supabase.server import Refused, Server

KEY = "sb_secret_0123456789abcdef"
#: Of a read; an answer has twice as long.
TIMEOUT_S = 0.3
MIB = 2**20
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def server_of(pieces: Pieces, pause_s: float = 0.0) -> Iterator[Server]:
    with answering(pieces, pause_s=pause_s) as url:
        server = Server(Credentials(url, KEY), TIMEOUT_S)
        try:
            yield server
        finally:
            server.close()


def ask(server: Server) -> None:
    with server.asking("looking"):
        server.client.storage.list_buckets()


def many(first: bytes, piece: bytes, times: int) -> Pieces:
    return lambda: itertools.chain([first], itertools.repeat(piece, times))


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (many(answer("200 OK", gzip.compress(bytes(48 * MIB)), "Content-Encoding: gzip"), b"", 0), "DecodingError"),
        (many(_CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n", 768), "AnswerTooLarge"),
        (many(answer("400 Bad Request", bytes(48 * MIB)), b"", 0), "AnswerTooLarge"),
    ],
)
def test_an_answer_that_is_too_large_is_not_taken_in(pieces: Pieces, told: str) -> None:
    with server_of(pieces) as server:
        _ = server.client
        tracemalloc.start()
        try:
            with pytest.raises(Refused, match=rf"the answer was not understood \({told}\)"):
                ask(server)
            assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"["),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["body", "head", "before the head"],
)
def test_an_answer_that_never_ends_is_not_waited_for(first: bytes, piece: bytes) -> None:
    with server_of(many(first, piece, 60), pause_s=0.05) as server:
        started = time.monotonic()
        with pytest.raises(Passing, match=r"no whole answer within 0\.6 s|timed out"):
            ask(server)
        assert time.monotonic() - started < 2


def test_a_link_is_looked_at_no_longer() -> None:
    started = time.monotonic()
    with (
        server_of(many(b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n", b"x", 60), pause_s=0.05) as server,
        pytest.raises(Passing),
        server.asking("its link"),
        server.fresh_http() as http,
        http.stream("GET", server.base) as told,
    ):
        told.read()
    assert time.monotonic() - started < 2.5


def test_a_stream_is_for_who_reads_it_to_bound() -> None:
    with server_of(lambda: [answer("200 OK", bytes(2 * MOST_BYTES))]) as server:
        with server.http.stream("GET", server.base) as told:
            assert len(next(told.iter_bytes(MOST_BYTES))) == MOST_BYTES
        with pytest.raises(AnswerTooLarge):
            server.http.get(server.base)


def test_time_is_counted_from_the_end_of_each_request(storage: Project) -> None:
    def slow() -> Iterator[bytes]:
        for _ in range(5):
            time.sleep(TIMEOUT_S / 2)
            yield b"x"

    server = Server(Credentials(storage.url, storage.keys.secret), TIMEOUT_S)
    for _ in range(2):  # on one connection
        assert server.http.post(f"{server.base}/bucket", content=slow(), headers=server.auth_headers).status_code == 400
    time.sleep(3 * TIMEOUT_S)
    ask(server)
    server.close()
    assert {one.headers["accept-encoding"] for one in storage.requests()} == {"identity"}


def test_it_heeds_proxies_and_hooks_as_any_client(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    with answering(lambda: [answer("200 OK", b"of the proxy")]) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        hooks = {"response": [lambda told: seen.append(told.status_code)]}
        with Bounded(timeout=TIMEOUT_S, event_hooks=hooks) as http:
            assert http.get("http://project.invalid/").text == "of the proxy"
    assert seen == [200]


@pytest.mark.parametrize("headers", [["Content-Type: text/plain; charset=hex"], ["Content-Type: text/plain; charset=zlib"]])
def test_an_odd_charset_hides_no_refusal(headers: list[str]) -> None:
    with server_of(lambda: [answer("400 Bad Request", b"not so", *headers)]) as server:
        with pytest.raises(Refused, match="not so"):
            ask(server)
        with pytest.raises(Refused, match="not so"):
            server.require(server.http.get(server.base), "looking")


def test_an_odd_time_to_wait_is_none() -> None:
    late = "Retry-After: Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    with server_of(lambda: [answer("429 Too Many Requests", b"{}", late)]) as server:
        with pytest.raises(Passing) as caught:
            ask(server)
        assert caught.value.wait_s is None
        with pytest.raises(Passing):
            server.require(server.http.get(server.base), "looking")


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"message": ' * 50_000, b"[]", b'{"metadata": 7', b"\xff", b"null"])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_an_answer_of_another_shape_is_told_so(body: bytes, status: str) -> None:
    with server_of(lambda: [answer(status, body)]) as server:
        with pytest.raises(UploadError, match=r"not understood|refused it"), server.asking("looking"):
            server.client.storage.from_("clips").info("a.png").get("metadata").get("sha256")  # type: ignore[attr-defined]
        told = server.http.get(server.base)
        if not told.is_success:
            with pytest.raises(Refused):
                server.require(told, "looking")


@pytest.mark.parametrize("body", [b"[" * 200_000, b"[]", bytes(2 * MOST_BYTES)])
def test_before_a_run_it_is_told_as_a_matter_of_usage(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda: [answer("200 OK", body)]) as url:
        monkeypatch.setenv("SUPABASE_URL", url)
        monkeypatch.setenv("SUPABASE_KEY", KEY)
        with pytest.raises(UsageError, match="the answer was not understood"), ready(Options(bucket="clips")):
            pass
