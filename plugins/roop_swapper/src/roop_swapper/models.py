"""The networks' files, none of which is part of the plugin.

Sizes and hashes are what public repositories state: of ``inswapper_128`` and ``uniface_256`` several alike, of the other
swap networks at least one that names the host's own digest. A file for which nobody states both together is not pulled.
"""

from __future__ import annotations

from roop_host import ModelSpec
from roop_vision.models import facefusion_urls

_INSIGHTFACE = "non-commercial research only (InsightFace)"
_HUB = "https://huggingface.co"

#: Three different files go by the name inswapper_128_fp16.onnx; this is the one of Deep-Live-Cam and VisoMaster.
INSWAPPER_128_FP16 = ModelSpec(
    name="inswapper_128_fp16",
    sha256="6d51a9278a1f650cffefc18ba53f38bf2769bf4bbff89267822cf72945f8a38b",
    size=277_680_638,
    licence=_INSIGHTFACE,
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
    licence=_INSIGHTFACE,
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


def _facefusion(
    name: str, tag: str, size: int, sha256: str, *, licence: str, purpose: str = "face swapping, 256 pixels"
) -> ModelSpec:
    """A file of FaceFusion's assets, none of which may be used commercially for all that is known."""
    return ModelSpec(
        name=name,
        sha256=sha256,
        size=size,
        licence=licence,
        commercial=False,
        purpose=purpose,
        urls=facefusion_urls(tag, name),
    )


_HYPERSWAP = "ResearchRAIL (FaceFusion)"
HYPERSWAP_1A_256 = _facefusion(
    "hyperswap_1a_256",
    "models-3.3.0",
    402_742_682,
    "c0e98a8a03a238f461ed3d2570e426b49f46745ee400854a60dceeb70c246add",
    licence=_HYPERSWAP,
)
HYPERSWAP_1B_256 = _facefusion(
    "hyperswap_1b_256",
    "models-3.3.0",
    402_742_682,
    "5124031789c42f71b9558fb71954ef7aedb6da7ed9fac79293e23c61a792a73e",
    licence=_HYPERSWAP,
)
HYPERSWAP_1C_256 = _facefusion(
    "hyperswap_1c_256",
    "models-3.3.0",
    402_742_682,
    "5528c2d76fe9986c99d829278987ef9f3a630cb606db7628d02b57b330f406a5",
    licence=_HYPERSWAP,
)

_SIMSWAP = "non-commercial (SimSwap)"
SIMSWAP_UNOFFICIAL_512 = _facefusion(
    "simswap_unofficial_512",
    "models-3.0.0",
    239_249_034,
    "fe805d1ce7d9e66322e2a8811f593a821e7d92f9ff861dd233794bdb2bb7a586",
    licence=_SIMSWAP,
    purpose="face swapping, 512 pixels",
)
_CROSSFACE = "unknown (FaceFusion)"
CROSSFACE_SIMSWAP = _facefusion(
    "crossface_simswap",
    "models-3.4.0",
    22_083_800,
    "6452a261ec30cc30afdbe4a426d82c3b10a476f2df794e3494071c02574e6829",
    licence=_CROSSFACE,
    purpose="turns ArcFace's vector into SimSwap's",
)

HIFIFACE_UNOFFICIAL_256 = _facefusion(
    "hififace_unofficial_256",
    "models-3.1.0",
    203_784_742,
    "9de9751617976195114d7f067b9b6cf933748363355cf473cab2da57a739c2ef",
    licence="unknown (HifiFace, unofficial)",
)
CROSSFACE_HIFIFACE = _facefusion(
    "crossface_hififace",
    "models-3.4.0",
    22_083_800,
    "dfb75f960cb8ef1967a82838e64963b9ff621c4af3e22f9fda48ad958dddec9a",
    licence=_CROSSFACE,
    purpose="turns ArcFace's vector into HifiFace's",
)

UNIFACE_256 = _facefusion(
    "uniface_256",
    "models-3.0.0",
    406_964_143,
    "eb5ce2af024cddf88ecb93b24e29a6eb44e354aba7d3319e84d29dcd868820f3",
    licence="unknown (UniFace)",
)
