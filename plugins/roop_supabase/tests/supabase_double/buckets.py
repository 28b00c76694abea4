"""Who may do what in a bucket, which keys and types it takes, and the routes of buckets themselves."""

from __future__ import annotations

import re
from typing import Any

from supabase_double.exchange import Answer, ApiError, Exchange
from supabase_double.world import BYPASSES, Bucket, World

_KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$@=;:+,?-]+")
_BUCKET = re.compile(r"[A-Za-z0-9_!.*'() &$@=;:+,?-]{1,100}")


def no_bucket() -> ApiError:
    return ApiError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def no_key() -> ApiError:
    return ApiError(404, "NoSuchKey", "Object not found", "not_found")


def denied() -> ApiError:
    return ApiError(403, "AccessDenied", "new row violates row-level security policy", "Unauthorized")


def duplicate(code: str = "KeyAlreadyExists") -> ApiError:
    return ApiError(409, code, "The resource already exists", "Duplicate")


def too_large() -> ApiError:
    return ApiError(413, "EntityTooLarge", "The object exceeded the maximum allowed size", "Payload too large")


def bucket_of(world: World, name: str) -> Bucket:
    if name not in world.buckets:
        raise no_bucket()
    return world.buckets[name]


def check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ApiError(400, "InvalidKey", f"Invalid key: {key}")


def check_name(name: str) -> None:
    if not _BUCKET.fullmatch(name):
        raise ApiError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input")


def check_type(bucket: Bucket, mimetype: str) -> None:
    if not bucket.allowed_mime_types:
        return
    kind, _, name = mimetype.partition("/")
    if not name or not {f"{kind}/{name}", f"{kind}/*"} & set(bucket.allowed_mime_types):
        raise ApiError(415, "InvalidMimeType", f"mime type {mimetype} is not supported", "invalid_mime_type")


def size_limit(bucket: Bucket, general: int) -> int:
    return min(bucket.file_size_limit or general, general)


def check_upload(world: World, bucket: Bucket, key: str, role: str, *, upsert: bool) -> None:
    """The policies as PostgreSQL asks them for an insert, with ``ON CONFLICT DO UPDATE`` for an upsert."""
    exists = (bucket.id, key) in world.objects
    needed = ["insert"]
    if upsert:
        needed += ["select", "update"] if exists else ["select"]
    if not all(world.allows(bucket.policies, role, what) for what in needed):
        raise denied()
    if exists and not upsert:
        raise duplicate()


def _described(bucket: Bucket) -> dict[str, Any]:
    return {
        "id": bucket.id,
        "name": bucket.id,
        "owner": "",
        "public": bucket.public,
        "created_at": bucket.created_at,
        "updated_at": bucket.created_at,
        "file_size_limit": bucket.file_size_limit,
        "allowed_mime_types": bucket.allowed_mime_types,
    }


def _create(exchange: Exchange, role: str) -> Answer:
    said, world = exchange.json(), exchange.world
    name = said.get("id") or said.get("name") or ""
    check_name(name)
    if role != BYPASSES:
        raise denied()
    with world.lock:
        if name in world.buckets:
            raise duplicate("BucketAlreadyExists")
        world.buckets[name] = Bucket(
            name, bool(said.get("public")), said.get("file_size_limit"), said.get("allowed_mime_types") or None
        )
    return Answer.of({"name": said.get("name") or name})


def _delete(world: World, name: str, role: str) -> Answer:
    with world.lock:
        bucket_of(world, name)
        if role != BYPASSES:
            raise no_bucket()
        if any(bucket == name for bucket, _ in world.objects):
            raise ApiError(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty")
        del world.buckets[name]
    return Answer.of({"message": "Successfully deleted"})


def routed(exchange: Exchange, name: str) -> Answer | None:
    """The answer to ``/bucket`` (without a name) and ``/bucket/NAME``."""
    world, role = exchange.world, exchange.named_role()
    if exchange.method == "GET" and not name:
        seen = [bucket for bucket in world.buckets.values() if world.allows(bucket.policies, role, "bucket")]
        return Answer.of([_described(bucket) | {"type": "STANDARD"} for bucket in seen])
    if exchange.method == "GET":
        bucket = bucket_of(world, name)
        if not world.allows(bucket.policies, role, "bucket"):
            raise no_bucket()
        return Answer.of(_described(bucket))
    if exchange.method == "POST" and not name:
        return _create(exchange, role)
    if exchange.method == "DELETE" and name:
        return _delete(world, name, role)
    return None
