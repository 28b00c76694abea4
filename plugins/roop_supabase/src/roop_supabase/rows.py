"""A row of each upload in a table of the project, for who wants to list them."""

from __future__ import annotations

from functools import partial

from postgrest.exceptions import APIError
from postgrest.types import ReturnMethod

from roop_host import Artifact, UploadError
from roop_supabase.failures import Patience
from roop_supabase.server import Server

#: What makes a row the same one, so that an upload that is repeated adds no second.
_UNIQUE = "sha256"
_SQL = "docs/upload.md has the SQL"
#: By the codes of PostgREST and PostgreSQL. Their HTTP status says less: for the key anon a policy's no is 401.
_ADVICE = {
    "PGRST205": f"there is no such table; make it ({_SQL}), or check --supabase-table",
    "42P01": f"there is no such table; make it ({_SQL}), or check --supabase-table",
    "PGRST106": "the schema is not among those that the project's API shows; add it there, or check --supabase-table",
    "PGRST204": f"the table lacks a column ({_SQL})",
    "42703": f"the table lacks a column ({_SQL})",
    "22P02": f"a column of the table is of another type ({_SQL})",
    "42804": f"a column of the table is of another type ({_SQL})",
    "42P10": f"its column {_UNIQUE} is not unique, so the same upload could not be told again; add that constraint ({_SQL})",
    "42501": f"the key may not do this; policies must allow it insert, select and update there ({_SQL})",
}


def add_row(server: Server, table: str, artifact: Artifact, url: str | None, patience: Patience) -> None:
    """Add or renew the row of ``artifact`` in ``table``, or ``schema.table``. Raises ``UploadError``; the file is there."""
    row: dict[str, object] = {
        "url": url,
        "sha256": artifact.sha256,
        "created_at": artifact.made_at.isoformat(),
        "processors": list(artifact.steps),
        "duration": artifact.seconds,
    }
    try:
        patience.insist(partial(_upsert, server, table, row))
    except UploadError as error:
        raise UploadError(f"the file is in the bucket, but its row is not in {table}: {error}") from None


def _upsert(server: Server, table: str, row: dict[str, object]) -> None:
    schema, _, name = table.rpartition(".")
    with server.asking("adding the row"):
        client = server.client.schema(schema) if schema else server.client
        try:
            client.table(name).upsert(row, returning=ReturnMethod.minimal, on_conflict=_UNIQUE).execute()
        except APIError as error:
            if advice := _ADVICE.get(str(error.code)):
                said = f" ({server.shown(str(error.message))})" if error.message else ""
                raise UploadError(f"{advice}{said}") from None
            raise
