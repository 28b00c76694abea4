"""A row of each upload, and in words why there is none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from supabase_double.handle import Project

from roop_host import Artifact, Interrupted, UploadError
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Patience
from roop_supabase.options import Options
from roop_supabase.rows import add_row
from roop_supabase.server import Server

COLUMNS = {"url": "text", "sha256": "text", "created_at": "timestamptz", "processors": "jsonb", "duration": "float8"}
UNIQUE = [["sha256"]]
POLICIES: dict[str, Any] = {"anon": ["insert", "select", "update"]}
URL = "https://abc.supabase.co/storage/v1/object/sign/clips/a.mp4?token=eyJhbGciOiJIUzI1NiJ9.e30.secret"
VIDEO = Artifact(
    Path("out.mp4"), "video/mp4", "ab" * 32, 10, datetime(2026, 11, 30, 12, tzinfo=UTC), ("swapper", "enhancer"), 2.5
)
STILL = Artifact(Path("out.png"), "image/png", "cd" * 32, 10, datetime(2026, 11, 30, 12, tzinfo=UTC))


@pytest.fixture
def server(storage: Project) -> Iterator[Server]:
    server = Server(Credentials(storage.url, storage.keys.anon), 2.0)
    yield server
    server.close()


def patient() -> Patience:
    return Patience(lambda: None, threading.Event(), pace=0.0)


def add(server: Server, table: str = "uploads", artifact: Artifact = VIDEO, url: str | None = URL) -> None:
    add_row(server, table, artifact, url, patient())


def why(server: Server, table: str = "uploads") -> str:
    with pytest.raises(UploadError) as caught:
        add(server, table)
    text = str(caught.value)
    assert text.startswith(f"the file is in the bucket, but its row is not in {table}: ")
    assert "token" not in text
    assert not any(part in text for part in server.credentials.key.split("."))
    assert caught.value.__suppress_context__
    return text


def test_a_row_says_what_was_uploaded(storage: Project, server: Server) -> None:
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies=POLICIES)
    add(server)
    add(server, artifact=STILL, url=None)
    made_at = "2026-11-30T12:00:00+00:00"
    assert storage.rows("uploads") == [
        {
            "url": URL,
            "sha256": "ab" * 32,
            "created_at": made_at,
            "processors": ["swapper", "enhancer"],
            "duration": 2.5,
        },
        {"url": None, "sha256": "cd" * 32, "created_at": made_at, "processors": [], "duration": None},
    ]


def test_the_same_upload_once_more_is_the_same_row_with_the_new_link(storage: Project, server: Server) -> None:
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies=POLICIES)
    add(server)
    add(server, url="https://abc.supabase.co/new")
    (row,) = storage.rows("uploads")
    assert row["url"] == "https://abc.supabase.co/new"


def test_no_row_is_asked_back_and_further_columns_may_stand_there(storage: Project, server: Server) -> None:
    storage.table("uploads", {**COLUMNS, "id": "text"}, unique=UNIQUE, policies=POLICIES)
    add(server)
    (request,) = storage.requests("POST", "/rest/v1/uploads")
    assert "return=minimal" in request.headers["prefer"]
    assert request.path.endswith("on_conflict=sha256")


def test_a_schema_is_named_in_its_header(storage: Project, server: Server) -> None:
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies=POLICIES)
    add(server, "films.uploads")
    (request,) = storage.requests("POST", "/rest/v1/uploads")
    assert request.headers["content-profile"] == "films"


def test_no_such_table(storage: Project, server: Server) -> None:
    text = why(server)
    assert "there is no such table" in text
    assert "make it (url text, sha256 text primary key, created_at timestamptz" in text  # the guide is not installed


def test_a_column_that_lacks(storage: Project, server: Server) -> None:
    storage.table("uploads", {"url": "text", "sha256": "text"}, unique=UNIQUE, policies=POLICIES)
    text = why(server)
    assert "lacks a column" in text
    assert "created_at" in text


def test_no_unique_constraint(storage: Project, server: Server) -> None:
    storage.table("uploads", COLUMNS, policies=POLICIES)
    assert "its column sha256 is not unique" in why(server)


def test_a_column_of_another_type(storage: Project, server: Server) -> None:
    storage.table("uploads", {**COLUMNS, "processors": "float8"}, unique=UNIQUE, policies=POLICIES)
    assert "of another type" in why(server)


@pytest.mark.parametrize("allowed", [[], ["insert"], ["insert", "update"]])
def test_policies_that_refuse_are_no_fault_of_the_key(storage: Project, server: Server, allowed: list[Any]) -> None:
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies={"anon": allowed})
    text = why(server)
    assert "policies of the table must allow it insert, select and update" in text
    assert "row-level security" in text
    assert len(storage.requests("POST", "/rest/v1/uploads")) == 1


def test_a_schema_that_the_api_does_not_show(storage: Project, server: Server) -> None:
    body = {"code": "PGRST106", "message": "The schema must be one of the following: public", "details": None, "hint": None}
    storage.fault("POST", "/rest/v1/", status=406, body=body)
    assert "not among those that the project's API shows" in why(server, "films.uploads")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "1"}, "body": {"message": "slow down"}},
        {"status": 503, "body": {"code": "PGRST002", "message": "Could not query the database for the schema cache"}},
        {"status": 502, "body": "<html>bad gateway</html>"},
        {"drop": True},
        {"drop": True, "at": "end"},
    ],
)
def test_what_may_pass_is_tried_again_and_makes_one_row(storage: Project, server: Server, fault: dict[str, Any]) -> None:
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies=POLICIES)
    storage.fault("POST", "/rest/v1/", times=2, **fault)
    add(server)
    assert len(storage.rows("uploads")) == 1
    assert len(storage.requests("POST", "/rest/v1/")) == 3


def test_what_does_not_pass_ends(storage: Project, server: Server) -> None:
    storage.fault("POST", "/rest/v1/", times=100, status=500, body={"message": f"no luck with {storage.keys.anon}"})
    text = why(server)
    assert "8 times in a row" in text


def test_a_cancel_is_heard_between_tries(storage: Project, server: Server) -> None:
    storage.fault("POST", "/rest/v1/", times=100, status=500)
    tries = iter([None, None, Interrupted()])

    def check_cancel() -> None:
        if (told := next(tries)) is not None:
            raise told

    with pytest.raises(Interrupted):
        add_row(server, "uploads", VIDEO, URL, Patience(check_cancel, threading.Event(), pace=0.0))


def test_neither_key_nor_link_stands_in_a_log(storage: Project, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    storage.table("uploads", COLUMNS, unique=UNIQUE, policies=POLICIES)
    add(server)
    assert caplog.records
    assert "token=" not in caplog.text
    assert storage.keys.anon not in caplog.text


@pytest.mark.parametrize("table", ["a.b.c", "../x", "x?y", "a b", ".x", "x."])
def test_what_is_no_table_is_refused_before_any_work(table: str) -> None:
    with pytest.raises(ValueError, match=r"--supabase-table takes TABLE or SCHEMA\.TABLE"):
        Options(table=table)


@pytest.mark.parametrize("table", ["", "uploads", "films.uploads", "my-uploads"])
def test_tables(table: str) -> None:
    assert Options(table=table).table == table
