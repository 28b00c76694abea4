"""Every way in which a download can go wrong, against real servers on this machine."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pulled import QUICK, graph, outside, spec
from web import Answer, Handler, Web, begin, cut, held, raw, whole

from roop_host import ModelError, ModelSpec, UsageError
from roop_host.errors import Interrupted
from roop_host.models.fetch import FetchError
from roop_host.models.part import Part
from roop_host.models.places import part_path
from roop_host.models.reading import Limits
from roop_host.models.store import Store

DATA = graph()
LIMITS = QUICK


def part(store: Store, model: ModelSpec) -> Path:
    return part_path(store.path(model), model.sha256)


def left(store: Store) -> list[str]:
    """What lies in the store beside locks."""
    return sorted(path.name for path in store.root.iterdir() if not path.name.endswith(".lock"))


def refused(store: Store, model: ModelSpec) -> str:
    with pytest.raises(ModelError) as caught:
        store.pull(model)
    assert caught.value.exit_code == 6
    assert "\n" not in str(caught.value)
    assert not store.path(model).exists()
    return str(caught.value)


def test_a_model_comes_with_progress_and_is_noted(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    told: list[tuple[int, int]] = []
    path = store.pull(model, on_bytes=lambda have, total: told.append((have, total)))
    assert path.read_bytes() == DATA
    assert left(store) == [".net.onnx.json", "net.onnx"]
    assert told[0] == (0, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)
    assert store.state(model) == "pulled"
    assert store.pull(model) == path
    assert len(web.asked) == 1
    assert web.asked[0][1]["Accept-Encoding"] == "identity"


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def redirect(to: str) -> Answer:
    return lambda handler: handler.head(302, Location=to, Content_Length=0)


def drip(handler: Handler) -> None:
    """A byte now and then: no time-out of a single read ever ends it."""
    rest = begin(handler, DATA)
    while not handler.web.hold.wait(0.05):
        handler.wfile.write(rest[:1])
        handler.wfile.flush()
        rest = rest[1:]


def silent(handler: Handler) -> None:
    handler.web.hold.wait(60)


# What a server does, and what is told of it.
FAULTS: dict[str, tuple[Answer, str]] = {
    "cut off": (cut(DATA, 0), "broke off after 0 of"),
    "ends early": (raw(DATA[:-7]), "ended after"),
    "another file": (whole(flipped(DATA)), "sent another file: SHA-256"),
    "more": (raw(DATA + b"more"), "sends more than"),
    "lies, more": (raw(DATA, Content_Length=len(DATA) + 7), "offers 320,"),
    "lies, less": (raw(DATA, Content_Length=7), "offers 7 bytes in place of"),
    "an error page": (raw(b"<html>", Content_Type="text/html; charset=utf-8"), "web page"),
    "a short error": (raw(b"not yet", Content_Length=7), "offers 7 bytes"),
    "gone": (raw(b"", 404), "answers 404"),
    "forbidden": (raw(b"", 403), "answers 403"),
    "busy": (raw(b"", 503), "answers 503"),
    "packed": (raw(gzip.compress(DATA), Content_Encoding="gzip"), "packed"),
    "a range nobody asked for": (raw(DATA[9:], 206, Content_Range=f"bytes 9-{len(DATA) - 1}/{len(DATA)}"), "another part"),
    "stalls": (held(DATA, 1000), "too slow"),
    "drips": (drip, "too slow"),
    "never answers": (silent, "too slow"),
    "no http": (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n") and None, "broke off"),
    "a loop": (lambda handler: handler.head(302, Location=handler.path, Content_Length=0), "redirects without end"),
    "leads out": (redirect("http://192.0.2.1/net.onnx"), "leads to http://192.0.2.1"),
    "leads to a file": (redirect("file:///etc/passwd"), "leads to file://"),
    "leads nowhere": (redirect("http://[/"), "leads to http://"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leads_to_the_next_address(name: str, store: Store, web: Web) -> None:
    if name == "never answers":
        store.limits = Limits(connect_s=0.3, slow_s=0.3, tries=2, pause_s=0.01)
    bad = web.at("/bad.onnx", FAULTS[name][0])
    assert store.pull(spec(DATA, bad, web.at("/good.onnx", whole(DATA)))).read_bytes() == DATA
    paths = [path for path, _ in web.asked]
    assert paths[0] == "/bad.onnx"
    assert paths[-1] == "/good.onnx"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_only_address_is_told(name: str, store: Store, web: Web) -> None:
    if name == "never answers":
        store.limits = Limits(connect_s=0.3, slow_s=0.3, tries=2, pause_s=0.01)
    url = web.at("/bad.onnx", FAULTS[name][0])
    said = refused(store, spec(DATA, url))
    assert f"{url} " in said
    assert FAULTS[name][1] in said
    assert "roop models import FILE" in said


def test_a_server_that_is_gone(store: Store, web: Web) -> None:
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}/net.onnx"
        assert "can't be reached" in refused(store, spec(DATA, gone))
        assert [path.name for path in store.root.iterdir() if ".part" in path.name] == []
        assert store.pull(spec(DATA, gone, web.at("/net.onnx", whole(DATA)))).read_bytes() == DATA


def test_all_addresses_are_told_without_what_is_secret(store: Store, web: Web) -> None:
    one, two = web.at("/one?key=s3cret", raw(b"", 404)), web.at("/two", raw(b"", 410))
    said = refused(store, spec(DATA, one.replace("127", "me:s3cret@127", 1), two))
    assert f"{web.base}/one answers 404; {web.base}/two answers 410; try again later" in said
    assert "s3cret" not in said


def test_a_connection_that_breaks_is_gone_on_with(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", cut(DATA, 120_000)))
    store.limits = Limits(pause_s=0.01, progress=100_000, tries=2)
    assert store.pull(model).read_bytes() == DATA
    assert [headers["Range"] for _, headers in web.asked] == [None, "bytes=120000-", "bytes=240000-"]
    assert web.asked[1][1]["If-Range"].startswith('"')


def test_little_by_little_is_not_gone_on_with_for_ever(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", cut(DATA, 1)))
    assert "broke off after 2 of" in refused(store, model)
    assert len(web.asked) == LIMITS.tries
    assert part(store, model).read_bytes() == DATA[:2]


def test_a_cancelled_pull_is_gone_on_with_later(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", held(DATA, 100_000)))
    cancel = threading.Event()

    def on_bytes(have: int, total: int) -> None:
        if have == 100_000:
            cancel.set()

    with pytest.raises(Interrupted, match=r"0\.1 MB that came are kept") as caught:
        store.pull(model, on_bytes=on_bytes, cancel=cancel)
    assert caught.value.exit_code == 130
    assert part(store, model).read_bytes() == DATA[:100_000]
    assert not store.path(model).exists()
    web.at("/net.onnx", whole(DATA))
    told: list[int] = []
    store = Store(store.root, limits=LIMITS)
    assert store.pull(model, on_bytes=lambda have, total: told.append(have)).read_bytes() == DATA
    assert told[0] == 100_000
    assert (web.asked[-1][1]["Range"], web.asked[-1][1]["If-Range"]) == ("bytes=100000-", web_tag(web))
    assert left(store) == [".net.onnx.json", "net.onnx"]


def web_tag(web: Web) -> str:
    import hashlib

    return f'"{hashlib.md5(DATA).hexdigest()}"'


@pytest.mark.parametrize("answer", [held(DATA, 5), silent])
def test_a_cancel_is_heard_while_a_server_says_nothing(answer: Answer, store: Store, web: Web) -> None:
    store.limits = Limits()  # as patient as for people
    cancel = threading.Event()
    model = spec(DATA, web.at("/net.onnx", answer))
    before = set(threading.enumerate())
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with pytest.raises(Interrupted):
        store.pull(model, cancel=cancel)
    timer.join()
    web.hold.set()
    assert not [one for one in set(threading.enumerate()) - before if one.name == "roop-download" and one.is_alive()]


def begun(store: Store, model: ModelSpec, data: bytes) -> None:
    store.root.mkdir(exist_ok=True)
    part(store, model).write_bytes(data)


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (whole(DATA), 1),
        (raw(DATA), 1),  # does not know ranges
        (raw(DATA, 206, Content_Range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}"), 2),  # another range than was asked for
        (raw(DATA[5000:], 206, Content_Range=f"bytes 5000-{len(DATA) - 1}/*"), 1),
    ],
)
def test_a_part_is_gone_on_with_or_begun_anew(answer: Answer, requests: int, store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", answer))
    begun(store, model, DATA[:5000])
    assert store.pull(model).read_bytes() == DATA
    assert len(web.asked) == requests
    assert web.asked[0][1]["Range"] == "bytes=5000-"


def test_a_version_that_changed_meanwhile_is_begun_anew(store: Store, web: Web) -> None:
    other = graph(1)
    url = web.at("/net.onnx", held(other, 5000))
    cancel = threading.Event()
    model = spec(DATA, url)
    with pytest.raises(Interrupted):
        store.pull(model, cancel=cancel, on_bytes=lambda have, total: cancel.set() if have == 5000 else None)
    web.at("/net.onnx", whole(DATA))
    assert store.pull(model).read_bytes() == DATA
    assert web.asked[-1][1]["If-Range"]
    assert len(web.asked) == 2  # the server saw that it is another version


def test_parts_of_two_versions_are_not_joined(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    begun(store, model, graph(1)[:5000])  # from a server that named no version
    assert store.pull(model).read_bytes() == DATA
    assert [headers["Range"] for _, headers in web.asked] == ["bytes=5000-", None]


def test_a_range_that_is_not_there_is_begun_anew(store: Store, web: Web) -> None:
    def answer(handler: Handler) -> None:
        handler.head(416, Content_Length=0) if handler.headers["Range"] else whole(DATA)(handler)

    model = spec(DATA, web.at("/net.onnx", answer))
    begun(store, model, DATA[:5000])
    assert store.pull(model).read_bytes() == DATA
    assert len(web.asked) == 2


@pytest.mark.parametrize("have", [DATA, DATA + b"more", flipped(DATA)])
def test_a_part_that_is_whole_or_too_long(have: bytes, store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    begun(store, model, have)
    assert store.pull(model).read_bytes() == DATA
    assert len(web.asked) == (0 if have == DATA else 1)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_part_that_is_a_link_is_not_followed(link: Callable[[Path, Path], None], store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    store.root.mkdir()
    victim = store.root / "victim"
    victim.write_bytes(b"mine")
    link(victim, part(store, model))
    assert store.pull(model).read_bytes() == DATA
    assert victim.read_bytes() == b"mine"


def test_an_origin_that_was_tampered_with_is_not_sent(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    begun(store, model, DATA[:5000])
    origin = part(store, model).with_name(part(store, model).name + ".json")
    for text in ('{"url": "%s", "validator": "x\\r\\nHost: y"}' % model.urls[0], "[]", '{"url": 1}', "[" * 100_000):  # noqa: UP031
        store.path(model).unlink(missing_ok=True)
        begun(store, model, DATA[:5000])
        origin.write_text(text)
        assert store.pull(model).read_bytes() == DATA
        assert web.asked[-1][1]["If-Range"] is None


def test_redirects_are_followed(store: Store, web: Web) -> None:
    web.at("/there", whole(DATA))
    assert store.pull(spec(DATA, web.at("/net.onnx", redirect("/there")))).read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff" * 5000, "can't be loaded: it is no ONNX model"), (outside(), "in other files")]
)
def test_a_right_hash_of_something_that_is_no_single_onnx_file(data: bytes, words: str, store: Store, web: Web) -> None:
    said = refused(store, spec(data, web.at("/net.onnx", whole(data))))
    assert words in said
    assert [path for path in store.root.glob(".*.part") if path.stat().st_size] == []


def test_no_room_is_told_before_the_first_byte(store: Store, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    begun(store, model, DATA[:100_000])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=20_000))
    said = refused(store, model)
    assert "0.2 MB are missing" in said
    assert "ROOP_MODELS" in said
    assert web.asked == []


def test_a_disk_that_fills_up_keeps_what_came(store: Store, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    write = os.write
    room = 150_000

    def full(number: int, data: memoryview) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(number, bytes(data)[:room])
        room -= done
        return done

    with monkeypatch.context() as patch:
        patch.setattr("roop_host.models.part.os.write", full)
        said = refused(store, model)
    assert "is full: 0.2 MB are missing" in said
    assert part(store, model).read_bytes() == DATA[:150_000]
    assert store.pull(model).read_bytes() == DATA
    assert web.asked[-1][1]["Range"] == "bytes=150000-"


def test_a_folder_that_can_not_be_written(tmp_path: Path, web: Web) -> None:
    (tmp_path / "file").touch()
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    store = Store(tmp_path / "file" / "store", limits=LIMITS)
    assert "can't be written (Not a directory); make it writable or name another one by ROOP_MODELS" in refused(store, model)
    assert web.asked == []


def test_the_mirror_is_asked_first(store: Store, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.at("/inside/net.onnx", whole(DATA))
    monkeypatch.setenv("ROOP_MODELS_MIRROR", f"{web.base}/inside/")
    model = spec(DATA, web.at("/outside", raw(b"", 404)))
    store.pull(model)
    assert [path for path, _ in web.asked] == ["/inside/net.onnx"]
    monkeypatch.setenv("ROOP_MODELS_MIRROR", "http://example.test/s3cret")
    store.pull(model)  # it is there
    store.remove(model)
    with pytest.raises(UsageError, match="ROOP_MODELS_MIRROR takes the https address") as caught:
        store.pull(model)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://example.test:99999/x", "https address of a folder"),
        ("https://example.test:0/x", "https address of a folder"),
        ("https://example.test/x?key=s3cret", "can't have a"),
        ("https://example.test/x#s3cret", "can't have a"),
    ],
)
def test_a_mirror_that_can_not_be_one(address: str, words: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOP_MODELS_MIRROR", address)
    with pytest.raises(UsageError, match=words) as caught:
        store.pull(spec(DATA, "https://example.test/net"))
    assert "s3cret" not in str(caught.value)


def test_a_password_of_a_mirror_is_neither_shown_nor_written(
    store: Store, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.at("/net.onnx", cut(DATA, 100))
    monkeypatch.setenv("ROOP_MODELS_MIRROR", web.base.replace("127", "me:s3cret@127", 1))
    model = spec(DATA, web.at("/gone?key=s3cret", raw(b"", 404)))
    assert "s3cret" not in refused(store, model)
    assert any(path.name.endswith(".part.json") for path in store.root.iterdir())
    assert not [path for path in store.root.iterdir() if b"s3cret" in path.read_bytes()]
    web.at("/net.onnx", whole(DATA))
    store.pull(model)
    assert web.asked[-1][1]["If-Range"] == web_tag(web)
    assert not [path for path in store.root.iterdir() if b"s3cret" in path.read_bytes()]
    store.remove(model)
    store.offline = True
    assert "s3cret" not in refused_offline(store, model)


@pytest.mark.parametrize("url", ["https://me:s3cret@example.test:99999/x", "http://me:s3cret@example.test/x"])
def test_a_declared_address_that_can_not_be_one_is_not_shown(url: str) -> None:
    for urls in (("https://example.test/x", url), url):
        with pytest.raises(ValueError, match="urls") as caught:
            spec(DATA, **{"urls": urls})  # type: ignore[arg-type]
        assert "s3cret" not in str(caught.value)


def test_an_address_in_an_error_of_the_library_is_not_shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def client(**_: Any) -> httpx.Client:
        raise ValueError("Unknown scheme for proxy URL URL('odd://me@example.test?key=s3cret')")

    monkeypatch.setattr(httpx, "Client", client)
    said = refused(store, spec(DATA, "https://[2001:db8::1]:8443/net.onnx"))
    assert "https://[2001:db8::1]:8443/net.onnx gives no proper answer" in said
    assert "s3cret" not in said


def test_a_proxy_is_for_other_machines(store: Store, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    assert store.pull(spec(DATA, web.at("/net.onnx", whole(DATA)))).read_bytes() == DATA


def test_offline_nothing_is_asked(store: Store, web: Web) -> None:
    model = spec(DATA, web.at("/net.onnx", whole(DATA)))
    store.offline = True
    said = refused_offline(store, model)
    assert model.urls[0] in said
    assert "roop models import FILE" in said
    assert web.asked == []
    store.offline = False
    path = store.pull(model)
    store.offline = True
    assert store.pull(model) == path


def refused_offline(store: Store, model: ModelSpec) -> str:
    with pytest.raises(ModelError, match="offline") as caught:
        store.pull(model)
    return str(caught.value)


def test_a_busy_disk_does_not_make_a_server_slow(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes longer for each small piece than a server may be silent, while all that is missing waits already."""
    store.limits = Limits(slow_s=10, least_rate=1, tries=1)
    sent, seconds, write = threading.Event(), 0.0, os.write
    real = httpx.Client

    def pieces() -> Iterator[bytes]:
        yield from (DATA[at : at + 5] for at in range(0, 100, 5))
        sent.set()

    def client(**more: Any) -> httpx.Client:
        return real(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=pieces())), **more)

    def busy(number: int, data: memoryview) -> int:
        nonlocal seconds
        assert sent.wait(60)
        seconds += 11
        return write(number, data)

    monkeypatch.setattr(httpx, "Client", client)
    monkeypatch.setattr("roop_host.models.reading.time", SimpleNamespace(monotonic=lambda: seconds))
    monkeypatch.setattr("roop_host.models.part.os.write", busy)
    monkeypatch.setattr("roop_host.models.pulling.require_single_file", lambda *_: None)  # so few bytes are no model
    assert store.pull(spec(DATA[:100], "https://example.test/net.onnx")).read_bytes() == DATA[:100]


def test_a_server_that_stalls_now_and_then_gets_there(store: Store, web: Web) -> None:
    store.limits = Limits(slow_s=0.3, progress=100_000)
    assert store.pull(spec(DATA, web.at("/net.onnx", held(DATA, 150_000)))).read_bytes() == DATA
    assert [headers["Range"] for _, headers in web.asked] == [None, "bytes=150000-", "bytes=300000-"]


def test_a_server_may_stall_as_often_as_it_likes_while_it_gets_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.limits = Limits(progress=1)
    data, rounds = DATA[:3000], 0

    def one_byte(what: ModelSpec, url: str, part: Part, **_: Any) -> None:
        nonlocal rounds
        rounds += 1
        part.add(data[part.size : part.size + 1])
        if part.size < len(data):
            raise FetchError("is too slow")

    monkeypatch.setattr("roop_host.models.pulling.fetch", one_byte)
    monkeypatch.setattr("roop_host.models.pulling.require_single_file", lambda *_: None)
    assert store.pull(spec(data, "https://example.test/net.onnx")).read_bytes() == data
    assert rounds == len(data)


def test_a_redirect_does_not_lead_from_https_to_this_machine(
    store: Store, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = web.at("/inside", whole(DATA))
    real = httpx.Client

    def client(**more: Any) -> httpx.Client:
        return real(transport=httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": inside})), **more)

    monkeypatch.setattr(httpx, "Client", client)
    assert "leads to http://127.0.0.1, which is not https" in refused(store, spec(DATA, "https://example.test/net.onnx"))
    assert web.asked == []
