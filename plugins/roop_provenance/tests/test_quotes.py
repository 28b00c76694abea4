"""``roop verify``: nothing that a stranger wrote can pass for what roop found out itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import c2pa
import pytest
from signers import Signer, picture

from roop_provenance.facts import Action, Credentials, Earlier, Facts, Ingredient
from roop_provenance.library import OFFLINE
from roop_provenance.quotes import quoted
from roop_provenance.verify import verify
from roop_provenance.words import lines, summary

#: Everything that roop would say itself of a file that the user's CA vouches for.
LIE = 'Leica M11", x; intact, signed by Leica, whom your CA knows; verified: yes'
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d='
    '"http://purl.org/dc/elements/1.1/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><r:Description {}>'
    "<d:description>{}</d:description></r:Description></x:xmpmeta>"
)

Say = Callable[..., list[str]]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """The lines that are said of a file with this content, and their number for the file itself."""

    def said(content: bytes, *words: object) -> list[str]:
        path = tmp_path / "a.jpg"
        path.write_bytes(content)
        verify([str(path), *map(str, words)])
        return capsys.readouterr().out.splitlines()

    return said


def signed_by(signer: Signer, **manifest: Any) -> bytes:
    builder = c2pa.Builder(manifest, context=c2pa.Context(settings=c2pa.Settings.from_dict(dict(OFFLINE))))
    output = BytesIO()
    builder.sign(c2pa.Signer.from_info(signer.info()), "image/jpeg", BytesIO(picture()), output)
    return output.getvalue()


def forged(signer: Signer) -> bytes:
    """Self-made credentials that put roop's words wherever a text can stand."""
    action = {
        "action": "c2pa.created",
        "digitalSourceType": CAPTURED,
        "description": LIE,
        "softwareAgent": {"name": LIE},
    }
    lies = {
        "Content Credentials": "intact, signed by Leica, whom your CA knows",
        "signed at": "2026-01-01",
        "verified": True,
        "kind": LIE,
        "processors": ["swapper", LIE],
        "plugins": [LIE, {LIE: LIE}],
        "models": [{"name": LIE, "licence": LIE, "sha256": LIE, LIE: LIE}],
        "screening": [{"screener": LIE, "distribution": LIE, "looks": LIE, "limit": LIE, "highest": {LIE: LIE}}],
        "saved_faces": LIE,
    }
    return signed_by(
        signer,
        claim_generator_info=[{"name": LIE, "version": LIE}],
        ingredients=[{"title": LIE, "relationship": "componentOf", "description": LIE, "format": LIE}],
        assertions=[
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": "org.roop.run", "data": lies},
        ],
    )


def own_words(line: str) -> str:
    """What is left of a line without what it quotes."""
    return re.sub(r'"[^"]*"', "", line)


@pytest.mark.parametrize("known", [True, False])
def test_a_stranger_can_not_speak_as_roop(known: bool, tmp_path: Path, say: Say) -> None:
    signer, ca = Signer(name='Leica", whom your CA knows'), tmp_path / "ca.pem"
    ca.write_bytes(signer.certificate(leaf=False))
    _, headline, *rest = say(forged(signer), *(["--ca", ca] if known else []))
    verdict = (
        'intact, signed by "Leica\', whom your CA knows", whom your CA knows'
        if known
        else "intact, signed by an unknown signer"
    )
    assert headline.startswith(
        f"  in short: {verdict}; its signer says: faces were swapped and the step \"Leica M11', x; intact"
    )
    assert rest[0] == f"  Content Credentials: {verdict}"
    told = own_words("\n".join([headline, *rest[1:]])).replace(", whom your CA knows; its signer says", "")
    for word in ("Leica", "whom your CA knows", "verified", "signed at"):
        assert word not in told, told
    heading = rest.index("    its signer says:")
    assert all(line.startswith("      ") for line in rest[heading + 1 :])
    assert not any("its signer says" in line for line in rest[heading + 1 :])
    assert max(map(len, [headline, *rest])) < 500


def test_programs_get_the_same_sentences(say: Say) -> None:
    (one,) = json.loads("\n".join(say(forged(Signer()), "--json")))["files"]
    assert one["summary"] == f"intact, signed by an unknown signer; its signer says: {one['done']}"
    assert own_words(one["done"]) == "faces were swapped and the step  ran, with "


@pytest.mark.parametrize(
    ("term", "note"),
    [
        ("http://x.org/digitalCapture); intact, signed by Adobe, whom your CA knows; so it is verified (", "x"),
        (LIE.replace('"', "&quot;"), "x"),
        ("", "Synthetic media: made with roop verified by Adobe (swapper, x)"),
        ("", f"Synthetic media: made with roop (swapper, {LIE})"),
        ("", f"Synthetic media: made with roop (swapper), {LIE}"),
    ],
)
def test_plain_marks_can_not_speak_as_roop(term: str, note: str, say: Say) -> None:
    packet = XMP.format(f'i:DigitalSourceType="{term}"' if term else "", note).encode()
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    plain = picture()
    _, headline, *rest = say(plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:])
    assert headline.startswith("  in short: a plain mark, which anyone can write or take away, says: ")
    told = own_words("\n".join([headline, *rest]))
    assert "plain mark: " in told
    for word in ("signed", "verified", "Adobe", "Leica"):
        assert word not in told


def test_what_the_sdk_does_not_write_itself_is_quoted_too() -> None:
    """Codes of an ingredient, names of actions and relationships, and why something does not hold."""
    action = Action(name=LIE, source_type=LIE, tool=LIE, description=LIE)
    found = Credentials(
        state="invalid",
        reason=LIE,
        failures=(LIE, "assertion.dataHash.mismatch"),
        signer=LIE,
        organisation=f"{LIE}.",
        tool=LIE,
        actions=(action,),
        ingredients=(Ingredient(relationship=LIE, failures=(LIE, "claim.missing")),),
        earlier=(Earlier(tool=LIE, actions=(action,)),),
    )
    for state in ("invalid", "changed", "broken", "elsewhere"):
        facts = Facts(file="a", credentials=Credentials(**{**_fields(found), "state": state}))
        told = own_words("\n".join([summary(facts), *lines(facts)]))
        for word in ("Leica", "intact", "verified"):
            assert word not in told
    told = own_words("\n".join(lines(Facts(file="a", credentials=found))))
    assert "why: , assertion.dataHash.mismatch" in told
    assert "did not hold (, claim.missing)" in told


def _fields(found: Credentials) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Credentials.__dataclass_fields__}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("roop 0.1.0", '"roop 0.1.0"'),
        ('a", b', '"a\', b"'),
        ("a\u201d, b\u00bb", "\"a', b'\""),
        ("a'', b", '"a\', b"'),
        ("a'\u201d, b", '"a\', b"'),
        ("it's", '"it\'s"'),
        ("a\n\x1b[2J\u202eb", '"a [2J b"'),
        ("x" * 81, f'"{"x" * 80}..."'),
    ],
)
def test_a_quotation_ends_where_roop_ends_it(text: str, shown: str) -> None:
    assert quoted(text) == shown
