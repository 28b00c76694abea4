"""Where the address and key come from, what they may be, and how they are kept out of every text."""

from __future__ import annotations

import base64
import json
import traceback
from datetime import UTC, datetime

import keyring
import pytest
from keyring.backends import fail
from keyring.errors import KeyringLocked
from memory_ring import Memory

from roop_host import UsageError
from roop_supabase.credentials import Credentials, Kind, expiry_of, find, kind_of, origin_of, redact

URL = "https://abcdefgh.supabase.co"
SECRET = "sb_secret_0123456789abcdefghij_XYZW"


def jwt(**claims: object) -> str:
    def packed(part: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    return f"{packed({'alg': 'HS256', 'typ': 'JWT'})}.{packed(claims)}.c2lnbmF0dXJlLW9mLWEta2V5LXRoYXQtaXMtbG9uZw"


def kept(monkeypatch: pytest.MonkeyPatch, **held: str) -> None:
    monkeypatch.setattr(
        keyring, "get_password", lambda service, user: held.get(user) if service == "roop-supabase" else None
    )


def test_the_environment_goes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, url="https://kept.supabase.co", key="a-kept-key")
    assert find({"SUPABASE_URL": f" {URL}/ ", "SUPABASE_KEY": f"{SECRET}\n"}) == Credentials(URL, SECRET)
    assert find({"SUPABASE_URL": " "}) == Credentials("https://kept.supabase.co", "a-kept-key")


@pytest.mark.parametrize(("said", "lacks"), [("SUPABASE_URL", "SUPABASE_KEY"), ("SUPABASE_KEY", "SUPABASE_URL")])
def test_half_a_pair_is_not_made_whole_from_elsewhere(said: str, lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, url=URL, key=SECRET)
    with pytest.raises(UsageError, match=f"{said} is set and {lacks} is not"):
        find({said: URL})


def test_without_any_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch)
    with pytest.raises(UsageError, match="set SUPABASE_URL and SUPABASE_KEY, or use `roop supabase login`"):
        find({})
    kept(monkeypatch, url=URL)
    with pytest.raises(UsageError, match="the keyring holds half"):
        find({})


def test_without_a_keyring_none_is_spoken_of(ring: Memory) -> None:
    with pytest.raises(UsageError, match="or use `roop supabase login` once"):
        find({})
    keyring.set_keyring(fail.Keyring())
    with pytest.raises(UsageError, match=r"there is no keyring here.*set SUPABASE_URL and SUPABASE_KEY$"):
        find({})


def test_a_keyring_that_is_locked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str) -> None:
        raise KeyringLocked("at /home/somebody")

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(UsageError, match=r"\(the keyring cannot be read: KeyringLocked\): set SUPABASE_URL") as caught:
        find({})
    assert "somebody" not in "".join(traceback.format_exception(caught.value))


PATH, LOOKS = "without a user, a path or anything behind it", "looks like a key, which is for SUPABASE_KEY"
HOST, LACKS = "with a host in plain letters", "lacks the https:// at the beginning"
SCHEME = "begins with https://, not with another scheme"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://abcdefgh.supabase.co", "with https, since the key goes there"),
        ("http://127.0.0.1.example.com", "with https, since the key goes there"),
        ("https://me:word@abcdefgh.supabase.co", PATH),
        ("https://abcdefgh.supabase.co/rest/v1", PATH),
        ("https://abcdefgh.supabase.co/%2f", PATH),
        ("https://abcdefgh.supabase.co?a=b", PATH),
        ("https://abcdefgh.supabase.co#x", PATH),
        ("https://good.example\\@bad.example", PATH),
        ("https://abcdefgh.supabase.co:99999", "a port from 1 to 65535"),
        ("https://abcdefgh.supabase.co:0", "a port from 1 to 65535"),
        ("https://abcdefgh.supabase.co:", HOST),
        ("https://\u0430bc.supabase.co", HOST),
        ("https://", HOST),
        ("https://:443", HOST),
        ("https://[::1", HOST),
        ("https://[1]", HOST),
        ("https://]", HOST),
        ("https://..", HOST),
        ("https://a..b", HOST),
        ("https://-a.b", HOST),
        ("ftp://abcdefgh.supabase.co", SCHEME),
        ("postgresql://postgres:word@db.abcdefgh.supabase.co:5432/postgres", SCHEME),
        ("abcdefgh.supabase.co", LACKS),
        ("abcdefgh.supabase.co/rest/v1", LACKS),
        ("localhost:54321", LACKS),
        ("abcdefghijklmnopqrst", "not the project's reference alone; put https:// before it"),
        (f'"{URL}"', "without quotes around it"),
        (f"\u201c{URL}\u201d", "without quotes around it"),
        (SECRET, LOOKS),
        (jwt(role="anon"), LOOKS),
    ],
)
def test_an_address_that_may_get_no_key(url: str, why: str) -> None:
    with pytest.raises(UsageError, match="SUPABASE_URL takes the project's address") as caught:
        Credentials(url, SECRET)
    assert why in str(caught.value)
    assert url == "https://" or url not in str(caught.value)
    assert "word" not in str(caught.value)


def test_a_scheme_in_capitals_is_one() -> None:
    credentials = Credentials("HTTPS://abcdefgh.supabase.co", SECRET)
    assert (credentials.url, credentials.encrypted) == (URL, True)


def test_letters_that_look_alike_are_told_in_ascii() -> None:
    assert origin_of("https://\u0430bc.supabase.co/x") == "https://xn--bc-6kc.supabase.co:443"
    assert Credentials("https://xn--bc-6kc.supabase.co", SECRET).origin == "https://xn--bc-6kc.supabase.co:443"
    assert origin_of("https://[::1]/") == "https://[::1]:443"
    assert origin_of("https://abcdefgh.supabase.co:0") is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:54321", "http://localhost:54321", "http://[::1]:54321", URL])
def test_an_address_that_may(url: str) -> None:
    credentials = Credentials(url, SECRET)
    assert origin_of(f"{credentials.url}/storage/v1") == credentials.origin
    assert credentials.encrypted == (url == URL)


@pytest.mark.parametrize("key", ["", "two words", "broken\r\nX-Other: 1", "clé", "x" * 9000])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match="copy it anew into SUPABASE_KEY") as caught:
        Credentials(URL, key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("key", [f'"{SECRET}"', f"'{SECRET}'", f"\u201c{SECRET}\u201d"])
def test_a_key_in_quotes_is_told(key: str) -> None:
    with pytest.raises(UsageError, match="the key of the Supabase project has quotes around it; leave them out") as caught:
        Credentials(URL, key)
    assert SECRET not in str(caught.value)


def test_a_token_of_an_account_is_no_key() -> None:
    token = f"sbp_{'0123456789' * 4}"
    with pytest.raises(UsageError, match=r"an access token of an account.*use the publishable key") as caught:
        Credentials(URL, token)
    assert token not in str(caught.value)
    assert redact(f"Bearer {token}", None) == "Bearer ***"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (jwt(role="anon"), "anon"),
        (jwt(role="service_role"), "service_role"),
        (jwt(role="authenticated"), "authenticated"),
        (jwt(role="postgres"), "unknown"),
        (jwt(role=["anon"]), "unknown"),
        ("sb_publishable_abc", "publishable"),
        (SECRET, "secret"),
        ("a.b.c", "unknown"),
        ("a.W10.c", "unknown"),
        ("a.\u00e9.c", "unknown"),
    ],
)
def test_kinds(key: str, kind: Kind) -> None:
    assert kind_of(key) == kind


@pytest.mark.parametrize(
    ("exp", "ends"),
    [(1_000_000_000, datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)), (True, None), ("1", None), (10**30, None), (None, None)],
)
def test_expiry(exp: object, ends: datetime | None) -> None:
    assert expiry_of(jwt(role="anon", exp=exp)) == ends


@pytest.mark.parametrize("key", [SECRET, jwt(role="service_role", ref="abcdefgh")])
def test_no_piece_of_a_key_is_told(key: str) -> None:
    credentials = Credentials(URL, key)
    assert key not in repr(credentials)
    for start in range(0, len(key) - 12, 3):
        said = redact(f"no such key: [{key[start : start + 12]}], sorry", credentials)
        assert key[start : start + 12] not in said
        assert said.endswith("sorry")
    assert redact(f"Bearer {key}", credentials) == "Bearer ***"


def test_words_that_many_keys_begin_with_are_told() -> None:
    credentials = Credentials(URL, "sb_publishable_0123456789")
    assert redact("Invalid publishable API key", credentials) == "Invalid publishable API key"
    assert redact("no publishable_012", credentials) == "no ***"


def test_other_tokens_are_not_told_either() -> None:
    told = redact(f"GET /object/sign/b/k?token={jwt(url='b/k')}&download=x of sb_publishable_abc", None)
    assert told == "GET /object/sign/b/k?token=***&download=x of ***"
    assert redact("new row violates row-level security policy", Credentials(URL, SECRET)) == (
        "new row violates row-level security policy"
    )
