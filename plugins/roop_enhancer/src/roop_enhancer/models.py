"""The networks' files, none of which is part of the plugin.

Sizes and hashes are what public repositories state, looked up in 2026-11. How many state size and SHA-256 together is said
at each file; a file for which nobody does (``gfpgan_1.3`` and ``gfpgan_1.2`` as ONNX, the weights of 1.2) is not pulled.
Nor is any in half precision: a decoder like StyleGAN2's runs over in it, and answers with a washed-out face.
"""

from __future__ import annotations

from roop_host import ModelSpec
from roop_vision.models import facefusion_urls

_HUB = "https://huggingface.co"
_PURPOSE = "face restoration, {} pixels"

#: Its LICENSE: Apache-2.0 except for code from StyleGAN2 (NVIDIA's licence: research or evaluation only) and from DFDNet
#: (CC BY-NC-SA 4.0); its README names Apache-2.0 alone. The cautious reading is taken.
_GFPGAN = "Apache-2.0 (GFPGAN), but parts are from StyleGAN2 and DFDNet"
_GPEN = "non-commercial (GPEN)"


def _facefusion(name: str, size: int, sha256: str, *, licence: str, pixels: int = 512) -> ModelSpec:
    """A file of FaceFusion's assets, none of which may be used commercially for all that is known."""
    return ModelSpec(
        name=name,
        sha256=sha256,
        size=size,
        licence=licence,
        commercial=False,
        purpose=_PURPOSE.format(pixels),
        urls=facefusion_urls("models-3.0.0", name),
    )


# Seven repositories state both.
GFPGAN_1_4 = _facefusion(
    "gfpgan_1.4",
    340_299_087,
    "accc4757b26bdb89b32b4d3500d4f79c9dff97c1dd7c7104bf9dcb95e3311385",
    licence=_GFPGAN,
)
# One states both, with FaceFusion's CRC32; one more the hash, three the size.
CODEFORMER = _facefusion(
    "codeformer",
    376_951_650,
    "21710e7ab61c82683576c428e9c1b6fe1ed419586b7b39e394c3449c294b550f",
    licence="S-Lab License 1.0 (CodeFormer)",
)
# Four state both.
GPEN_BFR_256 = _facefusion(
    "gpen_bfr_256",
    75_792_988,
    "bad8bf0426873828df2dbf4e3b3d9ababba9da7965b8b72426569486f7ae5c25",
    licence=_GPEN,
    pixels=256,
)
# Four state both.
GPEN_BFR_512 = _facefusion(
    "gpen_bfr_512",
    284_340_240,
    "d5f066b9068a8b74217f9712e28e875a6144629b108a6f7355acbdb3a2832c54",
    licence=_GPEN,
)
# One states both, as the host's own digest and from a download; two more the hash.
GPEN_BFR_1024 = _facefusion(
    "gpen_bfr_1024",
    285_203_703,
    "bcd31aa52110a2005efc96abbab4546d57e42482648f08715b552423d96b381b",
    licence=_GPEN,
    pixels=1024,
)
# One states both, as the host's own digest.
GPEN_BFR_2048 = _facefusion(
    "gpen_bfr_2048",
    285_582_766,
    "66d12a637118d71b00f5a290b8dac13c81c1c0326a127a1978799c6e17bb8d1f",
    licence=_GPEN,
    pixels=2048,
)
#: One states both, as the host's own digest. It is roop-unleashed's export; what is said of FaceFusion's does not agree.
RESTOREFORMER_PLUS_PLUS = ModelSpec(
    name="restoreformer_plus_plus",
    sha256="f4db5a89902b6a2d452446f5721245a6f7185f699b6aec7b77285adb4d504337",
    size=294_264_812,
    licence="Apache-2.0 (RestoreFormer++)",
    purpose=_PURPOSE.format(512),
    urls=(f"{_HUB}/CountFloyd/deepfake/resolve/main/restoreformer_plus_plus.onnx",),
)


def _weights(version: str, sha256: str) -> ModelSpec:
    """What the gfpgan package reads, from its own releases. Their sizes are equal."""
    return ModelSpec(
        name=f"gfpgan_{version}_pth",
        sha256=sha256,
        size=348_632_874,
        licence=_GFPGAN,
        commercial=False,
        purpose="face restoration, weights for the gfpgan package",
        urls=(
            f"https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv{version}.pth",
            f"{_HUB}/datasets/Gourieff/ReActor/resolve/main/models/facerestore_models/GFPGANv{version}.pth",
        ),
        form="data",
    )


# Three repositories state both, a dozen the hash.
GFPGAN_1_4_PTH = _weights("1.4", "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad")
# Two state both, a dozen the hash.
GFPGAN_1_3_PTH = _weights("1.3", "c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70")
