"""Uploads: what an uploader is given of a finished output, and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from roop_host.types.objects import StageObject

#: Modules on a side of the smallest and the largest QR code (ISO/IEC 18004: version v has 17 + 4 v).
LEAST_MODULES, MOST_MODULES = 21, 177
#: Modules of white around a code, without which it is not found.
QUIET_ZONE = 4
#: What fits on a screen at the largest size.
_MOST_SCALE = 40


def _unheard(told: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished, screened output under its final name. Only the host makes one.

    ``size`` is in bytes. ``steps`` are the names of the processors that made it, ``made_at`` is when it was finished, in
    UTC, and ``seconds`` how long it shows, None of a still. ``sent`` takes how many bytes of it are there by now, for the
    progress display; ``note`` a sentence that a person should read.
    """

    path: Path
    media_type: str
    sha256: str
    size: int
    made_at: datetime
    steps: tuple[str, ...] = ()
    seconds: float | None = None
    sent: Callable[[int], None] = field(default=_unheard, compare=False, repr=False)
    note: Callable[[str], None] = field(default=_unheard, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code, as modules: ``rows`` of ``1`` (dark) and ``0``, without the quiet zone around them.

    The host draws it, so that no picture that nobody has screened stands beside an output: PNG and SVG files with ``files``,
    ``scale`` pixels a module, and on a terminal with ``shown``. One that leads elsewhere than the receipt says is not drawn.
    """

    rows: tuple[str, ...]
    scale: int = 8
    files: bool = True
    shown: bool = True

    def __post_init__(self) -> None:
        sides = {len(self.rows), *map(len, self.rows)}
        if len(sides) != 1 or not all(re.fullmatch(r"[01]+", row) for row in self.rows):
            raise ValueError("a code has as many rows as each has modules, of 1 and 0")
        if len(self.rows) not in range(LEAST_MODULES, MOST_MODULES + 1, 4):
            raise ValueError(f"a code has {LEAST_MODULES}, 25 ... {MOST_MODULES} modules on a side, not {len(self.rows)}")
        if type(self.scale) is not int or not 1 <= self.scale <= _MOST_SCALE:
            raise ValueError(f"a module of a code is 1 to {_MOST_SCALE} pixels wide, not {self.scale!r}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an upload went. ``details`` is shown to people and must hold no secret; ``code`` leads to ``url``."""

    url: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    code: QrCode | None = None


class Uploader(StageObject):
    """Sends a finished output somewhere. What it needs, such as a key, is looked for in ``setup``: before hours of work."""

    def upload(self, artifact: Artifact) -> Receipt:
        """Send it, and leave the file as it is. Raise ``UploadError`` with what is wrong; the output is kept then.

        Its time counts anew from each ``Context.check_cancel``, which should be called from time to time. The same output
        may come again, after a failure in another process too: it should go on where it was, and two make one.
        """
        raise NotImplementedError
