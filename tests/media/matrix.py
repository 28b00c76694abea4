"""The matrix: what comes in, as what it goes out, and what of it must be kept. ``docs/media.md`` shows it as a table."""

from __future__ import annotations

from collections.abc import Mapping

from matrix_clips import ASKED_FOR, CODECS, CONTAINERS, PICTURES_IN_CLIPS, TIMES, TRACKS
from matrix_inputs import Clip, Remuxed
from matrix_pictures import ANIMATIONS, PICTURES
from matrix_row import Row

CHAPTERS: Mapping[str, tuple[Row, ...]] = {
    "Containers": CONTAINERS,
    "Codecs": CODECS,
    "Times": TIMES,
    "Fields, turn, size, depth, colour, alpha": PICTURES_IN_CLIPS,
    "Sound, subtitles, chapters, attachments": TRACKS,
    "What was asked for": ASKED_FOR,
    "Pictures": PICTURES,
    "Animations and folders": ANIMATIONS,
}
ROWS = tuple(row for rows in CHAPTERS.values() for row in rows)
#: Clips whose own luma is compared, sample by sample, outside of what a step painted.
PAINTED = tuple(
    row
    for row in ROWS
    if isinstance(row.made, (Clip, Remuxed)) and not row.options and row.output not in (".gif",) and row.name != "alpha: VP9"
)


def table() -> str:
    """The matrix in Markdown."""
    lines: list[str] = []
    for title, rows in CHAPTERS.items():
        lines += [f"### {title}", "", "| in | out | the same | changed |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row.words)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)
