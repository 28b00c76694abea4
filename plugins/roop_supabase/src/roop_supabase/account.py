"""``roop supabase``: keep a project's address and key in the keyring, and see whether they work."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import keyring
from keyring.errors import KeyringError

from roop_host import UsageError, visible
from roop_supabase.credentials import (
    KEY_USER,
    KEY_VARIABLE,
    MIGHTY,
    SERVICE,
    URL_USER,
    URL_VARIABLE,
    Credentials,
    expiry_of,
    find,
    kind_of,
    origin_of,
)
from roop_supabase.looking import look

_DESCRIPTION = f"""\
Keep the address and key of a Supabase project in this machine's keyring, and see whether they work.
{URL_VARIABLE} and {KEY_VARIABLE}, where both are set, go before what the keyring holds."""
_EPILOG = """\
Exit code: 0 when it was done, of check also that the server takes the key; 2 for wrong usage, where there is no keyring or
no key, or the server can't be reached or refuses the key."""
_VARIABLES = f"set {URL_VARIABLE} and {KEY_VARIABLE} instead, which need no keyring"
_KINDS = {
    "anon": "anon (old style); policies say what it may do",
    "publishable": "publishable; policies say what it may do",
    "authenticated": "a user's token, which ends soon; policies say what it may do",
    "service_role": "service_role (old style); no policy holds it back",
    "secret": "secret; no policy holds it back",
    "unknown": "of a kind that is not known here",
}
_LONGEST_LINE = 10_000


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """What was typed is not told again: it may be a key in the wrong place."""
        if message.startswith("unrecognized") or "invalid choice" in message:
            message = "it takes login, logout or check, and no other words; a key is never said here, but asked for"
        raise UsageError(f"{message}; see roop supabase --help")


def account(words: Sequence[str]) -> int:
    """The exit code of ``roop supabase`` with ``words``. Raises ``UsageError``."""
    asked = _parser().parse_args(list(words))
    if asked.do == "login":
        _login(asked.url, check=not asked.no_check, replace=asked.replace)
    elif asked.do == "logout":
        _logout()
    else:
        _check(asked.bucket or os.environ.get("ROOP_SUPABASE_BUCKET", ""))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="roop supabase",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parts = parser.add_subparsers(dest="do", metavar="login|logout|check", required=True)
    login = parts.add_parser("login", help="ask for address and key, try them, and keep them", allow_abbrev=False)
    login.add_argument("--url", metavar="URL", help="the project's address; the key is asked for, or read from a pipe")
    login.add_argument("--replace", action="store_true", help="in place of what the keyring holds now")
    login.add_argument("--no-check", action="store_true", help="keep them without asking the server")
    parts.add_parser("logout", help="remove both from the keyring", allow_abbrev=False)
    check = parts.add_parser("check", help="what is used, and whether the server takes it", allow_abbrev=False)
    check.add_argument("--bucket", metavar="NAME", help="look at this bucket too (otherwise ROOP_SUPABASE_BUCKET)")
    return parser


def _login(url: str | None, *, check: bool, replace: bool) -> None:
    held = [_read(user) for user in (URL_USER, KEY_USER)]
    if any(held) and not replace:
        _ask_to_replace(held[0])
    credentials = Credentials(url or _asked_url(), _asked_key())
    _tell_of(credentials.key)
    if check:
        look(credentials, "", " (--no-check keeps them all the same)")
    _keep(credentials)
    print(f"the keyring holds the address and key of {credentials.url} now")
    _tell_of_variables()


def _ask_to_replace(url: str) -> None:
    whose = f"the address and key of {_named(url)}"
    if sys.stdin.isatty() and _line(f"The keyring holds {whose}. Replace them? [y/N] ").lower() in ("y", "yes"):
        return
    raise UsageError(f"the keyring holds {whose} already, and they are left as they are; --replace takes their place")


def _asked_url() -> str:
    if not sys.stdin.isatty():
        raise UsageError("the key is read from a pipe, so the address has to be given: roop supabase login --url URL")
    return _line("Address of the project, such as https://PROJECT.supabase.co: ")


def _asked_key() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LONGEST_LINE).strip()
    try:
        return getpass.getpass("Its key (it is not shown): ")
    except EOFError:
        return ""


def _line(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline(_LONGEST_LINE).strip()


def _tell_of(key: str) -> None:
    """Warn of a key that may do everything. Raises ``UsageError`` for one that has ended."""
    ends = expiry_of(key)
    if ends is not None and ends <= datetime.now(UTC):
        raise UsageError(f"this key ended on {ends:%Y-%m-%d}; take a new one from the project's settings")
    if (kind := kind_of(key)) in MIGHTY:
        print(
            f"roop: this is a {kind} key, which no policy holds back: who gets it can read and delete all of the project; "
            "a publishable or anon key with policies is enough to upload",
            file=sys.stderr,
        )


def _logout() -> None:
    url, key = (_read(user) for user in (URL_USER, KEY_USER))
    _remove()
    print(f"the keyring holds the address and key of {_named(url)} no more" if url or key else "the keyring held none")
    _tell_of_variables()


def _check(bucket: str) -> None:
    credentials = find(os.environ)
    ends = expiry_of(credentials.key)
    print(f"address: {credentials.url}, {_origin()}")
    print(f"key: {_KINDS[kind_of(credentials.key)]}{f'; it ends on {ends:%Y-%m-%d}' if ends else ''}")
    _tell_of(credentials.key)
    for line in look(credentials, bucket):
        print(line)


def _origin() -> str:
    """Where ``find`` takes the pair from."""
    if os.environ.get(URL_VARIABLE, "").strip():
        return f"from {URL_VARIABLE} and {KEY_VARIABLE}"
    return f"from the keyring ({keyring.get_keyring().name})"


def _tell_of_variables() -> None:
    if any(os.environ.get(name, "").strip() for name in (URL_VARIABLE, KEY_VARIABLE)):
        print(f"{URL_VARIABLE} or {KEY_VARIABLE} is set here and goes before the keyring", file=sys.stderr)


def _named(url: str) -> str:
    return visible(origin_of(url) or "a project")


def _read(user: str) -> str:
    try:
        return keyring.get_password(SERVICE, user) or ""
    except KeyringError as error:
        raise UsageError(f"there is no keyring here that can be used ({type(error).__name__}); {_VARIABLES}") from None


def _keep(credentials: Credentials) -> None:
    """Both or none: a pair comes from one place."""
    pair = {URL_USER: credentials.url, KEY_USER: credentials.key}
    try:
        for user, text in pair.items():
            keyring.set_password(SERVICE, user, text)
        kept = all(keyring.get_password(SERVICE, user) == text for user, text in pair.items())
        why = "" if kept else " (it gives back something else)"
    except KeyringError as error:
        kept, why = False, f" ({type(error).__name__})"
    if not kept:
        _remove()
        raise UsageError(f"the keyring did not keep them{why}, and holds none now; {_VARIABLES}")


def _remove() -> None:
    for user in (URL_USER, KEY_USER):
        if _read(user):
            try:
                keyring.delete_password(SERVICE, user)
            except KeyringError as error:
                raise UsageError(
                    f"the keyring did not let go of it ({type(error).__name__}); unlock it, or remove {SERVICE} by hand"
                ) from None
