"""A server on loopback that answers as no server should."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Pieces = Callable[[], Iterable[bytes]]


@contextmanager
def answering(pieces: Pieces, *, pause_s: float = 0.0) -> Iterator[str]:
    """Its address. Every connection gets the pieces, one each ``pause_s``, after each request that it sends."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while not over.is_set() and _request(connection):
                for piece in pieces():
                    if over.wait(pause_s):
                        return
                    connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """A whole answer in one piece."""
    told = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
    return f"{told}\r\n".encode() + body


def _request(connection: socket.socket) -> bool:
    """Read one without a body, or with as much as its length says. False at the end."""
    told = b""
    while b"\r\n\r\n" not in told:
        part = connection.recv(65536)
        if not part:
            return False
        told += part
    head, _, body = told.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = int(lengths[0]) - len(body) if lengths else 0
    while left > 0 and (part := connection.recv(65536)):
        left -= len(part)
    return True
