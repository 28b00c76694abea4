"""The networks of masks, none of which is part of this package, and which option's value needs which of them.

Sizes and hashes: what several public repositories state alike.
"""

from __future__ import annotations

from roop_host import Choice, ModelSpec
from roop_vision.models import facefusion_urls

_LATER, _FIRST = "models-3.1.0", "models-3.0.0"


def _xseg(name: str, size: int, sha256: str, tag: str = _LATER) -> ModelSpec:
    return ModelSpec(
        name=name,
        size=size,
        sha256=sha256,
        licence="GPL-3.0 (DeepFaceLab)",
        urls=facefusion_urls(tag, name),
        purpose="tells a face from what stands before it (XSeg)",
    )


XSEG_1 = _xseg("xseg_1", 70_324_286, "c4d1498b8a03b5fe2a3a5d2ef2a0402ab03bd51edaf5b2d8d5fb764702a97dd3")
XSEG_2 = _xseg("xseg_2", 70_324_286, "cd9a0879eaf43841d765472cf1f8c330dbf9dcb03da0eace93e95f3bcc399042")
XSEG_3 = _xseg("xseg_3", 70_327_709, "48ccd7e8541e159a5a754ec9e62df2f12065f7df8f9af842c1750342c6533559", "models-3.2.0")
BISENET_RESNET_34 = ModelSpec(
    name="bisenet_resnet_34",
    size=93_632_546,
    sha256="4a0b8c958a3c938913bd06a8365dbb3c8761afba6ecbf0d14b3b1f77eb230c96",
    licence="MIT (face-parsing)",
    urls=facefusion_urls(_FIRST, "bisenet_resnet_34"),
    purpose="tells skin, features, glasses and hair apart (BiSeNet)",
)
OCCLUDERS = {model.name: model for model in (XSEG_1, XSEG_2, XSEG_3)}
PARSERS = {BISENET_RESNET_34.name: BISENET_RESNET_34}

#: What a plugin whose options inherit ``MaskOptions`` adds to the ``choices`` of its spec.
MASK_CHOICES = (
    *(Choice(option="mask_occluder", value=name, models=(model,)) for name, model in OCCLUDERS.items()),
    *(Choice(option="mask_parser", value=name, models=(model,)) for name, model in PARSERS.items()),
)
