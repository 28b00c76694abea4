"""Options of the plugin ``enhancer``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roop_host import option
from roop_vision.mask_options import MaskOptions
from roop_vision.models import DLIB_NEEDED, dlib_installed

Model = Literal[
    "auto",
    "gfpgan_1.4",
    "gfpgan_1.3",
    "gfpgan_1.2",
    "codeformer",
    "gpen_bfr_256",
    "gpen_bfr_512",
    "gpen_bfr_1024",
    "gpen_bfr_2048",
    "restoreformer_plus_plus",
    "embedded",
]
Identity = Literal["auto", "none", "arcface", "dlib"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancerOptions(MaskOptions):
    """``--enhancer-...``. Raises ``ValueError`` for options that don't go together."""

    model: Model = option(
        "auto",
        "gfpgan_1.4: a network restores the face (pulled); embedded: sharpens and cleans what is there, no download; auto: "
        "the first of these that can be had; the others are networks too, each with its own licence",
    )
    backend: Literal["onnx", "gfpgan"] = option(
        "onnx", "what runs a gfpgan network: ONNX Runtime, or the gfpgan package on its own .pth weights (an extra)"
    )
    model_file: Path | None = option(None, "a network of your own (.onnx, or .pth with the backend gfpgan), of that family")
    blend: int = option(80, "how much of the restored face is shown, in per cent", least=0, most=100)
    weight: float = option(0.5, "model codeformer: 0 restores most, 1 is truest to the face that is there", least=0, most=1)
    faces: Literal["auto", "swapped", "all"] = option(
        "auto",
        "swapped: those that a step before has changed; all: every one that is found; auto: swapped where a step stands "
        "before, else those that the face options choose",
    )
    min_face_size: int = option(24, "leave faces alone that are less wide than so many pixels", least=0)
    grain: float = option(1.0, "how much of the frame's own grain a restored face is given", least=0, most=1)
    steady: float = option(0.5, "how much is held on from frame to frame, against flicker", least=0, most=0.9)
    identity: Identity = option(
        "auto",
        "whose judgement of how far the person stays the same is reported; auto: the recogniser that runs anyway, or dlib "
        "where it is installed",
    )

    def __post_init__(self) -> None:
        MaskOptions.__post_init__(self)  # in a class with slots, super() is that of the one it was made from
        if self.identity == "dlib" and not dlib_installed():
            raise ValueError(f"--enhancer-identity dlib {DLIB_NEEDED}")
