"""Real models on real pictures: the two public-domain portraits of examples/media, moved about."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host.testing import context_of
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"


@pytest.fixture(scope="session")
def collins() -> NDArray[np.uint8]:
    """B, G, R, 512 x 512, one face looking into the camera."""
    return np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)


@pytest.fixture(scope="session")
def hopper() -> NDArray[np.uint8]:
    """B, G, R, 512 x 600, one face with glasses."""
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


@pytest.fixture
def analyser() -> EmbeddedAnalyser:
    made = EmbeddedAnalyser()
    made.setup(context_of(VisionOptions()))
    return made
