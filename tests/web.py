"""A web server on this machine that answers as well, or as badly, as a test wants it to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Web:
    """``routes`` says what each path answers; ``asked`` is every request: path and headers. ``hold`` is set at the end."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.routes: dict[str, Answer] = {}
        self.asked: list[tuple[str, Message]] = []
        self.hold = threading.Event()
        self.base = f"http://127.0.0.1:{server.server_address[1]}"

    def at(self, path: str, answer: Answer) -> str:
        """The address that answers so."""
        self.routes[path] = answer
        return self.base + path


class Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        self.web.asked.append((self.path, self.headers))
        answer = self.web.routes.get(self.path)
        try:
            self.send_error(404) if answer is None else answer(self)
        except OSError:  # who asked has left
            self.close_connection = True

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's own word)
        pass


@contextmanager
def serving() -> Iterator[Web]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = Web(server)
    server.RequestHandlerClass = type("OneHandler", (Handler,), {"web": web})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        web.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def begin(handler: Handler, data: bytes, *, tag: str = "") -> bytes:
    """The head of a proper answer, also to a request for a range; what must follow."""
    tag = tag or f'"{hashlib.md5(data).hexdigest()}"'  # a name, no secret
    asked = handler.headers.get("Range", "")
    same = handler.headers.get("If-Range", tag) == tag
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and same else 0
    if start >= len(data):
        handler.head(416, Content_Range=f"bytes */{len(data)}", Content_Length=0)
        return b""
    more = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
    handler.head(206 if start else 200, Content_Length=len(data) - start, ETag=tag, **more)
    return data[start:]


def whole(data: bytes, *, tag: str = "") -> Answer:
    return lambda handler: handler.wfile.write(begin(handler, data, tag=tag)) and None


def cut(data: bytes, count: int) -> Answer:
    """A connection that breaks after ``count`` bytes, each time."""
    return lambda handler: handler.wfile.write(begin(handler, data)[:count]) and None


def held(data: bytes, count: int) -> Answer:
    """``count`` bytes, and nothing more."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(begin(handler, data)[:count])
        handler.web.hold.wait(60)

    return answer


def raw(data: bytes, status: int = 200, **headers: object) -> Answer:
    """These bytes under any head, whatever was asked for."""

    def answer(handler: Handler) -> None:
        handler.head(status, **headers)
        handler.wfile.write(data)

    return answer
