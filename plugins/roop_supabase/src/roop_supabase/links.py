"""A link to what was sent, tried as anybody would before it is told."""

from __future__ import annotations

from typing import NoReturn

import httpx

from roop_host import Artifact, UploadError
from roop_supabase.failures import Passing, Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.server import Refused, Server
from roop_supabase.signed import leads_to

_MOST_OF_AN_ERROR = 10_000
_FAILS = "its link does not work"
#: A cache before the server gives what stood there for up to a minute.
_STALE_S = 15.0


def link_of(
    server: Server, place: Place, artifact: Artifact, options: Options, patience: Patience, *, sent: bool = True
) -> str | None:
    """The signed or public URL, None of ``--supabase-link none``. Raises ``UploadError`` for one that doesn't work.

    ``sent`` says that it was not there before.
    """
    if options.link == "none":
        return None
    replaced = options.upsert and options.link == "public"
    remedy = "" if sent else "; --supabase-upsert sends it again, with its type"
    try:
        url = patience.insist(lambda: _made(server, place, options))
        etag = patience.insist(lambda: _etag(server, place)) if replaced else ""
        try:
            patience.insist(lambda: _require_works(server, url, artifact, etag, replaced=replaced, remedy=remedy))
        except UploadError:
            if not etag:
                raise
            # a cache may also call the new file otherwise than the server does
            patience.insist(lambda: _require_works(server, url, artifact, "", replaced=replaced, remedy=remedy))
            artifact.note(
                "a cache may still give the file that was replaced to who opens its public link; try it in a while"
            )
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


def _etag(server: Server, place: Place) -> str:
    """Of what the server itself has there; "" where the key may not see that."""
    try:
        with server.asking("looking at what was replaced"):
            return _plain_etag(str(server.client.storage.from_(place.bucket).info(place.key).get("etag") or ""))
    except Refused:
        return ""


def _plain_etag(told: str) -> str:
    """Without the marks of caches, which may call weak what they pack."""
    return told.strip().removeprefix("W/").strip('"')


def _require_works(server: Server, url: str, artifact: Artifact, etag: str, *, replaced: bool, remedy: str) -> None:
    """One GET without key or cookie, of which only the headers are read. The URL stands in no error.

    Where something was ``replaced``, another answer is the old one of a cache, and passes.
    """
    plain = {"Accept-Encoding": "identity"}  # what is packed on its way has another length
    with server.asking(_FAILS), server.fresh_http() as http, http.stream("GET", url, headers=plain) as answer:
        if answer.status_code != 200:
            _refuse(server, answer)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        length = answer.headers.get("content-length", "")
        given = _plain_etag(answer.headers.get("etag", ""))
    why = ""
    if kind != artifact.media_type:
        why = f"{_FAILS}: it gives {server.shown(kind) or 'no type'}, and not {artifact.media_type}{remedy}"
    elif length and length != str(artifact.size):
        why = f"{_FAILS}: it gives {server.shown(length)} bytes, and not {artifact.size}"
    elif etag and given and given != etag:
        why = f"{_FAILS}: it gives what stood there before"
    if why and replaced:
        raise Passing(f"{why}; a cache may keep the old file for a while", _STALE_S, answered=True)
    if why:
        raise UploadError(why)


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
