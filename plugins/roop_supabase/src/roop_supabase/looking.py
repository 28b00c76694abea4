"""A look at a project's server, for a person: does it answer, does it take the key, what is the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roop_host import UsageError
from roop_supabase.credentials import Credentials, kind_of
from roop_supabase.failures import Passing
from roop_supabase.server import Refused, Server

if TYPE_CHECKING:
    from storage3 import SyncBucket

#: Nobody waits longer at a prompt.
_TIMEOUT_S = 15.0
_UNSEEN = (403, 404)


def look(credentials: Credentials, bucket: str, otherwise: str = "") -> list[str]:
    """What was found, in lines. Raises ``UsageError``, ending with ``otherwise``, where no upload could go well."""
    server = Server(credentials, _TIMEOUT_S)
    try:
        with server.asking("looking at the storage"):
            server.client.storage.list_buckets()
        lines = ["server: it answers and takes the key"]
        return [*lines, _bucket(server, bucket)] if bucket else lines
    except Refused as refused:
        raise UsageError(f"{refused}{otherwise}") from None
    except Passing as failure:
        raise UsageError(f"{failure.why}; check the address and the network, or try again later{otherwise}") from None
    finally:
        server.close()


def _bucket(server: Server, name: str) -> str:
    try:
        with server.asking(f"looking at the bucket {name}"):
            return f"bucket {name}: {_described(server, server.client.storage.get_bucket(name))}"
    except Refused as refused:
        if (
            refused.status not in _UNSEEN
            or refused.of_the_key
            or kind_of(server.credentials.key) in ("service_role", "secret")
        ):
            raise
    # Buckets have policies of their own, and uploads need none of those.
    return f"bucket {name}: not shown to this key, as is usual, or not there; an upload tells"


def _described(server: Server, bucket: SyncBucket) -> str:
    said = ["public" if bucket.public else "private"]
    if bucket.file_size_limit:
        said.append(f"files up to {bucket.file_size_limit / 1e6:.1f} MB")
    if bucket.allowed_mime_types:
        said.append(f"only {server.shown(', '.join(map(str, bucket.allowed_mime_types)))}")
    return "; ".join(said)
