"""A Supabase project on loopback for tests, as a process of its own.

``python storage_server.py --folder DIR --port 0`` prints where it listens, and its keys, as one line of JSON. What lies in
DIR/objects is removed. ``/storage/v1`` and ``/rest/v1`` keep the platform's contract; ``/_test`` orders faults and tells
what came.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from supabase_double import buckets, control, objects, resumable, tables
from supabase_double.body import Body, Cut
from supabase_double.exchange import Answer, ApiError, Exchange
from supabase_double.faults import Fault
from supabase_double.tokens import Keys
from supabase_double.world import Seen, Settings, World

_PIECE = 64 * 1024


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, world: World) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "supabase-double", ""
    disable_nagle_algorithm, timeout = True, 60
    _seen: Seen
    _body: Body

    def log_message(self, *args: object) -> None:
        """Nothing: tests ask for the requests."""

    def _serve(self) -> None:
        world = cast(_Server, self.server).world
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._body = Body(cast(BufferedReader, self.rfile), headers, self._halt)
        exchange = Exchange(world, self.command, path, parts.query, headers, self._body)
        self._seen = Seen(self.command, self.path, headers)
        if path.startswith("/_test/"):
            self._send(control.routed(exchange, path.removeprefix("/_test/")) or Answer(404))
            return
        with world.lock:
            world.requests.append(self._seen)
            fault = world.fault(self.command, self.path)
        try:
            answer = self._answer(exchange, fault or Fault())
        except Cut:
            answer = _instead(fault) if fault else None
        self._seen.size = self._body.size
        if answer is None:
            self._drop()
        else:
            self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _answer(self, exchange: Exchange, fault: Fault) -> Answer | None:
        """None: the connection ends without one."""
        self._body.stop_at = fault.after_bytes
        if fault.instead and not fault.late and fault.after_bytes is None:
            if fault.at == "body":
                exchange.body()
            self._stall(exchange.world, fault)
            return _instead(fault)
        if not fault.late:
            self._stall(exchange.world, fault)
        exchange.fails_to_finish = fault.at == "finish"
        answer = _routed(exchange)
        if fault.location is not None and "Location" in answer.headers:
            true = urlsplit(answer.headers["Location"])
            answer.headers["Location"] = fault.location.format(location=true.geturl(), path=true.path, host=true.netloc)
        if fault.at == "end" or exchange.unfinished:
            self._stall(exchange.world, fault)
            return _instead(fault) if fault.instead else answer
        return answer

    def _stall(self, world: World, fault: Fault) -> None:
        """A reset ends it: what stalled in one test does nothing in the next."""
        if fault.stall_s and world.over.wait(fault.stall_s):
            raise Cut

    def _halt(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)

    def _drop(self) -> None:
        """With a reset, as when a router forgets a connection: a client that still writes must notice."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
        self.connection.close()

    def _send(self, answer: Answer) -> None:
        self._seen.status = answer.status
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.file[2] if answer.file else len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
            if answer.file:
                self._send_file(*answer.file)
        self.wfile.flush()
        self._body.drain()

    def _send_file(self, path: Path, start: int, length: int) -> None:
        with path.open("rb") as file:
            file.seek(start)
            while length and (piece := file.read(min(length, _PIECE))):
                self.wfile.write(piece)
                length -= len(piece)


def _instead(fault: Fault) -> Answer | None:
    """The ordered answer, or None for none at all."""
    if fault.drop or fault.status is None:
        return None
    if isinstance(fault.body, str):
        answer = Answer(fault.status, {"Content-Type": "text/plain"}, fault.body.encode())
    else:
        answer = Answer(fault.status) if fault.body is None else Answer.of(fault.body, fault.status)
    answer.headers.update(fault.headers)
    return answer


def _routed(exchange: Exchange) -> Answer:
    path = exchange.path
    if path.startswith("/rest/v1/"):
        answer = tables.routed(exchange, path.removeprefix("/rest/v1/"))
    else:
        answer = _storage(exchange, path.removeprefix("/storage/v1"))
    if answer is None:
        told = path.removeprefix("/storage/v1")
        missing = {"message": f"Route {exchange.method}:{told} not found", "error": "Not Found", "statusCode": 404}
        return Answer.of(missing, 404)
    return answer


def _storage(exchange: Exchange, path: str) -> Answer | None:
    family, _, rest = path.removeprefix("/").partition("/")
    try:
        if family == "upload" and rest.split("/")[0] == "resumable":
            origin = f"http://{exchange.headers.get('host', 'localhost')}"
            return resumable.routed(exchange, rest.removeprefix("resumable").strip("/"), origin)
        if family == "object":
            return objects.routed(exchange, rest)
        if family == "bucket":
            return buckets.routed(exchange, rest)
    except ApiError as error:
        return error.answer()
    return None


def _end_with_stdin() -> None:
    """Who started this process and is gone, leaves no server behind."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--chunk", type=int, default=Settings.chunk, help="bytes of every chunk of a resumable upload but the last"
    )
    parser.add_argument("--max-size", type=int, default=Settings.max_size)
    parser.add_argument(
        "--expires", type=float, default=Settings.expires_s, help="seconds until an unfinished upload is gone"
    )
    parser.add_argument("--end-with-stdin", action="store_true")
    said = parser.parse_args()
    settings = Settings(chunk=said.chunk, max_size=said.max_size, expires_s=said.expires)
    keys = Keys.made()
    server = _Server(said.port, World(said.folder / "objects", keys, settings))
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", **asdict(keys)}), flush=True)
    if said.end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
