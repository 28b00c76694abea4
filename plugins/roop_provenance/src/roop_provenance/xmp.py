"""What an XMP packet of a stranger says. No document type, so no entities: nothing in it can grow or name another file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.parsers import expat

from roop_provenance.found import MOST_FOUND, TooMuch

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_TERMS = "http://purl.org/dc/terms/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
#: Property to the kind of what it says. ``AIGC`` is asked for by China's GB 45438-2025; its namespace differs by who writes.
_WANTED = {
    f"{_IPTC} DigitalSourceType": "source type",
    f"{_DC} description": "description",
    f"{_XMP} CreatorTool": "tool",
    f"{_PHOTOSHOP} Credit": "credit",
    f"{_TERMS} provenance": "credentials elsewhere",
}
_AIGC = "AIGC"
_LONGEST = 4000
_DEEPEST = 64


class _Refused(Exception):
    """A packet with what no XMP has."""


@dataclass(slots=True)
class Work:
    """What may be done for all packets of one file: small ones can ask for any amount of it."""

    bytes_left: int = 8 << 20
    events_left: int = 200_000
    values_left: int = MOST_FOUND

    def take(self, *, count: int = 0, events: int = 0, values: int = 0) -> None:
        """Use up so much. Raises ``TooMuch``."""
        self.bytes_left -= count
        self.events_left -= events
        self.values_left -= values
        if min(self.bytes_left, self.events_left, self.values_left) < 0:
            raise TooMuch


@dataclass(frozen=True, slots=True)
class Said:
    """``facts`` are kinds and values; ``end`` says whether the packet was whole, broken, or cut since it asks too much."""

    facts: tuple[tuple[str, str], ...]
    end: Literal["whole", "broken", "cut"] = "whole"


def read_packet(packet: bytes, work: Work) -> Said:
    """What of interest an XMP packet says, in its order; of a broken one what stands before the break."""
    reader = _Reader(work)
    try:
        work.take(count=len(packet))
        reader.parser.Parse(packet.strip(b"\0"), True)
    except TooMuch:
        return Said(tuple(reader.facts), "cut")
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return Said(tuple(reader.facts), "broken")
    return Said(tuple(reader.facts))


@dataclass(slots=True)
class _Element:
    kind: str | None
    text: str = ""


class _Reader:
    """Follows a packet's events; ``facts`` grows with them."""

    def __init__(self, work: Work) -> None:
        self.facts: list[tuple[str, str]] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._work = work
        self._open: list[_Element] = []

    def _refuse(self, *_: object) -> None:
        raise _Refused

    def _keep(self, kind: str, value: str) -> None:
        fact = (kind, value.strip()[:_LONGEST])
        if fact[1] and fact not in self.facts:
            self._work.take(values=1)
            self.facts.append(fact)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._work.take(events=1 + len(attributes))
        if len(self._open) >= _DEEPEST:
            raise _Refused
        element = _Element(_kind(name))
        self._open.append(element)
        for key, value in attributes.items():
            kind = _kind(key)
            if kind is not None:
                self._keep(kind, value)
            elif key == f"{_RDF} resource":
                element.text += value[:_LONGEST]

    def _text(self, value: str) -> None:
        self._work.take(events=len(self._open))
        for element in self._open:
            if element.kind is not None and len(element.text) < _LONGEST:
                element.text += value[:_LONGEST]

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if element.kind is not None:
            self._keep(element.kind, element.text)


def _kind(name: str) -> str | None:
    return "aigc" if name.rpartition(" ")[2] == _AIGC else _WANTED.get(name)
