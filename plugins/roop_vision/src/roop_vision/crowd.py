"""What is said where a picture shows more faces than are followed: no step covers or changes the others."""

from __future__ import annotations

from logging import Logger


class Crowd:
    """Says it once a job. ``most`` is how many faces are followed."""

    def __init__(self, log: Logger, most: int) -> None:
        self._log, self._most = log, most
        self.begin()

    def begin(self) -> None:
        self._told = False

    def see(self, index: int, *, left_out: bool) -> None:
        """``left_out`` is whether a face of the frame ``index`` found no room."""
        if not left_out or self._told:
            return
        self._told = True
        faces = "1 face is" if self._most == 1 else f"{self._most} faces are"
        self._log.warning(
            "frame %d shows more people than are followed: %s, the others are left as they are; say a higher "
            "--vision-max-faces than %d to have them too",
            index,
            faces,
            self._most,
        )
