"""The routes of objects: upload in one request, signed and public links, information, listing, removal."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Callable
from email.message import Message
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

from supabase_double import buckets
from supabase_double.exchange import Answer, ApiError, Exchange
from supabase_double.tokens import Refused, sign, verify
from supabase_double.world import BYPASSES, Bucket, Content, Stored, World, now

_TWO_HOURS_S = 7200


def store(world: World, bucket: str, key: str, content: Content, version: str | None = None) -> Stored:
    """Put the object there. What stood there is replaced, as on the real server: permission was asked before."""
    raw = content.file.read_bytes()
    with world.lock:
        old = world.objects.get((bucket, key))
        made = Stored(
            bucket,
            key,
            content,
            f'"{hashlib.md5(raw).hexdigest()}"',
            hashlib.sha256(raw).hexdigest(),
            len(raw),
            old.id if old else str(uuid.uuid4()),
            version or str(uuid.uuid4()),
            old.created_at if old else now(),
        )
        world.objects[(bucket, key)] = made
    return made


def _parts(body: bytes, content_type: str) -> list[tuple[Message, bytes]]:
    """Headers and content of the parts of a multipart body."""
    outer = Message()
    outer["content-type"] = content_type
    boundary = str(outer.get_param("boundary", "")).encode()
    parts = []
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = Message()
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
        parts.append((headers, content))
    return parts


def _json_or_none(text: str | bytes | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _of_form(exchange: Exchange) -> tuple[bytes, str, str, Any]:
    """Content, type, cache control and metadata. Only fields before the file count: the real server reads no further."""
    told: dict[str, str] = {}
    for headers, content in _parts(exchange.body(), exchange.headers["content-type"]):
        name = headers.get_param("name", header="content-disposition")
        if headers.get_filename() is not None:
            mimetype = told.get("contentType") or headers.get("content-type") or "application/octet-stream"
            cache = f"max-age={told['cacheControl']}" if told.get("cacheControl") else "no-cache"
            return content, mimetype, cache, _json_or_none(told.get("metadata") or told.get("userMetadata")) or {}
        told[str(name)] = content.decode()
    raise ApiError(400, "InvalidRequest", "No content provided")


def _of_raw(exchange: Exchange) -> tuple[bytes, str, str, Any]:
    headers = exchange.headers
    mimetype = headers.get("content-type") or "application/octet-stream"
    try:
        metadata = _json_or_none(base64.b64decode(headers.get("x-metadata", "")))
    except ValueError:
        metadata = None
    return exchange.body(), mimetype, headers.get("cache-control") or "no-cache", metadata or {}


def upload(exchange: Exchange, name: str, key: str, role: str, *, upsert: bool) -> Stored:
    """One object in one request. What is checked first is checked first here too."""
    world = exchange.world
    bucket = buckets.bucket_of(world, name)
    form = exchange.headers.get("content-type", "").startswith("multipart/form-data")
    content, mimetype, cache, metadata = _of_form(exchange) if form else _of_raw(exchange)
    buckets.check_type(bucket, mimetype)
    limit = buckets.size_limit(bucket, min(world.settings.standard_size, world.settings.max_size))
    if not form and len(content) > limit:
        raise buckets.too_large()
    buckets.check_key(key)
    with world.lock:
        buckets.check_upload(world, bucket, key, role, upsert=upsert)
        if len(content) > limit:
            raise buckets.too_large()
        file = world.new_file()
        file.write_bytes(content)
        return store(world, name, key, Content(file, mimetype, cache, metadata))


def _upload(exchange: Exchange, name: str, key: str) -> Answer:
    upsert = exchange.upsert or exchange.method == "PUT"
    stored = upload(exchange, name, key, exchange.named_role(), upsert=upsert)
    return Answer.of({"Id": stored.id, "Key": f"{name}/{key}"})


def _found(world: World, bucket: Bucket, key: str, role: str) -> Stored:
    stored = world.objects.get((bucket.id, key))
    if stored is None or not world.allows(bucket.policies, role, "select"):
        raise buckets.no_key()
    return stored


def _readable(exchange: Exchange, name: str, key: str) -> Stored:
    """For GET and information: a public bucket is read by anybody, another as the policies say."""
    world, role = exchange.world, exchange.role_or_none()
    bucket = world.buckets.get(name)
    if bucket is None or (role is None and not bucket.public):
        raise buckets.no_bucket()
    return _found(world, bucket, key, BYPASSES if bucket.public else role or "anon")


def _range(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and length of ``bytes=a-b``; None for what isn't understood, which is then left aside."""
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    if not asked.startswith("bytes=") or not dash or not (first + last).isdigit():
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise ApiError(416, "InvalidRange", "invalid range provided", "invalid_range")
    return start, end - start + 1


def _content(exchange: Exchange, stored: Stored, **more: str) -> Answer:
    part = _range(exchange.headers.get("range", ""), stored.size)
    start, length = part or (0, stored.size)
    shown = "text/plain" if "text/html" in stored.content.mimetype else stored.content.mimetype
    headers = {"Content-Type": shown, "Accept-Ranges": "bytes", "ETag": stored.etag, "X-Robots-Tag": "none"}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    if (name := exchange.query.get("download")) is not None:
        told = quote(name, safe="")
        headers["Content-Disposition"] = f"attachment; filename={told}; filename*=UTF-8''{told}" if name else "attachment;"
    if exchange.world.settings.packs and not part and "gzip" in exchange.headers.get("accept-encoding", ""):
        return Answer(200, headers | {"Content-Encoding": "gzip"}, gzip.compress(stored.content.file.read_bytes()))
    return Answer(206 if part else 200, headers, file=(stored.content.file, start, length))


def _public(exchange: Exchange, name: str, key: str) -> Answer:
    bucket = exchange.world.buckets.get(name)
    if bucket is None or not bucket.public:
        raise buckets.no_bucket()
    stored = _found(exchange.world, bucket, key, BYPASSES)
    return _content(exchange, stored, Cache_Control=stored.content.cache_control)


def _signed_claims(exchange: Exchange, place: str, scope: str) -> dict[str, Any]:
    if "token" not in exchange.query:
        raise ApiError(400, "InvalidRequest", "querystring must have required property 'token'", "Error")
    try:
        claims = verify(exchange.world.keys.jwt_secret, exchange.query["token"])
    except Refused as error:
        raise ApiError(400, "InvalidJWT", str(error)) from None
    if claims.get("scope") != scope or claims.get("url") != place:
        raise ApiError(400, "InvalidSignature", "Invalid signature")
    return claims


def _signed(exchange: Exchange, name: str, key: str) -> Answer:
    claims = _signed_claims(exchange, f"{name}/{key}", "download")
    stored = exchange.world.objects.get((name, key))
    if stored is None:
        raise buckets.no_key()
    return _content(exchange, stored, Expires=formatdate(claims["exp"], usegmt=True))


def _sign(exchange: Exchange, name: str, key: str) -> Answer:
    world, role = exchange.world, exchange.named_role()
    said = exchange.json()
    if "expiresIn" not in said:
        raise ApiError(400, "InvalidRequest", "body must have required property 'expiresIn'", "Error")
    try:
        seconds = int(said["expiresIn"])
    except (TypeError, ValueError):
        seconds = 0
    if seconds < 1:
        raise ApiError(400, "InvalidRequest", "body/expiresIn must be >= 1", "Error")
    buckets.check_key(key)
    bucket = world.buckets.get(name)
    if bucket is None:
        raise buckets.no_key()
    _found(world, bucket, key, role)
    token = sign(world.keys.jwt_secret, {"url": f"{name}/{key}", "scope": "download"}, expires_in=seconds)
    return Answer.of({"signedURL": f"/object/sign/{name}/{key}?token={token}"})


def _sign_upload(exchange: Exchange, name: str, key: str) -> Answer:
    world, role = exchange.world, exchange.named_role()
    buckets.check_upload(world, buckets.bucket_of(world, name), key, role, upsert=exchange.upsert)
    claims = {"url": f"{name}/{key}", "scope": "upload", "upsert": exchange.upsert}
    token = sign(world.keys.jwt_secret, claims, expires_in=_TWO_HOURS_S)
    return Answer.of({"url": f"/object/upload/sign/{name}/{key}?token={token}", "token": token})


def _upload_signed(exchange: Exchange, name: str, key: str) -> Answer:
    claims = _signed_claims(exchange, f"{name}/{key}", "upload")
    upload(exchange, name, key, BYPASSES, upsert=bool(claims.get("upsert")))
    return Answer.of({"Key": f"{name}/{key}"})


def _info(exchange: Exchange, name: str, key: str) -> Answer:
    stored = _readable(exchange, name, key)
    told = {
        "id": stored.id,
        "name": stored.key,
        "version": stored.version,
        "bucket_id": stored.bucket,
        "size": stored.size,
        "content_type": stored.content.mimetype,
        "cache_control": stored.content.cache_control,
        "etag": stored.etag,
        "metadata": stored.content.user_metadata,
        "last_modified": stored.updated_at,
        "created_at": stored.created_at,
    }
    answer = Answer.of(told)
    answer.headers |= {"Cache-Control": stored.content.cache_control, "ETag": stored.etag}
    return answer


def _list(exchange: Exchange, name: str, key: str) -> Answer:
    world, role, asked = exchange.world, exchange.named_role(), exchange.json()
    if "prefix" not in asked:
        raise ApiError(400, "InvalidRequest", "body must have required property 'prefix'", "Error")
    prefix, search = asked["prefix"], asked.get("search", "").casefold()
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    bucket = world.buckets.get(name)
    rows: dict[str, Any] = {}
    if bucket is not None and world.allows(bucket.policies, role, "select"):
        for stored in (one for one in world.objects.values() if one.bucket == name and one.key.startswith(prefix)):
            first, slash, _ = stored.key.removeprefix(prefix).partition("/")
            if first.casefold().startswith(search):
                rows[first] = _row(first, None if slash else stored)
    start = int(asked.get("offset", 0))
    return Answer.of([rows[name] for name in sorted(rows)][start : start + int(asked.get("limit", 100))])


def _row(name: str, stored: Stored | None) -> dict[str, Any]:
    if stored is None:
        return {"name": name, "id": None, "updated_at": None, "created_at": None, "last_accessed_at": None, "metadata": None}
    metadata = {
        "eTag": stored.etag,
        "size": stored.size,
        "mimetype": stored.content.mimetype,
        "cacheControl": stored.content.cache_control,
        "lastModified": stored.updated_at,
        "contentLength": stored.size,
        "httpStatusCode": 200,
    }
    times = {"updated_at": stored.updated_at, "created_at": stored.created_at, "last_accessed_at": stored.updated_at}
    return {"name": name, "id": stored.id, **times, "metadata": metadata}


def _remove(exchange: Exchange, name: str, key: str) -> Answer:
    """Names that aren't there, or that the role doesn't see or may not remove, are left out of the answer."""
    world, role = exchange.world, exchange.named_role()
    keys = [key] if key else exchange.json().get("prefixes", [])
    if not keys:
        raise ApiError(400, "InvalidRequest", "body/prefixes must NOT have fewer than 1 items", "Error")
    removed = []
    with world.lock:
        bucket = world.buckets.get(name)
        if bucket and all(world.allows(bucket.policies, role, what) for what in ("select", "delete")):
            removed = [one for one in (world.objects.pop((name, key), None) for key in keys) if one]
    if key and not removed:
        raise buckets.no_key()
    if key:
        return Answer.of({"message": "Successfully deleted"})
    return Answer.of([{"bucket_id": name, **_row(one.key, one)} for one in removed])


def _get(exchange: Exchange, name: str, key: str) -> Answer:
    stored = _readable(exchange, name, key)
    return _content(exchange, stored, Cache_Control=stored.content.cache_control)


_Route = Callable[[Exchange, str, str], Answer]
#: By method and the words before the bucket, the longer ones first.
_ROUTES: list[tuple[str, str, _Route]] = [
    ("POST", "upload/sign/", _sign_upload),
    ("PUT", "upload/sign/", _upload_signed),
    ("POST", "sign/", _sign),
    ("GET", "sign/", _signed),
    ("GET", "public/", _public),
    ("GET", "info/authenticated/", _info),
    ("GET", "info/public/", _info),
    ("GET", "info/", _info),
    ("POST", "list/", _list),
    ("GET", "authenticated/", _get),
    ("GET", "", _get),
    ("DELETE", "", _remove),
    ("POST", "", _upload),
    ("PUT", "", _upload),
]


def routed(exchange: Exchange, rest: str) -> Answer | None:
    """The answer to ``/object/REST``. A HEAD is a GET whose body isn't sent."""
    method = "GET" if exchange.method == "HEAD" else exchange.method
    for wanted, words, route in _ROUTES:
        if method == wanted and rest.startswith(words):
            name, _, key = rest.removeprefix(words).partition("/")
            return route(exchange, name, key)
    return None


def content_of(world: World, name: str, key: str) -> tuple[Path, int, int]:
    stored = world.objects[(name, key)]
    return stored.content.file, 0, stored.size
