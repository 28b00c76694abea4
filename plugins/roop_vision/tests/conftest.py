"""Real models on real pictures: the two public-domain portraits of examples/media, moved about."""

from __future__ import annotations

from pathlib import Path

import cv2
import insight_graphs as graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host.testing import context_of
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.models import DET_10G, GENDER_AGE, LANDMARKS_68, LANDMARKS_106, W600K_R50, InsightModels
from roop_vision.options import VisionOptions

#: Of collins.jpg: the face as SCRFD would box it, and its five points.
FACE_BOX = (177.0, 68.0, 271.0, 172.0)
FACE_POINTS = ((206.0, 106.0), (244.0, 105.0), (226.0, 128.0), (210.0, 148.0), (242.0, 147.0))
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


@pytest.fixture(scope="session")
def insight(tmp_path_factory: pytest.TempPathFactory, collins: NDArray[np.uint8]) -> InsightModels:
    """Small networks with the inputs and outputs of InsightFace's; the detector knows the face of ``collins``."""
    folder = tmp_path_factory.mktemp("insight")
    rng = np.random.default_rng(3)
    made = {
        DET_10G: graphs.scrfd_of(collins, FACE_BOX, np.array(FACE_POINTS)),
        W600K_R50: graphs.arcface(),
        LANDMARKS_68: graphs.points(rng.uniform(-0.5, 0.5, (1103, 3))),
        LANDMARKS_106: graphs.points(rng.uniform(-0.5, 0.5, (106, 2))),
        GENDER_AGE: graphs.gender_age(),
    }
    stored = {spec: graphs.stored(spec, graph, folder) for spec, graph in made.items()}
    return InsightModels(
        detector=stored[DET_10G],
        recogniser=stored[W600K_R50],
        landmarks_68=stored[LANDMARKS_68],
        landmarks_106=stored[LANDMARKS_106],
        gender_age=stored[GENDER_AGE],
    )
