"""How ``roop doctor`` is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

import typer

from roop_host.cli.streams import printing
from roop_host.doctor.check import Examination

_MARK = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


def tell(examination: Examination, *, as_json: bool) -> int:
    """Print what was found, as text or as one JSON list; the exit code."""
    rows = [asdict(check) for check in examination.checks]
    text = json.dumps(rows, indent=2) if as_json else "\n".join(_lines(examination))
    return printing(examination.exit_code, lambda: typer.echo(text))


def _lines(examination: Examination) -> Iterator[str]:
    names = max((len(check.name) for check in examination.checks), default=0)
    marks = max(map(len, _MARK.values()))
    for area, checks in groupby(examination.checks, key=lambda check: check.area):
        yield area
        for check in checks:
            yield f"  {_MARK[check.state]:<{marks}}  {check.name:<{names}}  {check.says}"
            if check.repair:  # on a line of its own, so that it can be copied
                yield f"  {'':<{marks}}  {check.repair}"
        yield ""
    count = len(examination.problems)
    if count > 1:
        yield f"{count} problems; repair the first and run roop doctor again"
    else:
        yield "1 problem; repair it and run roop doctor again" if count else "all is well"
