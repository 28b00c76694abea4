"""What an XMP packet of a stranger says. No document type, so no entities: nothing in it can grow or name another file."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

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
_DEEPEST, _MOST = 64, 100


class _Refused(Exception):
    """A packet with what no XMP has."""


@dataclass(frozen=True, slots=True)
class Said:
    """``facts`` are kinds and values; ``broken`` says that the packet is none to its end, so that there may be more."""

    facts: tuple[tuple[str, str], ...]
    broken: bool


def read_packet(packet: bytes) -> Said:
    """What of interest an XMP packet says, in its order; of a broken one what stands before the break."""
    facts: list[tuple[str, str]] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    open_elements: list[tuple[str | None, list[str]]] = []

    def refuse(*_: object) -> None:
        raise _Refused

    def keep(kind: str, value: str) -> None:
        if value.strip() and len(facts) < _MOST:
            facts.append((kind, value.strip()[:_LONGEST]))

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) >= _DEEPEST:
            raise _Refused
        open_elements.append((_kind(name), []))
        for key, value in attributes.items():
            kind = _kind(key)
            if kind is not None:
                keep(kind, value)
            elif key == f"{_RDF} resource" and open_elements[-1][0] is not None:
                open_elements[-1][1].append(value)

    def text(value: str) -> None:
        for kind, parts in open_elements:
            if kind is not None and len(parts) < _LONGEST:
                parts.append(value)

    def end(_: str) -> None:
        kind, parts = open_elements.pop()
        if kind is not None:
            keep(kind, "".join(parts))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    try:
        parser.Parse(packet.strip(b"\0"), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return Said(tuple(facts), broken=True)
    return Said(tuple(facts), broken=False)


def _kind(name: str) -> str | None:
    return "aigc" if name.rpartition(" ")[2] == _AIGC else _WANTED.get(name)
