"""The uploader ``supabase``: what is needed is looked for first; then file, link, row and code."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from roop_host import Artifact, Context, JobContext, Receipt, Uploader, UploadError, UsageError
from roop_supabase import resumable, standard
from roop_supabase.bucket import look_at
from roop_supabase.credentials import KEY_VARIABLE, MIGHTY, Credentials, expiry_of, find, kind_of
from roop_supabase.failures import Patience
from roop_supabase.links import link_of
from roop_supabase.options import Options
from roop_supabase.place import Place, place_of, require_options
from roop_supabase.qr import code_of
from roop_supabase.rows import add_row
from roop_supabase.server import Server
from roop_supabase.transfers import Transfers, state_folder

#: Of the look before a run; after one there is more patience.
_TRIES_BEFORE = 2


class Supabase(Uploader):
    """``pace`` multiplies pauses between tries; tests hurry."""

    def __init__(self, *, pace: float = 1.0) -> None:
        self._pace = pace
        self._server: Server | None = None
        #: What was sent in this job: contents by their names in the bucket.
        self._named: dict[str, str] = {}

    def setup(self, ctx: Context) -> None:
        self._ctx, self._options = ctx, ctx.options_as(Options)
        require_options(self._options)
        if contradiction := self._options.contradiction:
            raise UsageError(contradiction)
        credentials = find(os.environ)
        self._require_usable(credentials)
        self._server = Server(credentials)
        patience = Patience(ctx.check_cancel, ctx.cancel, pace=self._pace, tries=_TRIES_BEFORE, tell=self._tell)
        self._bucket = look_at(self._server, self._options.bucket, patience)
        if self._options.link == "public" and self._bucket.public is False:
            raise UsageError(
                f"the bucket {self._bucket.name} is private, so it has no public links; make it public, or take "
                "--supabase-link signed"
            )
        if self._options.link == "signed" and self._bucket.public:
            ctx.log.warning(
                "the bucket %s is public, so everybody who has the address of a file can open it, also when its signed link "
                "has ended; make the bucket private for links that end, or take --supabase-link public",
                self._bucket.name,
            )

    def begin(self, job: JobContext) -> None:
        self._named = {}
        if job.media_type and (refusal := self._bucket.refusal(job.media_type)):
            raise UsageError(refusal)

    def upload(self, artifact: Artifact) -> Receipt:
        assert self._server is not None
        if refusal := self._bucket.refusal(artifact.media_type, artifact.size):
            raise UploadError(refusal)
        server, options, place = self._server, self._options, place_of(artifact, self._options)
        self._require_free(place, artifact)
        patience = Patience(self._ctx.check_cancel, self._ctx.cancel, pace=self._pace, tell=self._tell)
        sent = self._send(server, place, artifact, patience)
        ends = datetime.now(UTC) + timedelta(seconds=options.expires_s)
        url = link_of(server, place, artifact, options, patience, sent=sent)
        if options.table:
            add_row(server, options.table, artifact, url, patience)
        details = {"bucket": place.bucket, "object": place.key}
        if options.link == "signed":
            details["expires"] = ends.isoformat(timespec="seconds")
        return Receipt(url, details, None if url is None else code_of(url, options, artifact.note))

    def _require_free(self, place: Place, artifact: Artifact) -> None:
        """Raise ``UploadError`` where another file of this job has the name: with upsert, one would replace the other."""
        if self._named.setdefault(place.key, artifact.sha256) != artifact.sha256:
            raise UploadError(
                f"another of these files is called {place.key} in the bucket {place.bucket} too, so this one was not sent; "
                "--supabase-naming hash gives each a name of its own"
            )

    def _send(self, server: Server, place: Place, artifact: Artifact, patience: Patience) -> bool:
        if artifact.size <= standard.MOST_BYTES:
            return standard.send(server, place, artifact, self._options, patience)
        return resumable.send(server, place, artifact, self._options, patience, Transfers(state_folder()))

    def _tell(self, text: str) -> None:
        self._ctx.log.warning("%s", text)

    def teardown(self) -> None:
        if self._server is not None:
            self._server.close()

    def _require_usable(self, credentials: Credentials) -> None:
        ended = expiry_of(credentials.key)
        if ended is not None and ended <= datetime.now(UTC):
            raise UsageError(
                f"the key of the Supabase project expired at {ended:%Y-%m-%d %H:%M} UTC; put another in {KEY_VARIABLE}"
            )
        kind = kind_of(credentials.key)
        if kind in MIGHTY:
            self._ctx.log.warning(
                "the Supabase key is of the kind %s, which no row-level security holds back; an anon or publishable key "
                "with policies for this bucket is enough",
                kind,
            )
