"""A name that is taken in the bucket: by the same content, or by another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from roop_host import Artifact, UploadError
from roop_supabase.failures import Patience
from roop_supabase.place import Place, is_of_content
from roop_supabase.server import Refused, Server


def require_same(server: Server, place: Place, artifact: Artifact, patience: Patience, *, ours: bool = False) -> None:
    """Raise ``UploadError`` unless what has the name is this content; a note says how far that is known.

    ``ours``: it may have come with a request whose answer was lost, and then nothing is to be told.
    """
    seen = patience.insist(lambda: _seen(server, place))
    same = None if seen is None else seen.is_of(artifact)
    if same or (same is None and is_of_content(place, artifact)):
        if not ours:
            artifact.note(_told(place, seen, compared=same is True))
        return
    what = "another file" if same is False else "a file that may be another"
    instead = "--supabase-upsert replaces it"
    if not is_of_content(place, artifact):
        instead += ", and --supabase-naming hash finds a name of its own"
    raise UploadError(f"{what} stands at {place.key} in the bucket {place.bucket}; {instead}")


def _told(place: Place, seen: _Seen | None, *, compared: bool) -> str:
    if compared:
        return f"the same file was in the bucket {place.bucket} already, so it was not sent again and keeps its cache time"
    more = "the key can't see more of it" if seen is None else "no more is told of it than its size"
    return (
        f"a file of that name, which is made of this content, was in the bucket {place.bucket} already, so it was not sent "
        f"again; {more}"
    )


def same_there(server: Server, place: Place, artifact: Artifact) -> bool | None:
    """Whether it is the same content, None where that can't be seen. A name made of the content counts then.

    One request, which may raise ``Passing``.
    """
    seen = _seen(server, place)
    same = None if seen is None else seen.is_of(artifact)
    return True if same is None and is_of_content(place, artifact) else same


def shows(server: Server, place: Place, artifact: Artifact) -> bool:
    """Whether a file of this content is seen there, or one as large where that is all that is told.

    One request, which may raise ``Passing``.
    """
    seen = _seen(server, place)
    same = False if seen is None else seen.is_of(artifact)
    return same is True or (same is None and seen is not None and seen.size == artifact.size)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the server tells of a file; both may be anything."""

    size: object
    sha256: object

    def is_of(self, artifact: Artifact) -> bool | None:
        """None: as far as is told it may be."""
        if self.size is not None and self.size != artifact.size:
            return False
        return self.sha256 == artifact.sha256 if isinstance(self.sha256, str) else None


def _seen(server: Server, place: Place) -> _Seen | None:
    """None of what is not there, or not to be seen."""
    try:
        with server.asking("looking at the file of that name"):
            info: dict[str, Any] = server.client.storage.from_(place.bucket).info(place.key)
            metadata = info.get("metadata")
            return _Seen(info.get("size"), metadata.get("sha256") if isinstance(metadata, dict) else None)
    except Refused:
        return None
