"""What is known of a file: plain data, which programs get as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from roop_provenance.marks import Mark

#: known: intact, by a signer whom the user's CA knows. unknown: intact, by anybody. changed: not what was signed. invalid:
#: signed in a way that does not hold. broken: can't be read. unread: no library here. elsewhere: an address only.
State = Literal["known", "unknown", "changed", "invalid", "broken", "unread", "elsewhere"]
Status = Literal["intact", "changed", "invalid", "broken", "unread", "marked", "silent", "unreadable"]
_STATUS: Mapping[State, Status] = {
    "known": "intact",
    "unknown": "intact",
    "changed": "changed",
    "invalid": "invalid",
    "broken": "broken",
    "unread": "unread",
    "elsewhere": "unread",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that was done: C2PA's name, IPTC's term, the tool."""

    name: str
    source_type: str = ""
    tool: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """What a file was made of. ``failures`` are what was wrong with its own credentials when it was taken.

    ``had_credentials`` is only its signer's statement where ``credentials_stated``: they were not carried over.
    """

    relationship: str
    kind: str = ""
    title: str = ""
    description: str = ""
    had_credentials: bool = False
    credentials_stated: bool = False
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Credentials that an ingredient brought along."""

    tool: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Content Credentials as they were found. ``run`` is roop's own assertion; any key of it may be missing.

    ``time_known``: a timestamp authority says ``signed_at`` whom the user's CA knows, and not anybody.
    """

    state: State
    beside: bool = False
    reason: str = ""
    failures: tuple[str, ...] = ()
    signer: str = ""
    organisation: str = ""
    signed_at: str = ""
    time_known: bool = False
    tool: str = ""
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    run: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one file. ``error`` is set where it could not be read; nothing else is then."""

    file: str
    kind: str = ""
    credentials: Credentials | None = None
    marks: tuple[Mark, ...] = ()
    notices: tuple[str, ...] = field(default=())
    error: str = ""

    @property
    def status(self) -> Status:
        """The worst that holds."""
        if self.error:
            return "unreadable"
        if self.credentials is not None:
            return _STATUS[self.credentials.state]
        return "marked" if any(mark.kind != "tool" for mark in self.marks) else "silent"
