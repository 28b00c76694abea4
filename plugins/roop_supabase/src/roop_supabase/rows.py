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
_COLUMNS = "url text, sha256 text primary key, created_at timestamptz, processors text[], duration double precision"
#: By the codes of PostgREST and PostgreSQL. Their HTTP status says less: for the key anon a policy's no is 401.
_NO_TABLE = f"there is no such table; make it ({_COLUMNS}), or check --supabase-table"
_NO_COLUMN = f"the table lacks a column; it takes {_COLUMNS}"
_OTHER_TYPE = f"a column of the table is of another type; it takes {_COLUMNS}"
_ADVICE = {
    "PGRST205": _NO_TABLE,
    "42P01": _NO_TABLE,
    "PGRST106": "the schema is not among those that the project's API shows; add it there, or check --supabase-table",
    "PGRST204": _NO_COLUMN,
    "42703": _NO_COLUMN,
    "22P02": _OTHER_TYPE,
    "42804": _OTHER_TYPE,
    "42P10": f"its column {_UNIQUE} is not unique, so the same upload could not be told again; add that constraint",
    "42501": "the key may not do this; grants and policies of the table must allow it insert, select and update there",
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
