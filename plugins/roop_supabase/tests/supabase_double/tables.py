"""PostgREST at ``/rest/v1/TABLE``: insert, upsert, and reading with ``eq`` filters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from supabase_double.exchange import Answer, ApiError, Exchange
from supabase_double.tokens import Refused, verify
from supabase_double.world import Table, World

_Row = dict[str, Any]


class Sql(Exception):
    """A failure in PostgREST's words."""

    def __init__(self, status: int, code: str, message: str, details: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.status, self.body = status, {"code": code, "details": details, "hint": hint, "message": message}


def _role(exchange: Exchange) -> str:
    try:
        return str(verify(exchange.world.keys.jwt_secret, exchange.token).get("role", "anon"))
    except Refused as error:
        if "exp" in str(error):
            raise Sql(401, "PGRST303", "JWT expired") from None
        raise Sql(401, "PGRST301", "No suitable key or wrong key type") from None


def _gateway(exchange: Exchange) -> Answer | None:
    """Without a key of the project, nothing gets as far as the database."""
    key, keys = exchange.headers.get("apikey"), exchange.world.keys
    if key is None:
        hint = "No `apikey` request header or url param was found."
        return Answer.of({"message": "No API key found in request", "hint": hint}, 401)
    if key not in (keys.anon, keys.service_role, keys.publishable, keys.secret):
        hint = "Double check your Supabase `anon` or `service_role` API key."
        return Answer.of({"message": "Invalid API key", "hint": hint}, 401)
    return None


def _denied(table: Table, role: str, using: str = "") -> Sql:
    message = f'new row violates row-level security policy{using} for table "{table.name}"'
    return Sql(401 if role == "anon" else 403, "42501", message)


def _check_value(kind: str, value: Any) -> None:
    if value is None:
        return
    try:
        if kind == "float8":
            float(value)
        elif kind == "timestamptz":
            datetime.fromisoformat(value)
    except (TypeError, ValueError):
        long = {"float8": "double precision", "timestamptz": "timestamp with time zone"}[kind]
        code = "22P02" if kind == "float8" else "22007"
        raise Sql(400, code, f'invalid input syntax for type {long}: "{value}"') from None


def _check_row(table: Table, row: _Row, named: list[str]) -> None:
    for column in [*named, *row]:
        if column not in table.columns:
            raise Sql(400, "PGRST204", f"Could not find the '{column}' column of '{table.name}' in the schema cache")
    for column, value in row.items():
        _check_value(table.columns[column], value)
    for column in table.required:
        if row.get(column) is None:
            message = f'null value in column "{column}" of relation "{table.name}" violates not-null constraint'
            raise Sql(400, "23502", message)


def _twin(table: Table, row: _Row, columns: list[str]) -> _Row | None:
    """The row that has the same values in these columns."""
    values = [row.get(column) for column in columns]
    if None in values:
        return None
    return next((one for one in table.rows if [one.get(column) for column in columns] == values), None)


def _check_unique(table: Table, row: _Row, but: list[str]) -> None:
    for columns in table.unique:
        if columns != but and _twin(table, row, columns):
            names, values = ", ".join(columns), ", ".join(str(row[column]) for column in columns)
            message = f'duplicate key value violates unique constraint "{table.name}_{"_".join(columns)}_key"'
            raise Sql(409, "23505", message, f"Key ({names})=({values}) already exists.")


def _put(world: World, table: Table, row: _Row, role: str, conflict: list[str], resolution: str) -> _Row | None:
    """The row as it stands then; None where it was left as it was."""
    needed = ["insert", "select"] if conflict else ["insert"]
    if not all(world.allows(table.policies, role, what) for what in needed):
        raise _denied(table, role)
    _check_unique(table, row, conflict)
    twin = _twin(table, row, conflict) if conflict else None
    if twin is None:
        table.rows.append(dict.fromkeys(table.columns) | row)
        return table.rows[-1]
    if resolution == "ignore-duplicates":
        return None
    if not world.allows(table.policies, role, "update"):
        raise _denied(table, role, " (USING expression)")
    twin.update(row)
    return twin


def _preferred(exchange: Exchange) -> dict[str, str]:
    return dict(word.strip().partition("=")[::2] for word in exchange.headers.get("prefer", "").split(","))


def _conflict(exchange: Exchange, table: Table, resolution: str) -> list[str]:
    if not resolution:
        return []
    asked = exchange.query.get("on_conflict")
    columns = asked.split(",") if asked else next(iter(table.unique), [])
    if columns not in table.unique:
        raise Sql(400, "42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification")
    return columns


def _insert(exchange: Exchange, table: Table, role: str) -> Answer:
    world, prefer = exchange.world, _preferred(exchange)
    said = exchange.json()
    rows = said if isinstance(said, list) else [said]
    named = [name.strip('"') for name in exchange.query.get("columns", "").split(",") if name]
    resolution = prefer.get("resolution", "")
    shown = prefer.get("return") == "representation"
    with world.lock:
        for row in rows:
            _check_row(table, row, named)
        conflict = _conflict(exchange, table, resolution)
        if shown and not world.allows(table.policies, role, "select"):
            raise _denied(table, role)
        put = [_put(world, table, row, role, conflict, resolution) for row in rows]
    return Answer.of([row for row in put if row is not None], 201) if shown else Answer(201)


def _select(exchange: Exchange, table: Table, role: str) -> Answer:
    rows = table.rows if exchange.world.allows(table.policies, role, "select") else []
    for name, value in exchange.query.items():
        if value.startswith("eq."):
            rows = [row for row in rows if str(row.get(name)) == value.removeprefix("eq.")]
    return Answer.of(rows)


def _answered(exchange: Exchange, name: str) -> Answer | None:
    role = _role(exchange)
    table = exchange.world.tables.get(name)
    if table is None:
        raise Sql(404, "PGRST205", f"Could not find the table 'public.{name}' in the schema cache")
    if exchange.method == "POST":
        return _insert(exchange, table, role)
    if exchange.method == "GET":
        return _select(exchange, table, role)
    return None


def routed(exchange: Exchange, name: str) -> Answer | None:
    """The answer to ``/rest/v1/NAME``."""
    try:
        return _gateway(exchange) or _answered(exchange, name)
    except Sql as error:
        return Answer.of(error.body, error.status)
    except ApiError:
        return Answer.of({"code": "PGRST102", "details": None, "hint": None, "message": "Empty or invalid json"}, 400)
