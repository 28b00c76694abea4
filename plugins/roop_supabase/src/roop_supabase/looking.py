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
    server = Server(credentials, _TIMEOUT_S)
    try:
        with server.asking("looking at the storage"):
            server.client.storage.list_buckets()
        lines = ["server: it answers and takes the key"]
        if bucket:
            lines.append(_told(look_at(server, bucket, Patience(lambda: None, Event(), tries=2))))
        return lines
    except Refused as refused:
        raise UsageError(f"{refused}{otherwise}") from None
    except Passing as failure:
        raise UsageError(f"{failure.why}; check the address and the network, or try again later{otherwise}") from None
    finally:
        server.close()


def _told(bucket: Bucket) -> str:
    if bucket.public is None:  # buckets have policies of their own, and uploads need none of those
        return f"bucket {bucket.name}: not shown to this key, as is usual; an upload needs no right to see it"
    said = ["public" if bucket.public else "private"]
    if bucket.most_bytes is not None:
        said.append(f"files up to {bucket.most_bytes / 1e6:.1f} MB")
    if bucket.types:
        said.append(f"only {', '.join(bucket.types)}")
    return f"bucket {bucket.name}: {'; '.join(said)}"
