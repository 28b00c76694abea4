"""No test sees, or makes, the certificate of the person who runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from PIL import Image


@pytest.fixture(autouse=True)
def _state_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path_factory.getbasetemp() / "no-models"))


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "private-source-name.jpg"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A picture, a clip and an animation."""
    folder = tmp_path_factory.mktemp("targets")
    colours = np.random.default_rng(2).integers(0, 255, (4, 64, 96, 3), np.uint8)
    pictures = [Image.fromarray(colour) for colour in colours]
    pictures[0].save(folder / "private-target-name.png")
    pictures[0].save(folder / "private-moving-name.gif", save_all=True, append_images=pictures[1:], duration=100, loop=0)
    pictures[0].save(folder / "private-pages-name.tif", save_all=True, append_images=pictures[1:])
    return {
        "picture": folder / "private-target-name.png",
        "animation": folder / "private-moving-name.gif",
        "pages": folder / "private-pages-name.tif",
        "video": make_clip(folder / "private-clip-name.mp4", frames=12),
    }
