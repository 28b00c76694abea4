"""A look at a project's server, for a person: does it answer, does it take the key, what is the bucket."""

from __future__ import annotations

from threading import Event

from roop_host import UsageError
from roop_supabase.bucket import Bucket, look_at
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Passing, Patience
from roop_supabase.server import Refused, Server

#: Nobody waits longer at a prompt.
_TIMEOUT_S = 15.0


def look(credentials: Credentials, bucket: str, otherwise: str = "") -> list[str]:
    """What was found, in lines. Raises ``UsageError``, ending with ``otherwise``, where no upload could go well."""
    server = Server(credentials, _TIMEOUT_S, bucket_flag="--bucket")
    try:
        _require_buckets(server)
        lines = ["server: it answers and takes the key"]
        if bucket:
            lines.append(_told(look_at(server, bucket, Patience(lambda: None, Event(), tries=2))))
        return lines
    except Refused as refused:
        raise UsageError(f"{refused}{otherwise}") from None
    except Passing as failure:
        check = "" if failure.answered else "check the address and the network, or "
        raise UsageError(f"{failure.why}; {check}try again later{otherwise}") from None
    finally:
        server.close()


def _require_buckets(server: Server) -> None:
    """The list is read as JSON: the client's own reading of it takes no bucket without an owner, say."""
    what = "looking at the storage"
    with server.asking(what):
        answer = server.http.get(f"{server.base}/bucket", headers=server.auth_headers)
        server.require(answer, what)
        if not isinstance(answer.json(), list):
            raise ValueError("no list")


def _told(bucket: Bucket) -> str:
    if bucket.public is None:  # buckets have policies of their own, and uploads need none of those
        return f"bucket {bucket.name}: not shown to this key, as is usual; an upload needs no right to see it"
    said = ["public" if bucket.public else "private"]
    if bucket.most_bytes is not None:
        said.append(f"files up to {bucket.most_bytes / 1e6:.1f} MB")
    if bucket.types:
        said.append(f"only {', '.join(bucket.types)}")
    return f"bucket {bucket.name}: {'; '.join(said)}"
