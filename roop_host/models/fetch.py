"""One download over HTTP from one address into a part file: resumed, bounded, and given up where it leads nowhere."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roop_host.errors import Interrupted, one_line
from roop_host.models.reading import Answer, Head, Limits, RefusedError, SlowError

if TYPE_CHECKING:
    from roop_host.models.part import Part
    from roop_host.types.models import ModelSpec, Pack

_OK, _PARTIAL, _OUT_OF_RANGE = 200, 206, 416
#: Answers of a server that may work again in a moment.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_LONGEST = 120
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


class FetchError(Exception):
    """Nothing to be had from this address; says why in a few words."""


class _PassingError(Exception):
    """It may work when it is tried again."""


class _UnreachableError(_PassingError):
    """Nobody answers: only worth another try where somebody did before."""


class _AnewError(Exception):
    """What is there can't be gone on with."""


def shown(url: str) -> str:
    """An address for people, without passwords and keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def fetch(
    what: ModelSpec | Pack,
    url: str,
    part: Part,
    *,
    limits: Limits,
    cancel: threading.Event,
    on_size: Callable[[int], None],
) -> None:
    """Fill ``part`` until it is ``what``. Raises ``FetchError``, ``Interrupted``, or ``ModelError`` of the disk.

    ``on_size`` is told how large the part is, each time that it grows.
    """
    idle, anew, came = 0, False, False
    while True:
        begun = part.size
        try:
            if part.size < what.size:
                _attempt(what, url, part, limits, cancel, on_size)
            found = part.sha256(cancel)
            if found == what.sha256:
                return
            part.clear()
            if anew or not begun:
                raise FetchError(f"sent another file: SHA-256 {found[:12]}... in place of {what.sha256[:12]}...")
            anew = True  # it may have been joined from two versions
        except _AnewError as error:
            part.clear()
            if anew or not begun:
                raise FetchError(str(error)) from error
            anew = True
        except _PassingError as error:
            more = part.size - begun
            came = came or more > 0
            idle = 0 if more >= limits.progress else idle + 1
            if idle >= limits.tries or (isinstance(error, _UnreachableError) and not came):
                raise FetchError(str(error)) from error
            if cancel.wait(limits.pause_s * 2 ** max(0, idle - 1)):
                raise Interrupted("stopped between two tries") from error


def _attempt(
    what: ModelSpec | Pack,
    url: str,
    part: Part,
    limits: Limits,
    cancel: threading.Event,
    on_size: Callable[[int], None],
) -> None:
    """One request, for all that is missing."""
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if validator := part.validator(url):
            headers["If-Range"] = validator
    answer = Answer(url, headers, limits, cancel)
    try:
        with _told(what, part):
            head = answer.head()
        _take_head(what, url, part, head)
        on_size(part.size)
        while True:
            with _told(what, part):
                data = answer.chunk()
            if not data:
                break
            if part.size + len(data) > what.size:
                part.clear()
                raise FetchError(f"sends more than the {what.size:,} bytes it should be")
            part.add(data)
            on_size(part.size)
    finally:
        answer.leave()
    if part.size < what.size:
        raise _PassingError(f"ended after {part.size:,} of {what.size:,} bytes")


@contextmanager
def _told(what: ModelSpec | Pack, part: Part) -> Iterator[None]:
    """What goes wrong with a request, in a few words."""
    import httpx

    try:
        yield
    except SlowError as error:
        raise FetchError(f"is too slow ({error})") from error
    except RefusedError as error:
        raise FetchError(str(error)) from error
    except httpx.TooManyRedirects as error:
        raise FetchError("redirects without end") from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise _UnreachableError(f"can't be reached ({_short(error)})") from error
    except httpx.TimeoutException as error:
        raise FetchError("is too slow") from error
    except httpx.TransportError as error:
        raise _PassingError(f"broke off after {part.size:,} of {what.size:,} bytes ({_short(error)})") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError, ImportError) as error:
        raise FetchError(f"gives no proper answer ({_short(error)})") from error


def _take_head(what: ModelSpec | Pack, url: str, part: Part, head: Head) -> None:
    """Make the part ready for what follows, or say why it is not wanted."""
    if head.status in _PASSING:
        raise _PassingError(f"answers {head.status}")
    if head.status == _OUT_OF_RANGE and part.size:
        raise _AnewError(f"answers {head.status}")
    if head.status not in (_OK, _PARTIAL):
        raise FetchError(f"answers {head.status}")
    if head.headers.get("content-encoding", "identity") != "identity":
        raise FetchError("sends the file packed, which was not asked for")
    if head.headers.get("content-type", "").startswith("text/html"):
        raise FetchError("sends a web page in place of the file")
    if head.status == _PARTIAL:
        said = _RANGE.fullmatch(head.headers.get("content-range", ""))
        if said is None or int(said[1]) != part.size or said[2] not in ("*", str(what.size)):
            raise _AnewError("sends another part of the file than was asked for")
    length, to_come = head.headers.get("content-length", ""), what.size - (part.size if head.status == _PARTIAL else 0)
    if length.isdecimal() and int(length) != to_come:
        raise FetchError(f"offers {int(length):,} bytes in place of {to_come:,}")
    if head.status == _OK and part.size:  # it can't go on, or has another version by now
        part.clear()
    if not part.size:
        part.note_origin(url, _validator(head))


def _validator(head: Head) -> str:
    """What names this version: a strong entity tag, or else a date."""
    tag = head.headers.get("etag", "")
    return tag if tag and not tag.startswith("W/") else head.headers.get("last-modified", "")


def _short(error: BaseException) -> str:
    text = _ADDRESS.sub("an address", one_line(str(error))) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
