"""``roop supabase``: what it keeps, what it asks, and what it never shows."""

from __future__ import annotations

import base64
import getpass
import io
import json
import sys

import keyring
import pytest
from keyring.backends import fail
from memory_ring import Memory

from roop_host import UsageError
from roop_supabase.account import account

URL = "https://abcdefgh.supabase.co"
KEY = "sb_publishable_0123456789abcdefXYZ"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, lines: str, key: str = KEY) -> None:
    """A person at a terminal: ``lines`` are typed, and the key where it isn't shown."""
    monkeypatch.setattr(sys, "stdin", Terminal(lines))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: key)


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def held(url: str = URL, key: str = KEY) -> dict[tuple[str, str], str]:
    return {("roop-supabase", "url"): url, ("roop-supabase", "key"): key}


def jwt(role: str, ends: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"role": role, "exp": ends}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJlLW9mLWEta2V5"


def test_a_person_types_address_and_key_and_the_keyring_holds_both(
    ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, f"{URL}/\n")
    assert account(["login", "--no-check"]) == 0
    assert ring.held == held()
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err
    assert f"of {URL} now" in shown.out


def test_the_key_comes_from_a_pipe_where_the_address_is_given(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, f"{KEY}\nmore\n")
    account(["login", "--url", URL, "--no-check"])
    assert ring.held == held()


def test_from_a_pipe_the_address_has_to_be_given(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, f"{URL}\n{KEY}\n")
    with pytest.raises(UsageError, match="--url URL"):
        account(["login", "--no-check"])
    assert ring.held == {}


@pytest.mark.parametrize("text", ["", "\n", "two words\n"])
def test_what_is_no_key_is_not_kept(ring: Memory, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    piped(monkeypatch, text)
    with pytest.raises(UsageError, match="is no key"):
        account(["login", "--url", URL, "--no-check"])
    assert ring.held == {}


def test_nothing_is_replaced_unasked(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.held = held()
    for answer in ("\n", "n\n", ""):
        typed(monkeypatch, answer, "sb_publishable_another_key")
        with pytest.raises(UsageError, match=r"abcdefgh\.supabase\.co.* --replace"):
            account(["login", "--url", "https://other.supabase.co", "--no-check"])
    piped(monkeypatch, "sb_publishable_another_key\n")
    with pytest.raises(UsageError, match="--replace"):
        account(["login", "--url", "https://other.supabase.co", "--no-check"])
    assert ring.held == held()


@pytest.mark.parametrize("words", [["--replace"], []])
def test_what_is_to_be_replaced_is_replaced(ring: Memory, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    ring.held = held()
    typed(monkeypatch, "" if words else "y\n", "sb_publishable_another_key")
    account(["login", "--url", "https://other.supabase.co", "--no-check", *words])
    assert ring.held == held("https://other.supabase.co", "sb_publishable_another_key")


def test_half_a_pair_is_never_left(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.full = "key"
    piped(monkeypatch, f"{KEY}\n")
    with pytest.raises(UsageError, match=r"did not keep them.*SUPABASE_URL and SUPABASE_KEY"):
        account(["login", "--url", URL, "--no-check"])
    assert ring.held == {}


@pytest.mark.parametrize("command", [["login", "--url", URL], ["logout"], ["check"]])
def test_without_a_keyring_the_variables_are_named(
    ring: Memory, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    keyring.set_keyring(fail.Keyring())
    piped(monkeypatch, f"{KEY}\n")
    with pytest.raises(UsageError, match=r"no keyring here.*SUPABASE_URL and SUPABASE_KEY") as caught:
        account(command)
    assert "\n" not in str(caught.value)


def test_logout_takes_both_away_and_half_a_pair_too(ring: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    ring.held = held()
    assert account(["logout"]) == 0
    assert ring.held == {}
    assert "no more" in capsys.readouterr().out
    ring.held = {("roop-supabase", "key"): KEY}
    account(["logout"])
    assert ring.held == {}
    account(["logout"])
    assert "held none" in capsys.readouterr().out


def test_where_variables_go_before_the_keyring_it_is_said(
    ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    account(["logout"])
    assert "goes before the keyring" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["sb_secret_0123456789abcdefXYZ", jwt("service_role", 4_000_000_000)])
def test_a_key_that_may_do_all_is_kept_with_a_warning(
    ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    piped(monkeypatch, key)
    account(["login", "--url", URL, "--no-check"])
    shown = capsys.readouterr()
    assert "no policy holds back" in shown.err
    assert not any(part in shown.out + shown.err for part in key.split("."))


def test_a_key_that_has_ended_is_not_kept(ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, jwt("anon", 1_000_000_000))
    with pytest.raises(UsageError, match="ended on 2001-09-09"):
        account(["login", "--url", URL, "--no-check"])
    assert ring.held == {}


@pytest.mark.parametrize("words", [["login", KEY], ["login", f"--key={KEY}"], [KEY], ["check", "--key", KEY]])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(ring: Memory, words: list[str]) -> None:
    with pytest.raises(UsageError, match="a key is never said here") as caught:
        account(words)
    assert KEY not in str(caught.value)


def test_no_word_at_all_says_what_there_is(ring: Memory) -> None:
    with pytest.raises(UsageError, match=r"login\|logout\|check"):
        account([])
