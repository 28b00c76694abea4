"""What of the tracks beside the video can't be decoded or nobody looks at: refused, or left out and told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from roop_host.errors import InputError
from roop_host.media.info import Track


class Faults:
    """Collects them for one joining; ``notices`` has a sentence for each track."""

    def __init__(self, path: Path, *, salvage: bool) -> None:
        self._path, self._salvage = path, salvage
        self._broken: dict[str, int] = {}
        self._unled: dict[str, int] = {}
        self._drawn: dict[str, int] = {}
        self._cut: list[str] = []

    def broken(self, track: Track, seconds: Fraction | None) -> None:
        """A packet of the source's second can't be decoded. Raises ``InputError`` unless that is salvaged."""
        if not self._salvage:
            where = "" if seconds is None else f" at {float(seconds):.2f} s"
            instead = "silence" if track.kind == "audio" else "nothing"
            raise InputError(
                f"{track.label} of {self._path} is broken{where}; repair it, take another copy, or have {instead} in place "
                "of what is broken with --salvage"
            )
        self._broken[track.label] = self._broken.get(track.label, 0) + 1

    def led_in_by(self, track: Track, count: int) -> None:
        """So many packets before the first that can be decoded: recordings begin anywhere."""
        self._unled[track.label] = count

    def drawn(self, track: Track) -> None:
        """A packet of text draws a picture: left out, also where nothing is broken."""
        self._drawn[track.label] = self._drawn.get(track.label, 0) + 1

    def cut_off(self, why: object) -> None:
        """The tracks can't be read on. Raises ``InputError`` unless that is salvaged."""
        if not self._salvage:
            raise InputError(
                f"the sound and subtitles of {self._path} can't be read to their end ({why}); repair it, take another copy, "
                "or finish what can be read with --salvage"
            )
        self._cut.append(f"sound and subtitles of {self._path} end where the file breaks off")

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out, or silent."""
        found = (
            ("what can't be decoded is left out", self._broken),
            ("its beginning can't be decoded", self._unled),
            ("drawings are left out, as nobody looks at them", self._drawn),
        )
        said = [f"{label}: {what} ({count} of its packets)" for what, counts in found for label, count in counts.items()]
        return (*said, *self._cut)
