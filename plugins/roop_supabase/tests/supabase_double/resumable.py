"""TUS 1.0.0 at ``/upload/resumable``: true statuses and plain text, unlike the object routes."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from supabase_double import buckets
from supabase_double.exchange import Answer, ApiError, Exchange
from supabase_double.objects import store
from supabase_double.tokens import Refused, packed, unpacked, verify
from supabase_double.world import BYPASSES, Bucket, Content, Transfer, World

EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration"
_BODY = "application/offset+octet-stream"
#: Who comes while another writes waits so long for its end (the real server: three seconds), then breaks it off.
_DRAIN_S, _PATIENCE_S = 0.3, 5.0


class Plain(Exception):
    """A failure as this part tells it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text

    def answer(self) -> Answer:
        return _plain(self.status, self.text)


@dataclass(frozen=True)
class _Asker:
    role: str
    upsert: bool
    #: Bucket and key that a signed upload is for; None for any.
    place: str | None = None

    def check(self, world: World, bucket: Bucket, key: str) -> None:
        if self.place not in (None, f"{bucket.id}/{key}"):
            raise ApiError(400, "InvalidSignature", "Invalid signature")
        buckets.check_upload(world, bucket, key, self.role, upsert=self.upsert)


def _signed(exchange: Exchange) -> _Asker:
    """Who holds the token of a signed upload may do what its maker might."""
    try:
        claims = verify(exchange.world.keys.jwt_secret, exchange.headers.get("x-signature", ""))
    except Refused as error:
        raise ApiError(400, "InvalidJWT", str(error)) from None
    if claims.get("scope") != "upload":
        raise ApiError(400, "InvalidSignature", "Token is not scoped for upload")
    return _Asker(BYPASSES, bool(claims.get("upsert")), str(claims.get("url")))


def _plain(status: int, text: str = "", **headers: str) -> Answer:
    more = {} if status == 204 else {"Content-Type": "text/plain;charset=UTF-8"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Tus-Resumable": "1.0.0", **more, **named}, text.encode())


def _metadata(header: str | None) -> dict[str, str]:
    told = {}
    try:
        for pair in (header or "").split(","):
            name, _, value = pair.strip().partition(" ")
            told[name] = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Plain(400, "Invalid upload-metadata\n") from None
    return told


def _number(exchange: Exchange, name: str) -> int | None:
    value = exchange.headers.get(name.lower())
    if value is not None and not value.isdigit():
        raise Plain(400, f"Invalid {name.lower()}\n")
    return None if value is None else int(value)


def _stage(world: World, transfer: Transfer) -> dict[str, str]:
    """How long there is time for the rest, or that there is none. The time counts from the start, and no chunk renews it."""
    if transfer.done:
        return {"Tus-Complete": "1"}
    return {"Upload-Expires": formatdate(transfer.began + world.settings.expires_s, usegmt=True)}


def _cache_control(told: str) -> str:
    """Plain seconds are taken, anything else is not."""
    return f"max-age={told}" if told.removeprefix("-").isdigit() else "no-cache"


def _place(told: dict[str, str]) -> tuple[str, str]:
    name, key = told.get("bucketName", ""), told.get("objectName", "")
    buckets.check_name(name)
    buckets.check_key(key)
    return name, key


def _create(exchange: Exchange, asker: _Asker, origin: str) -> Answer:
    world = exchange.world
    if "upload-concat" in exchange.headers:
        raise Plain(501, "Concatenation extension is not (yet) supported. Disable parallel uploads in the tus client.\n")
    length, deferred = _number(exchange, "Upload-Length"), exchange.headers.get("upload-defer-length")
    if (length is None) == (deferred is None):
        raise Plain(400, "Upload-Length or Upload-Defer-Length header required\n")
    if not exchange.headers.get("upload-metadata"):
        raise Plain(400, "Metadata header is required")
    told = _metadata(exchange.headers["upload-metadata"])
    name, key = _place(told)
    bucket = buckets.bucket_of(world, name)
    if length is not None and length > buckets.size_limit(bucket, world.settings.max_size):
        raise Plain(413, "Maximum size exceeded\n")
    asker.check(world, bucket, key)
    if told.get("contentType"):
        buckets.check_type(bucket, told["contentType"])
    told["cacheControl"] = _cache_control(told.get("cacheControl", ""))
    transfer = Transfer(name, key, world.new_file(), length, told)
    transfer.file.touch()
    identity = packed(f"{name}/{key}/{transfer.version}".encode())
    with world.lock:
        world.transfers[identity] = transfer
    answer = _plain(201, Location=f"{origin}{exchange.path.rstrip('/')}/{identity}")
    if exchange.headers.get("content-type") == _BODY or transfer.done:
        with _alone(exchange, transfer):
            _write(exchange, transfer)
        answer.headers["Upload-Offset"] = str(transfer.offset)
    answer.headers |= _stage(world, transfer)
    return answer


def _check_identity(identity: str) -> None:
    with suppress(ValueError):
        if unpacked(identity).decode().count("/") >= 2:
            return
    raise Plain(400, "Invalid upload id")


def _is_there(world: World, transfer: Transfer) -> bool:
    stored = world.objects.get((transfer.bucket, transfer.key))
    return stored is not None and stored.version == transfer.version


def _transfer(world: World, identity: str) -> Transfer:
    _check_identity(identity)
    transfer = world.transfers.get(identity)
    if transfer is None or (transfer.stored and not _is_there(world, transfer)):
        raise Plain(404, "The file for this url was not found\n")
    if time.time() >= transfer.began + world.settings.expires_s:
        gone = world.settings.expired_status == 410
        raise Plain(410 if gone else 404, f"The file for this url {'no longer exists' if gone else 'was not found'}\n")
    return transfer


@contextmanager
def _alone(exchange: Exchange, transfer: Transfer) -> Iterator[None]:
    """The last to come gets the upload, as on the real server; what the writer before it brought is kept."""
    if not transfer.writing.acquire(timeout=_DRAIN_S):
        transfer.break_off()
        if not transfer.writing.acquire(timeout=_PATIENCE_S):
            raise Plain(503, "acquiring lock timeout")
    transfer.break_off = exchange.break_off
    try:
        yield
    finally:
        transfer.writing.release()


def _head(exchange: Exchange, identity: str) -> Answer:
    transfer = _transfer(exchange.world, identity)
    with _alone(exchange, transfer):
        answer = _plain(200, Cache_Control="no-store", Upload_Offset=str(transfer.offset))
    if transfer.length is None:
        answer.headers["Upload-Defer-Length"] = "1"
    else:
        answer.headers["Upload-Length"] = str(transfer.length)
    answer.headers["Upload-Metadata"] = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in transfer.metadata.items()
    )
    return answer


def _patch(exchange: Exchange, identity: str, asker: _Asker) -> Answer:
    world = exchange.world
    offset = _number(exchange, "Upload-Offset")
    if offset is None:
        raise Plain(403, "Upload-Offset header required\n")
    if "content-type" not in exchange.headers:
        raise Plain(403, "Content-Type header required\n")
    if exchange.headers["content-type"] != _BODY:
        raise Plain(400, "Invalid content-type\n")
    transfer = _transfer(world, identity)
    asker.check(world, buckets.bucket_of(world, transfer.bucket), transfer.key)
    with _alone(exchange, transfer):
        if offset != transfer.offset:
            raise Plain(409, "Upload-Offset conflict\n")
        if transfer.length is None:
            transfer.length = _number(exchange, "Upload-Length")
        _write(exchange, transfer)
    answer = _plain(204, Upload_Offset=str(transfer.offset))
    answer.headers |= _stage(world, transfer)
    return answer


def _check_chunk(world: World, transfer: Transfer, size: int | None) -> None:
    """Every chunk but the last is of one size."""
    if size is None or transfer.length is None:
        return
    left = transfer.length - transfer.offset
    if size > left:
        raise Plain(413, "upload's size exceeded\n")
    if size not in (0, left, world.settings.chunk):
        raise Plain(400, f"Every chunk but the last must be of {world.settings.chunk} bytes, and this one is of {size}\n")


def _write(exchange: Exchange, transfer: Transfer) -> None:
    """What comes is kept, also when the body breaks off. The object appears with the last byte."""
    _check_chunk(exchange.world, transfer, _number(exchange, "Content-Length"))
    began = transfer.offset
    with transfer.file.open("ab") as file:
        for piece in exchange.pieces():
            if transfer.length is not None and transfer.offset + len(piece) > transfer.length:
                file.truncate(began)
                transfer.offset = began
                raise Plain(413, "Maximum size exceeded\n")
            file.write(piece)
            transfer.offset += len(piece)
    if transfer.done:
        if exchange.fails_to_finish:
            exchange.unfinished = True
            raise Plain(500, "Internal Server Error")
        _finish(exchange.world, transfer)


def _finish(world: World, transfer: Transfer) -> None:
    told = transfer.metadata
    metadata: dict[str, Any] | None = None
    with suppress(ValueError):
        metadata = json.loads(told["metadata"]) if told.get("metadata") else None
    content = Content(transfer.file, told.get("contentType") or "binary/octet-stream", told["cacheControl"], metadata)
    store(world, transfer.bucket, transfer.key, content, transfer.version)
    transfer.stored = True


def _terminate(exchange: Exchange, identity: str, asker: _Asker) -> Answer:
    world = exchange.world
    transfer = _transfer(world, identity)
    asker.check(world, buckets.bucket_of(world, transfer.bucket), transfer.key)
    if transfer.done:
        raise Plain(400, "Cannot terminate an already completed upload")
    with _alone(exchange, transfer), world.lock:
        del world.transfers[identity]
    return _plain(204)


def _answered(exchange: Exchange, rest: str, origin: str) -> Answer | None:
    world, method = exchange.world, exchange.method
    if method == "OPTIONS":
        limit = str(world.settings.max_size)
        return _plain(204, Tus_Version="1.0.0", Tus_Extension=EXTENSIONS, Tus_Max_Size=limit)
    signed, identity = rest.split("/")[0] == "sign", rest.removeprefix("sign").strip("/")
    if not signed:
        try:
            asker = _Asker(exchange.role(), exchange.upsert)
        except ApiError as error:
            return error.answer()
    if "tus-resumable" not in exchange.headers:
        raise Plain(412, "Tus-Resumable Required\n")
    if exchange.headers["tus-resumable"] != "1.0.0":
        raise Plain(400, "Invalid tus-resumable\n")
    if signed:
        asker = _signed(exchange)
    if method == "POST" and not identity:
        return _create(exchange, asker, origin)
    if method == "HEAD":
        return _head(exchange, identity)
    if method == "PATCH":
        return _patch(exchange, identity, asker)
    if method == "DELETE":
        return _terminate(exchange, identity, asker)
    return None


def routed(exchange: Exchange, identity: str, origin: str) -> Answer | None:
    """The answer to ``/upload/resumable`` (without an identity) and ``/upload/resumable/IDENTITY``."""
    try:
        return _answered(exchange, identity, origin)
    except Plain as error:
        return error.answer()
    except ApiError as error:
        return _plain(error.status, error.message)
