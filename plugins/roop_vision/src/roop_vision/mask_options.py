"""Options of masks. Light, since every command reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option

MaskType = Literal["box", "outline", "occlusion", "region", "area"]
Occluder = Literal["skin", "xseg_1", "xseg_2", "xseg_3"]
Region = Literal["skin", "brows", "eyes", "glasses", "ears", "nose", "mouth", "lips"]
Area = Literal["upper-face", "lower-face", "mouth"]
Keep = Literal["mouth", "eyes", "brows", "glasses"]
MatchColour = Literal["none", "mean", "local"]
_REGIONS: tuple[Region, ...] = ("skin", "brows", "eyes", "glasses", "nose", "mouth", "lips")
_AREAS: tuple[Area, ...] = ("upper-face", "lower-face", "mouth")
#: Of the crop's side. The peers' blur of 0.3 (a fade of about a seventh) leaves less of the swapped face.
BLUR = 0.065


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions:
    """What options classes of plugins that put crops back inherit. Lengths are shares of the crop's side."""

    mask_types: tuple[MaskType, ...] = option(
        ("box", "outline", "occlusion"),
        "what is shown of a changed face: all that every one of these allows; box: a box with round corners; outline: the "
        "face's own; occlusion: not what stands before it; region: what a parser names; area: parts by landmarks",
    )
    mask_blur: float = option(
        BLUR, "width of the fade at the edge of box and outline, of the crop's side", least=0, most=0.3
    )
    mask_padding: tuple[float, float, float, float] = option(
        (0.0, 0.0, 0.0, 0.0), "box: leave out at least so much at top, right, bottom, left, of its side", least=0, most=0.45
    )
    mask_occluder: tuple[Occluder, ...] = option(
        ("skin",),
        "occlusion: what finds it; skin: what is unlike the face's own skin, no download, blind to bare hands; xseg_3 "
        "(hands and things), xseg_1, xseg_2: networks that are pulled",
    )
    mask_parser: Literal["none", "bisenet_resnet_34"] = option(
        "none", "what tells the parts of a face for region, and for keep glasses; a network that is pulled"
    )
    mask_regions: tuple[Region, ...] = option(_REGIONS, "region: these are changed")
    mask_areas: tuple[Area, ...] = option(_AREAS, "area: these are changed")
    mask_keep: tuple[Keep, ...] = option(
        (),
        "keep of the target's face: mouth and eyes as far as they are open, brows, glasses (these with a parser)",
    )
    match_colour: MatchColour = option(
        "none", "bring what a network made to the target's colour: mean, or local, which follows light from one side"
    )

    def __post_init__(self) -> None:
        parsed = [word for word in ("region", "glasses") if word in (*self.mask_types, *self.mask_keep)]
        if not self.mask_types:
            raise ValueError("mask-types names no mask; say at least box")
        if parsed and self.mask_parser == "none":
            raise ValueError(f"only a parser can tell what {' and '.join(parsed)} needs; add mask-parser bisenet_resnet_34")
        if self.mask_parser != "none" and not parsed:
            raise ValueError(
                f"mask-parser {self.mask_parser} has nothing to do; add region to mask-types or glasses to mask-keep, "
                "or leave it out"
            )
        if "occlusion" in self.mask_types and not self.mask_occluder:
            raise ValueError("mask-occluder names nothing that finds what stands before a face; say skin")
        if "occlusion" not in self.mask_types and set(self.mask_occluder) - {"skin"}:
            raise ValueError(
                f"mask-occluder {','.join(self.mask_occluder)} is for the mask type occlusion; add that to mask-types"
            )
        self._check_places()

    def _check_places(self) -> None:
        types = set(self.mask_types)
        for kind, said, least in (("region", self.mask_regions, _REGIONS), ("area", self.mask_areas, _AREAS)):
            if kind in types and not said:
                raise ValueError(f"mask-{kind}s names nothing, so nothing would be changed; say at least {least[0]}")
            if kind not in types and said != least:
                raise ValueError(f"mask-{kind}s is for the mask type {kind}; add that to mask-types, or leave it out")
        if any(self.mask_padding) and "box" not in types:
            raise ValueError("mask-padding is for the mask type box; add that to mask-types, or leave it out")
        if self.mask_blur != BLUR and not types & {"box", "outline"}:
            raise ValueError("mask-blur is for the mask types box and outline; add one to mask-types, or leave it out")
