"""How a picture came to be: the terms of IPTC NewsCodes, and what they mean in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from roop_provenance.quotes import quoted

#: Where a term of IPTC NewsCodes has its address.
ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: IPTC NewsCodes and C2PA's own additions: how a picture came to be (https://cv.iptc.org/newscodes/digitalsourcetype/).
WORDS: Mapping[str, str] = {
    "digitalCapture": "taken with a camera or a recorder",
    "computationalCapture": "taken with a camera that computes the picture of several",
    "negativeFilm": "taken from negative film",
    "positiveFilm": "taken from positive film",
    "print": "taken from a print",
    "minorHumanEdits": "real material with small changes by a person",
    "humanEdits": "real material that a person changed",
    "compositeCapture": "put together of several real pictures",
    "algorithmicallyEnhanced": "real material that a program enhanced",
    "dataDrivenMedia": "drawn by a program from data",
    "digitalArt": "drawn by a person with a computer",
    "digitalCreation": "made by a person with a computer",
    "virtualRecording": "recorded in a virtual world",
    "screenCapture": "recorded from a screen",
    "composite": "put together of several parts",
    "compositeSynthetic": "put together of parts of which some are synthetic",
    "compositeWithTrainedAlgorithmicMedia": "real material with what a trained model (AI) made in it",
    "trainedAlgorithmicMedia": "made as a whole by a trained model (AI)",
    "algorithmicMedia": "made as a whole by a program without a trained model",
    "softwareImage": "made with software",
    "trainedAlgorithmicData": "data that a trained model (AI) made",
    "empty": "begun empty",
}
SYNTHETIC = ("compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia")
_TERM_URI = re.compile(r"https?://(?:cv\.iptc\.org/newscodes|c2pa\.org)/digitalsourcetype/(\w+)/?", re.IGNORECASE)


def words_of(term: str) -> str:
    """A term in plain words; one that nobody knows as a quotation."""
    return WORDS.get(name_of(term), f"of a kind that is not known here ({quoted(term)})")


def name_of(term: str) -> str:
    """The last part of a term's address, as the list has it; what is no such address stays."""
    found = _TERM_URI.fullmatch(term.strip())
    name = found[1] if found else term.strip()
    return next((known for known in WORDS if known.lower() == name.lower()), name)
