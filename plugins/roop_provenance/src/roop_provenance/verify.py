"""``roop verify``: what files say of where they come from, in plain words or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from roop_host import InputError, UsageError, visible
from roop_provenance.facts import Facts
from roop_provenance.files import open_regular
from roop_provenance.manifest import has_certificates
from roop_provenance.reading import read_facts
from roop_provenance.words import lines, summary, what_was_done

#: Statuses that are no plain answer: exit code 3.
_DOUBTFUL = ("changed", "invalid", "broken", "unread", "unreadable")
_MOST_OF_CA = 1 << 20
_DESCRIPTION = """\
Say what files tell of where they come from: Content Credentials (C2PA) and plain marks, of roop and of others.
Nothing is asked on the network, and no pixel is decoded. Credentials may stand in NAME.c2pa beside a file, marks in
NAME.xmp; name either. A file that says nothing need not be real: marks can be taken away."""
_EPILOG = """\
Exit code: 0 when every file was read and what is signed is intact; 3 when one can't be read, was changed after it was
signed, or has Content Credentials that don't hold or can't be read; 2 for wrong usage. --json says which: status is
intact, marked, silent, changed, invalid, broken, unread or unreadable."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see roop verify --help")


def verify(words: Sequence[str]) -> int:
    """Tell of every file; the exit code. Raises ``UsageError`` and, for the file of ``--ca``, ``InputError``."""
    asked = _parser().parse_args(list(words))
    anchors = _anchors(asked.ca) if asked.ca is not None else ""
    found = [_read(Path(name), anchors) for name in asked.files]
    code = InputError.exit_code if any(facts.status in _DOUBTFUL for facts in found) else 0
    if asked.json:
        print(json.dumps({"schema": 1, "exit_code": code, "files": [as_json(facts) for facts in found]}, indent=2))
        return code
    for facts in found:
        if facts.error:
            _say(f"roop: {facts.error}", error=True)
        else:
            for line in lines(facts):
                _say(line)
    return code


def as_json(facts: Facts) -> dict[str, Any]:
    """The facts as plain JSON data, with the sentences that people get."""
    told = asdict(facts)
    return {
        "file": told.pop("file"),
        "status": facts.status,
        "summary": summary(facts),
        "done": "" if facts.error else what_was_done(facts),
        **told,
    }


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="roop verify",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a picture, video or sound, of anybody")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of words")
    parser.add_argument(
        "--ca", metavar="FILE", help="certificates (PEM) of those whom you trust: a signer whom they know is named"
    )
    return parser


def _read(path: Path, anchors: str) -> Facts:
    try:
        return read_facts(path, anchors)
    except InputError as error:
        return Facts(file=visible(str(path)), error=str(error))


def _anchors(name: str) -> str:
    try:
        with open_regular(Path(name)) as file:
            text = file.read(_MOST_OF_CA + 1).decode("ascii", "replace")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--ca {visible(name)} can't be read ({why}); name a PEM file of certificates") from None
    if len(text) > _MOST_OF_CA or not has_certificates(text):
        raise InputError(f"--ca {visible(name)} holds no certificates that can be read; name a PEM file of certificates")
    return text


def _say(line: str, *, error: bool = False) -> None:
    """One line, also where the terminal can't show every letter."""
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(line.encode(encoding, "replace").decode(encoding), file=stream)
