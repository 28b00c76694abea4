"""The weights inside this package. Sizes and hashes are those that models/make_embedded.py prints."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from roop_host import ModelSpec

_LICENCE = "Apache-2.0 (MediaPipe)"


def _path(name: str) -> Path:
    return Path(__file__).resolve().parent / "data" / f"{name}.onnx"


def _embedded(name: str, sha256: str, size: int) -> ModelSpec:
    return ModelSpec(name=name, sha256=sha256, size=size, licence=_LICENCE, path=partial(_path, name))


BLAZEFACE_SHORT = _embedded("blazeface_short", "f41418dd9478ca267c62370b2427ab778ce4d540e7a9db593f567cec9c0946ee", 418467)
BLAZEFACE_FULL = _embedded("blazeface_full", "d087b729ab5aa4b6121a4a7d21dbc045a4cce54ade034261377304dc82048e0f", 2076745)
FACEMESH = _embedded("facemesh", "da49a0e9802fa2202b7f1b6a096dad8a437fa042d67488da5ed2a12955cee62d", 2428795)
