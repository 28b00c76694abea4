"""The networks of this plugin: weights inside this package, and InsightFace's, which are pulled when they are first needed.

Sizes and hashes: of those inside, what models/make_embedded.py prints; of the pack buffalo_l, what several public
repositories state alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from roop_host import ModelSpec, Pack

_MEDIAPIPE = "Apache-2.0 (MediaPipe)"


def _path(name: str) -> Path:
    return Path(__file__).resolve().parent / "data" / f"{name}.onnx"


def _embedded(name: str, size: int, sha256: str, purpose: str) -> ModelSpec:
    path = partial(_path, name)
    return ModelSpec(name=name, size=size, sha256=sha256, licence=_MEDIAPIPE, path=path, purpose=purpose)


BLAZEFACE_SHORT = _embedded(
    "blazeface_short",
    418467,
    "f41418dd9478ca267c62370b2427ab778ce4d540e7a9db593f567cec9c0946ee",
    "finds faces nearby",
)
BLAZEFACE_FULL = _embedded(
    "blazeface_full",
    2076745,
    "d087b729ab5aa4b6121a4a7d21dbc045a4cce54ade034261377304dc82048e0f",
    "finds faces farther away",
)
FACEMESH = _embedded(
    "facemesh",
    2445640,
    "61f0810b79963c379f56d3b69ec5d801805ba79ff8be09b733673a3b6c19ec7d",
    "468 points of a face in space",
)

#: Names of the recognisers in ``Face``: only embeddings of one recogniser can be compared.
ARCFACE, DLIB = "arcface_w600k_r50", "dlib_resnet_v1"
#: The cosine at which two pictures are as likely of one person as not. ArcFace: the limit that face swappers use. dlib: its
#: author's distance of 0.6 between vectors about 1.45 long; on eleven people one had 0.95 and more, two 0.92 and less.
AS_LIKELY = {ARCFACE: 0.4, DLIB: 0.92}
_INSIGHTFACE = "non-commercial research only (InsightFace)"
_PACK = Pack(
    name="buffalo_l",
    urls=(
        "https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip",
        "https://huggingface.co/datasets/Gourieff/ReActor/resolve/main/models/buffalo_l.zip",
    ),
    sha256="80ffe37d8a5940d59a7384c201a2a38d4741f2f3c51eef46ebb28218a7b0ca2f",
    size=288621354,
)


def _member(name: str, size: int, sha256: str, purpose: str) -> ModelSpec:
    return ModelSpec(
        name=name, size=size, sha256=sha256, licence=_INSIGHTFACE, commercial=False, pack=_PACK, purpose=purpose
    )


DET_10G = _member(
    "det_10g",
    16923827,
    "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
    "finds faces and five points of each (SCRFD)",
)
W600K_R50 = _member(
    "w600k_r50",
    174383860,
    "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
    "tells people apart (ArcFace)",
)
LANDMARKS_68 = _member(
    "1k3d68",
    143607619,
    "df5c06b8a0c12e422b2ed8947b8869faa4105387f199c477af038aa01f9a45cc",
    "68 points in space and the turn of the head",
)
LANDMARKS_106 = _member(
    "2d106det",
    5030888,
    "f001b856447c413801ef5c42091ed0cd516fcd21f2d6b79635b1e733a7109dbf",
    "106 points of a face",
)
GENDER_AGE = _member(
    "genderage",
    1322532,
    "4fde69b1c810857b88c64a335084f1c3fe8f01246c9a191b48c7bb756d6652fb",
    "guesses gender and age",
)


def facefusion_urls(tag: str, name: str) -> tuple[str, ...]:
    """Where a network of FaceFusion's assets can be had; ``tag`` is that of the release."""
    return (
        f"https://github.com/facefusion/facefusion-assets/releases/download/{tag}/{name}.onnx",
        f"https://huggingface.co/facefusion/{tag}/resolve/main/{name}.onnx",
    )


_DLIB_WEIGHTS = "face_recognition_models"
#: What is said of a thing that needs them, where ``dlib_installed`` says no.
DLIB_NEEDED = "needs two packages that are not installed; add them with: pip install 'roop-vision[dlib]'"


def dlib_installed() -> bool:
    """Whether the packages of the extra ``dlib`` are here: the library and the weights. Neither is imported."""
    return all(find_spec(name) is not None for name in ("dlib", _DLIB_WEIGHTS))


def _dlib_path() -> Path:
    # The package itself can't be imported where setuptools is new: it asks for pkg_resources.
    found = find_spec(_DLIB_WEIGHTS)
    folders = found.submodule_search_locations if found is not None else None
    return Path(folders[0] if folders else _DLIB_WEIGHTS) / "models" / "dlib_face_recognition_resnet_model_v1.dat"


#: In dlib's own format; from the package face-recognition-models 0.3.0.
DLIB_RESNET = ModelSpec(
    name="dlib_face_recognition_resnet_model_v1",
    size=22466066,
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0 (Davis King)",
    path=_dlib_path,
    purpose="tells people apart (dlib)",
    form="data",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightModels:
    """The networks of the backend ``insightface``; tests put small ones with the same inputs and outputs in their place."""

    detector: ModelSpec = DET_10G
    recogniser: ModelSpec = W600K_R50
    landmarks_68: ModelSpec = LANDMARKS_68
    landmarks_106: ModelSpec = LANDMARKS_106
    gender_age: ModelSpec = GENDER_AGE
