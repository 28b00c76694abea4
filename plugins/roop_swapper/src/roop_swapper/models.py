"""The networks of the plugin, none of which is part of it."""

from __future__ import annotations

from roop_host import ModelSpec

_LICENCE = "non-commercial research only (InsightFace)"
_HUB = "https://huggingface.co"

#: Three different files go by the name inswapper_128_fp16.onnx; this is the one of Deep-Live-Cam and VisoMaster.
INSWAPPER_128_FP16 = ModelSpec(
    name="inswapper_128_fp16",
    sha256="6d51a9278a1f650cffefc18ba53f38bf2769bf4bbff89267822cf72945f8a38b",
    size=277_680_638,
    licence=_LICENCE,
    commercial=False,
    purpose="face swapping, half precision",
    urls=(
        f"{_HUB}/hacksider/deep-live-cam/resolve/main/inswapper_128_fp16.onnx",
        "https://github.com/visomaster/visomaster-assets/releases/download/v0.1.0/inswapper_128.fp16.onnx",
    ),
)
INSWAPPER_128 = ModelSpec(
    name="inswapper_128",
    sha256="e4a3f08c753cb72d04e10aa0f7dbe3deebbf39567d4ead6dce08e98aa49e16af",
    size=554_253_681,
    licence=_LICENCE,
    commercial=False,
    purpose="face swapping",
    urls=(
        f"{_HUB}/ezioruan/inswapper_128.onnx/resolve/6ffdf0e83c5996cc425e77b59913fc48d79441be/inswapper_128.onnx",
        f"{_HUB}/hacksider/deep-live-cam/resolve/581e70b61240b7928404c17900437f47cfe94133/inswapper_128.onnx",
        f"{_HUB}/datasets/Gourieff/ReActor/resolve/main/models/inswapper_128.onnx",
        "https://github.com/facefusion/facefusion-assets/releases/download/models/inswapper_128.onnx",
    ),
    half=INSWAPPER_128_FP16,
)
