"""What a signed link has to look like before it is told."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx

from roop_supabase.credentials import origin_of
from roop_supabase.place import Place

#: Letters that no reader of addresses takes out, or takes for others; a fragment is never sent.
_PLAIN = re.compile(r"[!-~]+")
_READ_APART = frozenset("\\#")


def leads_to(url: str, base: str, place: Place) -> bool:
    """Whether ``url`` is a signed link of the storage at ``base`` to this object, for every reader of addresses."""
    if not _PLAIN.fullmatch(url) or _READ_APART & set(url):
        return False
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return False
    if origin_of(url) != origin_of(base) or read.userinfo or not read.params.get("token"):
        return False
    sent = read.raw_path.decode("ascii").partition("?")[0]
    written = re.sub(r"^[^:/?]+://[^/?]*", "", url).partition("?")[0]
    # piece by piece, since a slash that is written as %2F parts none; a path without dots is no other one when it is read
    expected = f"{httpx.URL(base).path}/object/sign/{place.bucket}/{place.key}".split("/")
    return all([unquote(piece) for piece in path.split("/")] == expected for path in (sent, written))
