"""What a bucket takes, as far as it lets the key see that; asked before hours of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from roop_host import UploadError, UsageError
from roop_supabase.credentials import URL_VARIABLE
from roop_supabase.failures import Passing, Patience
from roop_supabase.server import Refused, Server

#: Before a run nobody waits as long as after one.
_TIMEOUT_S = 10.0
#: An object that nobody has.
_NOBODYS = "roop-looks-for-the-bucket"


@dataclass(frozen=True)
class Bucket:
    """Of one that may not be seen nothing is known: ``public`` is None then."""

    name: str
    public: bool | None = None
    most_bytes: int | None = None
    types: tuple[str, ...] = ()

    def refusal(self, media_type: str, size: int = 0) -> str | None:
        """Why it does not take such a file, in words; None of one that it takes."""
        kind = media_type.partition("/")[0]
        if self.types and not {media_type, f"{kind}/*", "*/*", "*"} & set(self.types):
            return (
                f"the bucket {self.name} takes {', '.join(self.types)} and no {media_type}; allow it there, or use another"
            )
        if self.most_bytes is not None and size > self.most_bytes:
            return (
                f"the bucket {self.name} takes files up to {self.most_bytes} bytes, and this one has {size}; raise that "
                "limit, or make a smaller output"
            )
        return None


def look_at(server: Server, name: str, patience: Patience) -> Bucket:
    """Raise ``UsageError`` where no upload could succeed. A bucket that isn't seen is no reason: policies often hide it."""
    try:
        return patience.insist(lambda: _look(server, name))
    except Refused as refused:
        raise UsageError(str(refused)) from None
    except UploadError as error:
        busy = isinstance(error.__cause__, Passing) and error.__cause__.answered
        check = "" if busy else f"check {URL_VARIABLE} and the network, or "
        raise UsageError(
            f"{error}; {check}try again later; `roop upload` also sends what a run without --upload has made"
        ) from None


def _look(server: Server, name: str) -> Bucket:
    try:
        return _asked(server, name, f"bucket/{quote(name, safe='')}")
    except Refused as refused:
        if not _hidden(refused):
            raise
    try:
        _asked(server, name, f"object/info/{quote(name, safe='')}/{_NOBODYS}")
    except Refused as refused:
        if refused.said == "Bucket not found":
            raise UsageError(f"the project has no bucket {name}; make it, or check {server.bucket_flag}") from None
    return Bucket(name)


def _asked(server: Server, name: str, path: str) -> Bucket:
    what = f"looking at the bucket {name}"
    with server.asking(what):
        answer = server.http.get(f"{server.base}/{path}", headers=server.auth_headers, timeout=_TIMEOUT_S)
        server.require(answer, what)
        return _read(name, answer.json(), server.shown)


def _hidden(refused: Refused) -> bool:
    """Also of one that is not there; only the question for an object tells these two apart."""
    return not refused.of_the_key and (refused.status == 403 or (refused.status == 404 and "bucket" in refused.said.lower()))


def _read(name: str, told: Any, shown: Callable[[str], str]) -> Bucket:
    if not isinstance(told, dict) or not isinstance(told.get("public"), bool):
        raise ValueError("no bucket")
    most, types = told.get("file_size_limit"), told.get("allowed_mime_types")
    return Bucket(
        name,
        told["public"],
        most if type(most) is int and most > 0 else None,
        tuple(shown(str(kind)).lower() for kind in types) if isinstance(types, list) else (),
    )
