"""A link to what was sent, tried as anybody would before it is told."""

from __future__ import annotations

from typing import NoReturn

import httpx

from roop_host import Artifact, UploadError
from roop_supabase.failures import Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.server import Refused, Server
from roop_supabase.signed import leads_to

_MOST_OF_AN_ERROR = 10_000
_FAILS = "its link does not work"


def link_of(server: Server, place: Place, artifact: Artifact, options: Options, patience: Patience) -> str | None:
    """The signed or public URL, None of ``--supabase-link none``. Raises ``UploadError`` for one that doesn't work."""
    if options.link == "none":
        return None
    try:
        url = patience.insist(lambda: _made(server, place, options))
        patience.insist(lambda: _require_works(server, url, artifact))
    except UploadError as error:
        raise UploadError(f"the file is in the bucket {place.bucket} as {place.key}, but {error}") from None
    return url


def _made(server: Server, place: Place, options: Options) -> str:
    bucket = server.client.storage.from_(place.bucket)
    if options.link == "public":
        return bucket.get_public_url(place.key)
    try:
        with server.asking("no link could be signed", needs="SELECT"):
            url = bucket.create_signed_url(place.key, options.expires_s)["signedURL"]
    except Refused as refused:
        if refused.status != 404:
            raise
        # who may not see an object is told that there is none
        raise UploadError(
            f"no link could be signed ({refused.said}): the key needs a policy that allows SELECT on storage.objects; "
            "--supabase-link none goes without"
        ) from None
    if not url or not leads_to(url, server.base, place):
        raise UploadError("the server signed a link that does not lead to this file, so it is not passed on")
    return url


def _require_works(server: Server, url: str, artifact: Artifact) -> None:
    """One GET without key or cookie, of which only the headers are read. The URL stands in no error."""
    plain = {"Accept-Encoding": "identity"}  # what is packed on its way has another length
    with server.asking(_FAILS), server.fresh_http() as http, http.stream("GET", url, headers=plain) as answer:
        if answer.status_code != 200:
            _refuse(server, answer)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        length = answer.headers.get("content-length", "")
    if kind != artifact.media_type:
        raise UploadError(f"{_FAILS}: it gives {server.shown(kind) or 'no type'}, and not {artifact.media_type}")
    if length and length != str(artifact.size):
        raise UploadError(f"{_FAILS}: it gives {server.shown(length)} bytes, and not {artifact.size}")


def _refuse(server: Server, answer: httpx.Response) -> NoReturn:
    """Raise ``Passing`` or ``UploadError``. No key was sent, so none is to blame."""
    try:
        server.require(_beginning(answer), _FAILS)
    except Refused as refused:
        private = "; its bucket may be private" if "/object/public/" in answer.request.url.path else ""
        raise UploadError(f"{_FAILS} ({refused.status}, {refused.said}){private}") from None
    raise UploadError(f"{_FAILS}: the server answered {answer.status_code}")


def _beginning(answer: httpx.Response) -> httpx.Response:
    """A refusal, with no more of its body than is worth reading."""
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) >= _MOST_OF_AN_ERROR:
            break
    kept = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
    return httpx.Response(answer.status_code, headers=kept, content=body[:_MOST_OF_AN_ERROR])
