"""The address of a project and its key: where they are found, what they may be, and how they are kept out of every text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Literal

import httpx

from roop_host import UsageError

#: Where the pair lies in the keyring: one service, two users.
SERVICE, URL_USER, KEY_USER = "roop-supabase", "url", "key"
URL_VARIABLE, KEY_VARIABLE = "SUPABASE_URL", "SUPABASE_KEY"

Kind = Literal["anon", "service_role", "publishable", "secret", "authenticated", "unknown"]
#: Keys that pass by row-level security.
MIGHTY: frozenset[Kind] = frozenset({"service_role", "secret"})
_NEW_KEYS: dict[str, Kind] = {"sb_publishable_": "publishable", "sb_secret_": "secret"}
_ROLES: dict[str, Kind] = {"anon": "anon", "service_role": "service_role", "authenticated": "authenticated"}
_PORTS = {"http": 80, "https": 443}
#: A host's name, or an IPv6 address.
_HOST = r"(?:(?!-)[A-Za-z0-9-]+(?<!-)(?:\.(?!-)[A-Za-z0-9-]+(?<!-))*|\[[0-9A-Fa-f:.]+\])"
#: What the platform calls a project.
_REFERENCE = r"[a-z0-9]{20}"
_QUOTES = ("'", '"', "`", "\u2018", "\u201c", "\u201e")
_LONGEST_KEY = 8192
#: A piece of a key that is this long is taken for one wherever it stands.
_TELLING = 8
_HIDDEN = "***"
#: Tokens of any key, of signed links and of signed uploads.
_TOKENS = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*){0,2}|sb_(?:secret|publishable)_[\w-]+|sbp_\w+|(?<=token=)[^&\s\"']+")


@dataclass(frozen=True)
class Credentials:
    """Made only of a pair that may be used: the key goes nowhere but over TLS or to this machine."""

    url: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        url, key = self.url.strip().rstrip("/"), self.key.strip()
        url = re.sub(r"\Ahttps?(?=://)", lambda scheme: scheme[0].lower(), url, flags=re.IGNORECASE)
        _require_address(url)
        _require_key(key)
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "key", key)

    @property
    def origin(self) -> str:
        """Scheme, host and port, as ``origin_of`` writes them."""
        origin = origin_of(self.url)
        assert origin is not None
        return origin

    @property
    def encrypted(self) -> bool:
        """Whether the connection is TLS; else it is to this machine."""
        return self.url.startswith("https:")


def find(environ: Mapping[str, str]) -> Credentials:
    """The pair of ``environ`` or of the keyring; never one half of each."""
    url, key = (environ.get(name, "").strip() for name in (URL_VARIABLE, KEY_VARIABLE))
    if url and key:
        return Credentials(url, key)
    if url or key:
        said, lacks = (URL_VARIABLE, KEY_VARIABLE) if url else (KEY_VARIABLE, URL_VARIABLE)
        raise UsageError(f"{said} is set and {lacks} is not; set both, or neither and use `roop supabase login`")
    return _kept()


def _kept() -> Credentials:
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    why, otherwise = "", ", or use `roop supabase login` once"
    try:
        url, key = (keyring.get_password(SERVICE, user) or "" for user in (URL_USER, KEY_USER))
    except NoKeyringError:
        url, key, why, otherwise = "", "", " (there is no keyring here)", ""
    except KeyringError as error:
        url, key, why = "", "", f" (the keyring cannot be read: {type(error).__name__})"
    if url and key:
        return Credentials(url, key)
    if url or key:
        raise UsageError("the keyring holds half of the Supabase project's address and key; use `roop supabase login` again")
    raise UsageError(f"no Supabase project is known{why}: set {URL_VARIABLE} and {KEY_VARIABLE}{otherwise}")


def origin_of(url: str) -> str | None:
    """Scheme, host and port as the library that sends will read them; None where there is no such address."""
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return None
    port = _PORTS.get(read.scheme, 0) if read.port is None else read.port
    host = read.raw_host.decode("ascii")  # of letters that look alike only their spelling in ASCII is told
    host = f"[{host}]" if ":" in host else host
    return f"{read.scheme}://{host}:{port}" if host and 0 < port < 65536 else None


def _require_address(url: str) -> None:
    """Raise ``UsageError`` for what may not be sent a key. The text is not repeated: it may be a key in the wrong place."""
    if fault := _fault_of(url):
        raise UsageError(f"{URL_VARIABLE} takes the project's address, such as https://PROJECT.supabase.co, {fault}")


def _fault_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if url[:1] in _QUOTES:
        return "without quotes around it"
    if _TOKENS.search(url):
        return f"and what it holds looks like a key, which is for {KEY_VARIABLE}"
    if re.fullmatch(_REFERENCE, url):
        return "and not the project's reference alone; put https:// before it and .supabase.co behind it"
    if not separator and re.match(rf"(?!https?:){_HOST}(?:[:/]|\Z)", url):
        return "and lacks the https:// at the beginning (http:// on this machine)"
    if separator and scheme not in _PORTS:
        return "and begins with https://, not with another scheme; the address of its database is another one"
    if re.search(r"[@/?#\\]", rest):
        return "without a user, a path or anything behind it"
    # few letters, since readers of addresses differ on the rest: on where a host ends, for one
    if not re.fullmatch(rf"{_HOST}(?::[0-9]{{1,5}})?", rest) or origin_of(url) is None:
        return "with a host in plain letters (xn--... for others) and, if any, a port from 1 to 65535"
    if scheme == "http" and not _loopback(httpx.URL(url).host):
        return "with https, since the key goes there"
    return ""


def _require_key(key: str) -> None:
    """Raise ``UsageError`` for what no project takes as its key. The text is not repeated."""
    if key[:1] in _QUOTES:
        raise UsageError("the key of the Supabase project has quotes around it; leave them out")
    # what is no such text would be told whole by the library that refuses it as a header
    if not re.fullmatch(r"[!-~]+", key) or len(key) > _LONGEST_KEY:
        raise UsageError(f"the key of the Supabase project is no key; copy it anew into {KEY_VARIABLE}")
    if key.startswith("sbp_"):
        raise UsageError(
            "the key of the Supabase project is an access token of an account (sbp_...), which no project takes; "
            "use the publishable key of the project's settings"
        )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def kind_of(key: str) -> Kind:
    """What a key may do, as far as it says so itself. Nothing is verified: this is for a warning."""
    for beginning, kind in _NEW_KEYS.items():
        if key.startswith(beginning):
            return kind
    role = _claims(key).get("role")
    return _ROLES.get(role, "unknown") if isinstance(role, str) else "unknown"


def expiry_of(key: str) -> datetime | None:
    """When an old key ends, if it is one that says so."""
    seconds = _claims(key).get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _claims(key: str) -> dict[str, Any]:
    parts = key.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def redact(text: str, credentials: Credentials | None) -> str:
    """``text`` without the key, its pieces, and anything else that looks like a token."""
    if credentials is not None:
        own = _own_part(credentials.key)
        text = re.sub(rf"[!-~]{{{_TELLING},}}", lambda run: _without(run[0], own), text)
    return _TOKENS.sub(_HIDDEN, text)


def _own_part(key: str) -> str:
    """The key from where a telling piece of it first has a letter that not every key begins with."""
    common = max((len(beginning) for beginning in _NEW_KEYS if key.startswith(beginning)), default=0)
    return key[max(0, common - _TELLING + 1) :]


def _without(run: str, key: str) -> str:
    """A run of letters, or nothing of it where it holds a piece of the key, as an echo cut short does."""
    pieces = (run[start : start + _TELLING] for start in range(len(run) - _TELLING + 1))
    return _HIDDEN if any(piece in key for piece in pieces) else run
