"""One project's server: its clients, and its failures in words."""

from __future__ import annotations

import json
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from html import unescape
from typing import TYPE_CHECKING

import httpx

from roop_host import UploadError, UsageError, one_line
from roop_supabase.bounded import Bounded
from roop_supabase.credentials import KEY_VARIABLE, URL_VARIABLE, Credentials, redact
from roop_supabase.failures import Passing

if TYPE_CHECKING:
    from supabase import Client

TIMEOUT_S = 30.0
_MAY_PASS = frozenset({408, 423, 425, 429})
#: How much of a server's text is looked at, and how much of that is shown.
_READ, _SHOWN = 10_000, 200
#: Filters are not inherited: those of the libraries that log.
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
#: Where an upload is taken is nobody's business, though it is not signed.
_UPLOADS = re.compile(r"(/upload/resumable/)[^\s\"']+")
#: Of what the libraries that encrypt read or write.
_FILE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
#: How the storage client begins when a body is none of the storage server's; the body follows.
_UNREAD = "Unable to parse error message: "
_LOCATIONS = re.compile(r"""(location(?:['"],\ b(?=['"])|\s*:))(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|.*)""", re.I)
#: What reading an answer raises: of this module and of the clients, which expect answers as they should be.
_NOT_UNDERSTOOD = (
    httpx.HTTPError,
    httpx.InvalidURL,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)
_OF_THE_KEY = ("jwt", "jws", "token", "signature", "claim", "api key")


class Refused(UploadError):
    """The server said no, and asking again changes nothing. ``status`` is the true one, 0 where none came."""

    def __init__(self, text: str, status: int, said: str = "") -> None:
        super().__init__(text)
        self.status, self.said = status, said

    @property
    def of_the_key(self) -> bool:
        """Whether the key itself was refused, and not only what it was used for."""
        said = self.said.lower()
        about_it = any(word in said for word in _OF_THE_KEY) and not said.startswith("invalid key")  # that is an object's
        return self.status == 401 or (self.status in (400, 403) and about_it)


class _Discreet(logging.Filter):
    """httpx logs the address of every request, where a signed one lets anybody in, and its transport what it is answered."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def filter(self, record: logging.LogRecord) -> bool:
        text = _UPLOADS.sub(r"\1***", _LOCATIONS.sub(r"\1'***'", record.getMessage()))
        record.msg, record.args = redact(text, self._credentials), ()
        return True


class Server:
    """The clients of one project, for one thread. The key goes with ``client`` and ``auth_headers``, never by itself."""

    def __init__(
        self, credentials: Credentials, timeout_s: float = TIMEOUT_S, *, bucket_flag: str = "--supabase-bucket"
    ) -> None:
        """``bucket_flag`` is how the bucket was named. Raises ``UsageError`` for variables that no connection can heed."""
        self.credentials, self.timeout_s, self.bucket_flag = credentials, timeout_s, bucket_flag
        self.base = f"{credentials.url}/storage/v1"
        self._status, self._asked_s = 0, None  # type: int, float | None
        # HTTP/2 stays off: its library logs every header, so the key
        self.http = self.fresh_http()
        self.http.event_hooks = {"response": [self._note]}
        self._discreet = _Discreet(credentials)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._discreet)

    @cached_property
    def client(self) -> Client:
        """Supabase's own client, on the same connections."""
        from supabase import ClientOptions, create_client

        options = ClientOptions(
            auto_refresh_token=False, persist_session=False, postgrest_client_retry=False, httpx_client=self.http
        )
        return create_client(self.credentials.url, self.credentials.key, options)

    @property
    def auth_headers(self) -> dict[str, str]:
        """What says who asks. Only for addresses of ``credentials.origin``."""
        return {"apikey": self.credentials.key, "Authorization": f"Bearer {self.credentials.key}"}

    def fresh_http(self) -> httpx.Client:
        """A client that knows neither key nor cookie. What is not encrypted is of this machine, and goes by no proxy."""
        try:
            return Bounded(timeout=self.timeout_s, follow_redirects=False, trust_env=self.credentials.encrypted)
        except OSError as error:
            said = " or ".join(name for name in _FILE_VARIABLES if os.environ.get(name)) or "the list of certificates"
            raise UsageError(
                f"{said} can't be used ({error.strerror or type(error).__name__}); set it right, or unset it"
            ) from None
        except (ValueError, httpx.InvalidURL):
            raise UsageError(f"{_unusable_proxy(os.environ)}; set it right, or unset it") from None

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._discreet)

    def _note(self, response: httpx.Response) -> None:
        self._status, self._asked_s = response.status_code, _retry_after(response.headers.get("retry-after"))

    @contextmanager
    def asking(self, what: str, needs: str = "") -> Iterator[None]:
        """Raise ``Passing`` or ``Refused`` for whatever the clients raise. ``needs`` names what a policy must allow.

        The causes are not chained: they hold addresses and answers as they came.
        """
        from postgrest.exceptions import APIError
        from socksio.exceptions import SOCKSError
        from storage3.exceptions import StorageApiError

        self._status, self._asked_s = 0, None
        failure: Passing | Refused
        try:
            yield
            return
        except StorageApiError as error:
            status, said = _status_of(error.status, self._status), str(error.message)
            if said.startswith(_UNREAD):  # of the body the client asks for more than a gateway says
                status, said = _read(said.removeprefix(_UNREAD), status)
            failure = self._failure(what, needs, status, said)
        except APIError as error:
            failure = self._failure(what, needs, self._status, str(error.message or error.details or error.code))
        except (httpx.TransportError, SOCKSError) as error:
            failure = self._broken(what, error)
        except _NOT_UNDERSTOOD as error:
            why = f"{what}: the answer was not understood ({type(error).__name__}); check {URL_VARIABLE}"
            failure = Refused(why, self._status)
        raise failure from None

    def require(self, response: httpx.Response, what: str, needs: str = "") -> None:
        """Raise ``Passing`` or ``Refused`` where an answer to ``http`` is no success. Its body decides if it says more."""
        if response.is_success:
            return
        self._note(response)
        raise self._failure(what, needs, *_read(response.text, response.status_code))

    def _failure(self, what: str, needs: str, status: int, said: str) -> Passing | Refused:
        said = self.shown(said)
        if status in _MAY_PASS or status >= 500:
            return Passing(f"{what}: the server is busy or out of order ({status}, {said})", self._asked_s, answered=True)
        failure = Refused("", status, said)
        return Refused(f"{what}: {_advice(failure, needs, self.bucket_flag)}", status, said)

    def _broken(self, what: str, error: Exception) -> Passing | Refused:
        said = self.shown(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in said:
            return Refused(f"{what}: the server's certificate is not trusted ({said}); check {URL_VARIABLE}", 0, said)
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return Refused(f"{what}: it could not be asked ({type(error).__name__})", 0)
        return Passing(f"{what}: the connection to {self.credentials.origin} failed ({said})")

    def shown(self, text: str) -> str:
        """What may be shown of a text of the server's."""
        line = one_line(redact(text[:_READ], self.credentials))
        return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _advice(failure: Refused, needs: str, bucket_flag: str) -> str:
    status, said = failure.status, failure.said
    if failure.of_the_key:
        return f"the server refused the key ({said}); check that {KEY_VARIABLE} is of this project and has not expired"
    if status == 403:
        policy = f"; a policy on storage.objects must allow it {needs} there" if needs else ""
        return f"the key may not do this ({said}){policy}"
    if status == 404:
        return f"the server did not find it ({said}); check {bucket_flag} and {URL_VARIABLE}, or what the key may see"
    if status == 413:
        return (
            f"the file is larger than the bucket or the project takes ({said}); raise that limit, or make a smaller output"
        )
    if status == 415:
        return f"the bucket takes no files of this type ({said}); allow it there, or use another bucket"
    if 300 <= status < 400:
        return f"the server sends us elsewhere ({status}); check {URL_VARIABLE}"
    return f"the server refused it ({status}, {said})"


def _read(body: str, status: int) -> tuple[int, str]:
    """The true status of a refusal, and what it says: in JSON, or as the title of a gateway's page."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return _status_of(told.get("statusCode"), status), str(told.get("message") or told.get("error") or body)
    if body.lstrip().startswith("<"):
        title = re.search(r"<title[^>]*>([^<]+)", body[:_READ], re.IGNORECASE)
        return status, unescape(title[1]).strip() if title else "a page in place of an answer"
    return status, body


def _unusable_proxy(environ: Mapping[str, str]) -> str:
    """Which variable the library that sends can't read. What it holds is not told: there may be a password in it."""
    for name, value in environ.items():
        if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") and value:
            try:
                httpx.Proxy(value if "://" in value else f"http://{value}")
            except (ValueError, httpx.InvalidURL):
                return f"{name} can't be used, which takes such as http://HOST:PORT or socks5://HOST:PORT"
    return "NO_PROXY (or the proxy that the system names) can't be used"


def _status_of(said: object, otherwise: int) -> int:
    """The true status as an answer's body gives it, a number or a text."""
    return int(str(said)) if re.fullmatch(r"[1-9][0-9]{2}", str(said)) else otherwise


def _retry_after(text: str | None) -> float | None:
    """Seconds, of either form that HTTP has."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
