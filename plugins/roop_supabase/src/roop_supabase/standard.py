"""An upload in one request, for what is small enough."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

from roop_host import Artifact, UploadError
from roop_supabase.duplicate import require_same
from roop_supabase.failures import Passing, Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.server import Refused, Server

#: What is larger goes in pieces: the platform's own advice.
MOST_BYTES = 6 * 2**20


def send(server: Server, place: Place, artifact: Artifact, options: Options, patience: Patience) -> bool:
    """Put the file in the bucket; False where the same content was there already."""
    content = _content(artifact)
    broken = False

    def once() -> None:
        nonlocal broken
        try:
            with server.asking("sending the file", needs=options.rights):
                server.client.storage.from_(place.bucket).upload(
                    place.key,
                    _Read(content, artifact.sent, patience.check_cancel),
                    {
                        "content-type": artifact.media_type,
                        "cache-control": str(options.cache_control),
                        "upsert": "true" if options.upsert else "false",
                        "metadata": {"sha256": artifact.sha256},
                    },
                )
        except Passing:
            broken = True
            raise

    try:
        patience.insist(once)
    except Refused as refused:
        if refused.status != 409:
            raise
        require_same(server, place, artifact, patience, ours=broken)
        artifact.sent(artifact.size)
        return broken
    artifact.sent(artifact.size)
    return True


class _Read(io.BufferedReader):
    """Content that the client reads in blocks as it sends them: says how far that came, and hears a cancel between two."""

    def __init__(self, content: bytes, sent: Callable[[int], None], check_cancel: Callable[[], None]) -> None:
        super().__init__(io.BytesIO(content))
        self._sent, self._check_cancel = sent, check_cancel

    def read(self, size: int | None = -1, /) -> bytes:
        self._check_cancel()
        self._sent(self.tell())  # who asks for more has sent what came before
        return super().read(size)


def _content(artifact: Artifact) -> bytes:
    try:
        with artifact.path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UploadError(f"the file cannot be read ({error.strerror}); nothing was sent") from None
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise UploadError("the file is not what roop has made any more; nothing was sent")
    return content
