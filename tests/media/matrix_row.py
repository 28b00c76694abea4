"""A row of the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from matrix_facts import FACTS
from matrix_inputs import Made

#: What a table calls "picture": a video's own, and nothing else that it has.
PICTURE = "frames times film size aspect pix_fmt colour fields"
VIDEO = f"{PICTURE} sound"


@dataclass(frozen=True, slots=True)
class Row:
    """One input and its way: ``source`` and ``output`` are suffixes ("" is a folder), ``options`` those of ``MediaOptions``.

    ``kept`` names facts that must be the same in input and output, ``has`` says what the input must show (else nothing
    would be tested), ``becomes`` what the output must show instead.
    """

    name: str
    made: Made
    source: str
    output: str
    kept: str = VIDEO
    has: Mapping[str, Any] = field(default_factory=dict)
    becomes: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Iterator[str]:
        """Names of all that is compared."""
        yield from self.kept.split()

    @property
    def words(self) -> tuple[str, str, str, str]:
        """A line of the table: input, output, kept, changed."""
        flags = "".join(
            f" `--{key.replace('_', '-')}{'' if value is True else f' {value}'}`" for key, value in self.options.items()
        )
        changed = ", ".join(f"{FACTS[name].words}: {_word(value)}" for name, value in self.becomes.items())
        whole = self.kept.startswith(PICTURE)
        single = self.kept.removeprefix(PICTURE).split()
        kept = ", ".join(["picture"] * whole + list(dict.fromkeys(FACTS[name].words for name in single)))
        return self.name, f"{_suffix(self.output)}{flags}", kept, changed


def _suffix(suffix: str) -> str:
    return f"`{suffix}`" if suffix else "folder"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (set, frozenset)):
        return "every " + ", ".join(f"{step} s" for step in sorted(value))
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return "x".join(map(str, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(dict.fromkeys(map(str, value))) or "none"
    return str(value)
