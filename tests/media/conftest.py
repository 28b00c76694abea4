"""Sources that many tests of tracks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tracked import Tone, make_tracks


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sources by name, each made once."""
    folder = tmp_path_factory.mktemp("sources")

    def make(name: str, *tones: Tone, **more: Any) -> Path:
        path = folder / name
        return path if path.exists() else make_tracks(path, *tones, **more)

    return make
