"""A name that is taken in the bucket: by the same content, or by another."""

from __future__ import annotations

from typing import Any

from roop_host import Artifact, UploadError
from roop_supabase.failures import Patience
from roop_supabase.place import Place, is_of_content
from roop_supabase.server import Refused, Server


def require_same(server: Server, place: Place, artifact: Artifact, patience: Patience) -> None:
    """Raise ``UploadError`` unless what has the name is this content."""
    same = patience.insist(lambda: same_there(server, place, artifact))
    if same:
        return
    seen = "another file" if same is False else "a file that may be another"
    instead = "--supabase-upsert replaces it"
    if not is_of_content(place, artifact):
        instead += ", and --supabase-naming hash finds a name of its own"
    raise UploadError(f"{seen} stands at {place.key} in the bucket {place.bucket}; {instead}")


def same_there(server: Server, place: Place, artifact: Artifact) -> bool | None:
    """Whether it is the same content, None where that can't be seen. A name made of the content counts then.

    One request, which may raise ``Passing``.
    """
    unseen = True if is_of_content(place, artifact) else None
    try:
        with server.asking("looking at the file of that name"):
            info: dict[str, Any] = server.client.storage.from_(place.bucket).info(place.key)
            size, metadata = info.get("size"), info.get("metadata")
    except Refused:
        return unseen
    if size is not None and size != artifact.size:
        return False
    sha256 = metadata.get("sha256") if isinstance(metadata, dict) else None
    return sha256 == artifact.sha256 if isinstance(sha256, str) else unseen
