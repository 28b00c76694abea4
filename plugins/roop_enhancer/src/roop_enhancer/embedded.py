"""The level without a download: what is there is made clear, nothing is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence

from roop_enhancer.engine import Asked
from roop_enhancer.options import EnhancerOptions
from roop_host import Sessions
from roop_vision.masking import Masker


class EmbeddedEngine:
    """Works on the face's region in the frame's own pixels."""

    memory = 0

    def __init__(self, options: EnhancerOptions, sessions: Sessions) -> None:
        self._masker = Masker(options, sessions)

    def start(self) -> None:
        self._masker.start()

    def learn(self, asked: Sequence[Asked]) -> None:
        """Nothing yet."""

    def process(self, asked: Sequence[Asked]) -> None:
        """Nothing yet."""
