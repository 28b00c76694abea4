"""Options of masks, apart from what makes them: options classes are read when nothing heavy is imported yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions:
    """What options classes of plugins that put crops back inherit."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for options that don't go together; who inherits and has its own calls this."""
