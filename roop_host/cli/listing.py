"""``roop plugins``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

import typer

from roop_host.plugins.loader import load_plugins

_HEAD = ("NAME", "PACKAGE", "STATUS", "DECLARES", "NETWORK", "")


def show(off: Iterable[str], *, as_json: bool) -> None:
    """Print every installed plugin with its state."""
    statuses = load_plugins(off).statuses
    if as_json:
        typer.echo(json.dumps([asdict(status) for status in statuses], indent=2))
        return
    rows = [_HEAD]
    for status in statuses:
        network = "yes" if status.network else "no"
        rows.append((status.name, status.describe(), status.state, ", ".join(status.declares), network, status.reason))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())
    if not statuses:
        typer.echo("no plugin is installed; begin with: pip install roop-swapper roop-nsfw")
