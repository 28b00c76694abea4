"""Resumable uploads (TUS 1.0.0), which Supabase's own client lacks: in chunks, each from where the server says it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import httpx

from roop_host import Artifact, UploadError
from roop_supabase.credentials import origin_of
from roop_supabase.duplicate import require_same, same_there, shows
from roop_supabase.failures import Passing, Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.reading import Reading
from roop_supabase.server import Refused, Server
from roop_supabase.transfers import Transfer, Transfers

#: What the platform asks of every chunk but the last.
CHUNK = 6 * 2**20
#: Between two of these a cancel is heard.
_BLOCK = 64 * 2**10
#: How a server says that it knows an upload no more.
_GONE = frozenset({404, 410})
#: So often all of a file is sent to a server that makes no object of it.
_SENDS = 3


def send(
    server: Server, place: Place, artifact: Artifact, options: Options, patience: Patience, transfers: Transfers
) -> bool:
    """Send it, from where another call or process was broken off. False where the same content was there already.

    Raises ``UploadError``. What has arrived is kept for the next call, after a cancel too.
    """
    fingerprint = _fingerprint(server, place, artifact)
    try:
        with transfers.alone(fingerprint, patience.check_cancel, patience.tell), artifact.path.open("rb") as file:
            reading = Reading(file, patience.check_cancel)
            return _Sending(server, place, artifact, options, patience, transfers, fingerprint, reading).through()
    except OSError as error:
        raise UploadError(f"the output can't be read ({error.strerror or type(error).__name__})") from error


def _fingerprint(server: Server, place: Place, artifact: Artifact) -> str:
    parts = (server.credentials.origin, place.bucket, place.key, artifact.sha256, str(artifact.size))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def address_of(location: str, endpoint: str) -> str | None:
    """Where the key may go of what a server calls an upload's address; None where that says nothing of use.

    A server behind a proxy may give another host, scheme or folder than it is reached by. None of these is ever asked.
    """
    try:
        said = httpx.URL(endpoint).join(location)
    except (httpx.InvalidURL, ValueError):
        return None
    if origin_of(str(said)) == origin_of(endpoint) and not said.userinfo and str(said).startswith(f"{endpoint}/"):
        return str(said)
    name = said.raw_path.decode("ascii", "replace").partition("?")[0].rstrip("/").rpartition("/")[2]
    if f"/{name}" == endpoint[-len(name) - 1 :]:
        return None  # nothing stands behind what was asked
    return f"{endpoint}/{name}" if re.fullmatch(r"[A-Za-z0-9_-]+", name) else None


class _Sending:
    """One upload of a file. What is to be done next follows from what is known of it."""

    def __init__(
        self,
        server: Server,
        place: Place,
        artifact: Artifact,
        options: Options,
        patience: Patience,
        transfers: Transfers,
        fingerprint: str,
        reading: Reading,
    ) -> None:
        self.server, self.place, self.artifact, self.options = server, place, artifact, options
        self.patience, self.transfers, self.fingerprint, self.reading = patience, transfers, fingerprint, reading
        self.endpoint = f"{server.base}/upload/resumable"
        self.what = "sending the file"
        self.needs = options.rights
        #: How much is there as the server said last, whether that still holds, and the most it ever said.
        self.arrived, self.sure, self.most = 0, False, 0
        #: Whether the server said of the last chunk that it was well; whether all arrived and it said nothing; how often
        #: that led to no object.
        self.done, self.doubtful, self.unmade = False, False, 0
        self.transfer = self._begun()
        #: Whether another process would go on from here.
        self.kept = self.transfer is not None

    def through(self) -> bool:
        """To the end. False where the same content was there already."""
        while True:
            self.patience.check_cancel()
            try:
                result = self._next()
            except Passing as failure:
                self.sure = False
                self._wait(failure)
                continue
            if result is not None:
                self.transfers.forget(self.fingerprint)
                return result

    def _next(self) -> bool | None:
        if self.transfer is None:
            return self._create()
        if not self.sure:
            return self._ask_how_far(self.transfer)
        if self.arrived == self.artifact.size:
            return self._finish(self.transfer)
        return self._send_chunk(self.transfer)

    def _wait(self, failure: Passing) -> None:
        try:
            self.patience.wait(failure)
        except UploadError as error:
            share = 100 * self.arrived // self.artifact.size
            had = f"; {share} % of the file had arrived, {self._next_try()}" if share else ""
            raise UploadError(f"{error}{had}") from None

    def _next_try(self) -> str:
        if self.kept:
            return "and the next try goes on from there"
        return f"but {self.transfers.folder} can't be written to, so the next try begins anew"

    def _begun(self) -> Transfer | None:
        kept = self.transfers.begun(self.fingerprint)
        # what is kept in a file says as little about where the key may go as an answer does
        return kept if kept is not None and address_of(kept.url, self.endpoint) == kept.url else None

    def _create(self) -> bool | None:
        response = self._ask(
            "POST", self.endpoint, {"Upload-Length": str(self.artifact.size), "Upload-Metadata": self._metadata()}
        )
        try:
            self.server.require(response, self.what, self.needs)
        except Refused as refused:
            return self._taken(refused)
        location = response.headers.get("location", "")
        url = address_of(location, self.endpoint)
        if url is None:
            raise UploadError(f"{self.what}: {self._misled(location)}")
        transfer = Transfer(url, time.time(), 0, self.reading.digest(0))
        if self.doubtful:  # the name is free
            self._count_unmade(transfer)
        self.arrived, self.sure = 0, True
        self._note(transfer)
        return None

    def _metadata(self) -> str:
        told = {
            "bucketName": self.place.bucket,
            "objectName": self.place.key,
            "contentType": self.artifact.media_type,
            "cacheControl": str(self.options.cache_control),
            "metadata": json.dumps({"sha256": self.artifact.sha256}),
        }
        return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())

    def _misled(self, location: str) -> str:
        try:
            host = self.server.shown(httpx.URL(location).host)
        except (httpx.InvalidURL, ValueError):
            host = ""
        origin = self.server.credentials.origin
        return (
            f"the server, reached at {origin}, names an address at {host or 'no host'} that is no upload's; "
            "set the public address of its storage service right, or ask who runs it"
        )

    def _ask_how_far(self, transfer: Transfer) -> bool | None:
        response = self._ask("HEAD", transfer.url)
        if response.status_code == 400:
            self.transfer = None  # for an address that is none any more or for the key: the next request tells
            return None
        if response.status_code not in _GONE:
            self.server.require(response, self.what, self.needs)
            length, offset = _number(response, "upload-length"), _number(response, "upload-offset")
            if length == self.artifact.size and offset is not None and offset <= length:
                self._arrived(offset)
                return None
        self._forget()
        return None

    def _send_chunk(self, transfer: Transfer) -> bool | None:
        if self.arrived != self.reading.at and not self._fits(transfer):
            self._withdraw(transfer)
            return None
        chunk = self.reading.chunk(self.arrived, min(CHUNK, self.artifact.size - self.arrived))
        end = self.arrived + len(chunk)
        digest = self.reading.digest(end)
        if len(chunk) < min(CHUNK, self.artifact.size - self.arrived) or (
            end == self.artifact.size and digest != self.artifact.sha256
        ):
            self._withdraw(transfer)
            raise UploadError("the output changed while it was sent, so it was not sent to its end")
        self._note(Transfer(transfer.url, transfer.begun_at, end, digest))
        response = self._patch(transfer.url, chunk)
        try:
            self.server.require(response, self.what, self.needs)
        except Refused as refused:
            return self._unsent(refused)
        offset = _number(response, "upload-offset")
        if offset is None or not min(self.arrived + _BLOCK, end) <= offset <= end:
            raise Passing(f"{self.what}: the server took next to nothing of what was sent")
        self.done = offset == self.artifact.size
        self._arrived(offset)
        return None

    def _fits(self, transfer: Transfer) -> bool:
        """Whether what is there was of this content: nothing else of the file was sent, and it is still the same."""
        return self.arrived <= transfer.sent <= self.artifact.size and self.reading.continues(
            self.arrived, transfer.sent, transfer.digest
        )

    def _patch(self, url: str, chunk: bytes) -> httpx.Response:
        headers = {
            "Upload-Offset": str(self.arrived),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(chunk)),
        }
        return self._ask("PATCH", url, headers, self._blocks(chunk, self.arrived))

    def _blocks(self, chunk: bytes, offset: int) -> Iterator[bytes]:
        for start in range(0, len(chunk), _BLOCK):
            self.patience.check_cancel()
            block = chunk[start : start + _BLOCK]
            yield block
            self.artifact.sent(offset + start + len(block))

    def _unsent(self, refused: Refused) -> bool | None:
        """What follows from a refused chunk."""
        if refused.status in _GONE:
            self._forget()
            raise Passing(f"{self.what}: the server no longer knows the upload")
        if refused.status == 409 and not _exists(refused):
            raise Passing(f"{self.what}: somebody else sends it too ({refused.said})")
        return self._taken(refused)

    def _taken(self, refused: Refused) -> bool:
        """False where a name is taken by the same content. Raises ``UploadError`` for anything else."""
        if refused.status != 409:
            raise refused
        # The name was free when this began, and all of it has arrived: it has the name unless another file is seen there.
        if self.doubtful and self.patience.insist(lambda: same_there(self.server, self.place, self.artifact)) is not False:
            return True
        require_same(self.server, self.place, self.artifact, self.patience)
        self.artifact.sent(self.artifact.size)
        return False

    def _finish(self, transfer: Transfer) -> bool | None:
        if self.done:
            return True
        if (transfer.sent, transfer.digest) != (self.artifact.size, self.artifact.sha256):
            self._withdraw(transfer)  # nobody knows whose bytes these are
            return None
        # The answer to the last chunk was lost, which also hides that the server failed to make an object of the chunks.
        if shows(self.server, self.place, self.artifact):
            return True
        # A key that may not look learns whether the name is taken by asking for it again.
        self.transfer, self.arrived, self.sure, self.doubtful = None, 0, False, True
        return None

    def _count_unmade(self, transfer: Transfer) -> None:
        self.doubtful, self.unmade = False, self.unmade + 1
        if self.unmade == _SENDS:
            self._withdraw(transfer)
            raise UploadError(
                f"{self.what}: all of the file has arrived, {_SENDS} times, but the server makes no object of it; its log "
                "says why"
            )

    def _arrived(self, offset: int) -> None:
        self.arrived, self.sure = offset, True
        # so that a server which loses what it had, or takes it byte by byte, does not keep us for ever
        if offset >= self.most + _BLOCK or self.most < offset == self.artifact.size:
            self.most = offset
            self.patience.renew()
        self.artifact.sent(offset)

    def _note(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.kept = self.transfers.note(self.fingerprint, transfer)

    def _forget(self) -> None:
        self.transfer, self.arrived, self.sure, self.done = None, 0, False, False
        self.transfers.forget(self.fingerprint)

    def _withdraw(self, transfer: Transfer) -> None:
        """What must not become an object; where the server can't be asked, it forgets it by itself."""
        with suppress(Passing, UploadError):
            self._ask("DELETE", transfer.url)
        self._forget()

    def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, content: Iterable[bytes] = ()
    ) -> httpx.Response:
        upsert = {"x-upsert": "true"} if self.options.upsert else {}
        told = {"Tus-Resumable": "1.0.0", **self.server.auth_headers, **upsert, **(headers or {})}
        with self.server.asking(self.what, self.needs):
            return self.server.http.request(method, url, headers=told, content=content or None)


def _exists(refused: Refused) -> bool:
    return "exist" in refused.said.lower() or "duplicate" in refused.said.lower()


def _number(response: httpx.Response, header: str) -> int | None:
    told = response.headers.get(header, "")
    return int(told) if re.fullmatch(r"[0-9]{1,18}", told) else None
