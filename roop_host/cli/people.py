"""The people of a target as a table, with what to say so that one of them is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from roop_host.errors import visible

if TYPE_CHECKING:
    from roop_host.types.people import Looked, SeenPerson

#: People beside each other in the table of likeness: what a line of a terminal holds.
_MOST_ALIKE = 15


def lines(looked: Looked) -> Iterator[str]:
    """The table, who looks like whom, and a line of flags for each person."""
    faces = f"{looked.frames_with_face} of {looked.frames} {_what(looked)}s show a face" if looked.frames > 1 else ""
    size = f"{looked.kind}, {looked.width}x{looked.height}"
    yield visible(f"{looked.target}: {', '.join(filter(None, (size, faces)))}")
    yield ""
    yield from _table(_rows(looked))
    if looked.alike and len(looked.people) > 1:
        yield ""
        some = f"the first {_MOST_ALIKE} of {len(looked.people)}" if len(looked.people) > _MOST_ALIKE else "they"
        yield f"how much {some} look alike (0.5 is as likely one person as not):"
        yield from _table(_alike(looked))
    if looked.kind != "picture" or len(looked.people) > 1:
        yield ""
        yield "to change one of them (for roop run and roop preview):"
        for person in looked.people:
            yield f"  {person.number}: {flags(looked, person)}"


def flags(looked: Looked, person: SeenPerson) -> str:
    """What makes a run look for this person."""
    best = person.best
    order = "" if looked.order == "large-small" else f" --face-selector-order {looked.order}"
    if looked.kind == "picture":
        return f"--face-position {best.position}{order}"
    return f"--reference-face-position {best.position} --reference-frame-number {best.frame}{order}"


def _rows(looked: Looked) -> list[list[str]]:
    people = looked.people
    moving = looked.kind not in ("picture",)
    likes = list(people[0].likeness)
    believed = any(person.gender or person.age is not None for person in people)
    head = [
        "PERSON",
        *(["SEEN", f"{_what(looked).upper()}S", "BEST"] if moving else []),
        "POSITION",
        "SIZE",
        "SCORE",
        "YAW",
        "PITCH",
        "ROLL",
    ]
    rows = [[*head, *(["LOOKS"] if believed else []), *(f"LIKE {visible(name)}" for name in likes)]]
    for person in people:
        best = person.best
        width, height = best.size
        seen = [_when(looked, person), str(person.frames), visible(best.file) or f"frame {best.frame}"] if moving else []
        angles = [_number(angle, "0f") for angle in (best.yaw, best.pitch, best.roll)]
        row = [str(person.number), *seen, str(best.position), f"{width}x{height}", f"{person.score:.2f}", *angles]
        looks = " ".join(filter(None, (person.gender, "" if person.age is None else f"{person.age:.0f}")))
        rows.append([*row, *([looks or "-"] if believed else []), *(_number(person.likeness[n], "2f") for n in likes)])
    return rows


def _when(looked: Looked, person: SeenPerson) -> str:
    if _what(looked) != "frame":
        return f"{_what(looked)} {person.first_frame}" + (
            f" to {person.last_frame}" if person.last_frame > person.first_frame else ""
        )
    return f"{_time(person.first_s)}-{_time(person.last_s)}"


def _what(looked: Looked) -> str:
    """What there are several of: those of a folder that is no stream are pictures, all of them shown at no time."""
    if looked.kind == "folder" and not any(person.best.file == "" for person in looked.people):
        return "picture"
    return "page" if looked.kind == "pages" else "frame"


def _time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value + 0.0:.{form}}"


def _alike(looked: Looked) -> list[list[str]]:
    numbers = [str(person.number) for person in looked.people[:_MOST_ALIKE]]
    rows = [line[:_MOST_ALIKE] for line in looked.alike[:_MOST_ALIKE]]
    return [
        ["", *numbers],
        *([number, *(f"{value:.2f}" for value in row)] for number, row in zip(numbers, rows, strict=True)),
    ]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
