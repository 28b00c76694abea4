"""``roop supabase login`` and ``check`` against a server."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from memory_ring import Memory
from supabase_double.handle import Project

from roop_host import UsageError
from roop_supabase.account import account


def login(monkeypatch: pytest.MonkeyPatch, url: str, key: str, *words: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(key))
    return account(["login", "--url", url, *words])


@pytest.mark.parametrize("kind", ["anon", "service_role", "publishable", "secret"])
def test_a_key_that_the_server_takes_is_kept_and_checked(
    storage: Project, ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    key = getattr(storage.keys, kind)
    assert login(monkeypatch, storage.url, key) == 0
    assert ring.pair() == (storage.url, key)
    capsys.readouterr()
    assert account(["check"]) == 0
    shown = capsys.readouterr()
    assert f"address: {storage.url}, from the keyring (" in shown.out
    assert f"key: {kind}" in shown.out
    assert "server: it answers and takes the key" in shown.out
    assert not any(part in shown.out + shown.err for part in key.removeprefix("sb_").split("."))


def test_a_key_that_the_server_refuses_is_not_kept(storage: Project, ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    key = storage.token("anon", secret="of another project")
    with pytest.raises(UsageError, match=r"refused the key.*\(--no-check keeps them all the same\)") as caught:
        login(monkeypatch, storage.url, key)
    assert ring.pair() == (None, None)
    assert not any(part in str(caught.value) for part in key.split("."))
    login(monkeypatch, storage.url, key, "--no-check")
    assert ring.pair() == (storage.url, key)


def test_a_server_that_does_not_answer(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"connection to http://127\.0\.0\.1:9 failed.*check the address"):
        login(monkeypatch, "http://127.0.0.1:9", "sb_publishable_0123456789")
    assert ring.pair() == (None, None)


def test_the_variables_go_first_and_it_is_said(
    storage: Project, ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ring.hold("https://other.supabase.co", "sb_publishable_0123456789")
    monkeypatch.setenv("SUPABASE_URL", storage.url)
    monkeypatch.setenv("SUPABASE_KEY", storage.keys.anon)
    account(["check"])
    shown = capsys.readouterr().out
    assert f"address: {storage.url}, from SUPABASE_URL and SUPABASE_KEY" in shown
    assert "it ends on " in shown


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"public": True}, "bucket clips: public"),
        (
            {"file_size_limit": 50_000_000, "allowed_mime_types": ["image/*", "video/mp4"]},
            "bucket clips: private; files up to 50.0 MB; only image/*, video/mp4",
        ),
    ],
)
def test_a_bucket_that_the_key_may_see(
    storage: Project, ring: Memory, capsys: pytest.CaptureFixture[str], made: dict[str, Any], told: str
) -> None:
    storage.bucket("clips", **made)
    ring.hold(storage.url, storage.keys.service_role)
    account(["check", "--bucket", "clips"])
    assert told in capsys.readouterr().out.splitlines()


def test_a_bucket_that_policies_hide_is_no_failure(
    storage: Project, ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.bucket("clips")
    ring.hold(storage.url, storage.keys.anon)
    monkeypatch.setenv("ROOP_SUPABASE_BUCKET", "clips")
    assert account(["check"]) == 0
    assert "bucket clips: not shown to this key" in capsys.readouterr().out


def test_a_bucket_that_is_not_there_is_one_for_a_key_that_sees_all(storage: Project, ring: Memory) -> None:
    ring.hold(storage.url, storage.keys.service_role)
    with pytest.raises(UsageError, match="the project has no bucket clips"):
        account(["check", "--bucket", "clips"])


def test_a_bucket_is_asked_for_by_the_flag_that_check_has(storage: Project, ring: Memory) -> None:
    ring.hold(storage.url, storage.keys.service_role)
    with pytest.raises(UsageError, match=r"or check --bucket$"):
        account(["check", "--bucket", "clips"])
    storage.fault("GET", "/storage/v1/bucket/", status=404, body="<html>")
    with pytest.raises(UsageError, match="check --bucket and SUPABASE_URL"):
        account(["check", "--bucket", "clips"])


def test_a_bucket_without_an_owner_is_one(storage: Project, ring: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    ring.hold(storage.url, storage.keys.service_role)
    storage.fault("GET", "/storage/v1/bucket", status=200, body=[{"id": "clips", "name": "clips", "owner": None}])
    assert account(["check"]) == 0
    assert "it answers and takes the key" in capsys.readouterr().out


def test_what_is_no_list_of_buckets(storage: Project, ring: Memory) -> None:
    ring.hold(storage.url, storage.keys.anon)
    storage.fault("GET", "/storage/v1/bucket", status=200, body={"no": "list"})
    with pytest.raises(UsageError, match="was not understood"):
        account(["check"])


def test_a_proxy_that_is_none(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.hold("https://abcdefgh.supabase.co", "sb_publishable_0123456789")
    monkeypatch.setenv("HTTPS_PROXY", "ftp://x")
    with pytest.raises(UsageError, match="HTTPS_PROXY can't be used"):
        account(["check"])


def test_a_server_out_of_order(storage: Project, ring: Memory) -> None:
    ring.hold(storage.url, storage.keys.anon)
    storage.fault("GET", "/storage/v1/bucket", status=503, body={"statusCode": "503", "error": "Down", "message": "down"})
    with pytest.raises(UsageError, match=r"busy or out of order \(503, down\); try again later$"):
        account(["check"])


@pytest.mark.parametrize("path", ["/storage/v1/bucket", "/storage/v1/bucket/clips"])
def test_a_server_that_sends_us_elsewhere_gets_no_key(
    storage: Project, other_host: Project, ring: Memory, path: str
) -> None:
    storage.bucket("clips")
    ring.hold(storage.url, storage.keys.service_role)
    there = {"Location": f"{other_host.url}/storage/v1/bucket"}
    storage.fault("GET", path, status=302, headers=there, body="")
    with pytest.raises(UsageError, match="sends us elsewhere"):
        account(["check", "--bucket", "clips"])
    assert other_host.requests() == []
