"""The QR code of an upload in a terminal: black on white whatever its theme, so that a telephone reads it from there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

import typer

from roop_host.types.report import Report
from roop_host.types.uploads import QUIET_ZONE

#: By upper and lower module of a cell. Fonts have the halves as well as the full block, and one without them has none.
_CELLS = {"00": " ", "10": "▀", "01": "▄", "11": "█"}
#: Of the fixed part of 256 colours: what a theme calls black and white may be grey on beige.
_BLACK_ON_WHITE, _AS_BEFORE = "\x1b[38;5;16;48;5;231m", "\x1b[0m"


def tell_code(report: Report) -> None:
    """Draw the only code of what was sent on stderr where that is a terminal; to be the last of all that is told.

    Whatever follows would scroll it out of sight, as would the second of several: those are for their files to show.
    """
    coded = [sent for sent in report.uploads if sent.code]
    if not coded or not sys.stderr.isatty():
        return
    pictures = [f"{sent.file}.{sent.uploader}.qr.png" for sent in coded]
    if len(coded) == 1:
        _tell_one(coded[0].uploader, coded[0].code, pictures[0] if pictures[0] in report.beside else None)
    elif not set(pictures) <= set(report.beside):
        typer.echo("roop: a QR code is drawn only where it is the only one; use the addresses", err=True)


def _tell_one(uploader: str, rows: Sequence[str], picture: str | None) -> None:
    """Where it can't be scanned there, say where ``picture`` of it is."""
    columns, lines = len(rows) + 2 * QUIET_ZONE, (len(rows) + 2 * QUIET_ZONE + 1) // 2
    if not _has_blocks():
        if picture is not None:
            typer.echo(f"roop: {uploader}: the QR code is in {picture}, as this terminal can't show it", err=True)
    elif not _fits(columns, lines):
        more = f"take {picture}" if picture is not None else "use the address"
        room = f"takes {columns} columns and {lines + 1} lines to show"
        typer.echo(f"roop: {uploader}: the QR code {room}; make the window larger next time, or {more}", err=True)
    else:
        for line in drawn(rows):
            typer.echo(f"{_BLACK_ON_WHITE}{line}{_AS_BEFORE}", err=True)


def drawn(rows: Sequence[str]) -> Iterator[str]:
    """Lines of half blocks, two modules high, with the quiet zone."""
    side = len(rows) + 2 * QUIET_ZONE
    blank, edge = "0" * side, "0" * QUIET_ZONE
    # A square has an odd number of rows: the last cell's lower half is one more line of quiet zone.
    whole = [blank] * QUIET_ZONE + [f"{edge}{row}{edge}" for row in rows] + [blank] * (QUIET_ZONE + side % 2)
    for upper, lower in zip(whole[::2], whole[1::2], strict=True):
        yield "".join(_CELLS[above + below] for above, below in zip(upper, lower, strict=True))


def _has_blocks() -> bool:
    """Whether the terminal takes colours, without which a code is often the wrong way round, and its encoding the blocks."""
    if os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR"):
        return False
    try:
        "".join(_CELLS.values()).encode(sys.stderr.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _fits(columns: int, lines: int) -> bool:
    """Whether all of it is seen at once, with the line where the next command is typed."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return columns <= size.columns and lines < size.lines
