"""Options of the plugin ``enhancer``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roop_enhancer.networks import NETWORKS, NetworkSpec, network_named
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
#: Of CodeFormer's authors: between what is best to look at and what is truest.
_HALF = 0.5
_EMBEDDED = "the model embedded, which auto stands for while the weights of a network are not here"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancerOptions(MaskOptions):
    """``--enhancer-...``. Raises ``ValueError`` for options that don't go together."""

    model: Model = option(
        "auto",
        "gfpgan_1.4: a network restores the face (pulled); embedded: sharpens and cleans what is there, as far as the frame "
        "is sharp, no download; auto: the first of these that can be had; the others are networks too, each with its own "
        "licence",
    )
    backend: Literal["onnx", "gfpgan"] = option(
        "onnx", "what runs a gfpgan network: ONNX Runtime, or the gfpgan package on its own .pth weights (an extra)"
    )
    model_file: Path | None = option(None, "a network of your own (.onnx, or .pth with the backend gfpgan), of that family")
    blend: int = option(80, "how much of the restored face is shown, in per cent", least=0, most=100)
    weight: float = option(
        _HALF, "model codeformer: 0 restores most, 1 is truest to the face that is there", least=0, most=1
    )
    faces: Literal["auto", "swapped", "all"] = option(
        "auto",
        "swapped: those that a step before has changed; all: every one that is found; auto: swapped where a step stands "
        "before, else those that the face options choose",
    )
    min_face_size: int = option(24, "leave faces alone that are less wide than so many pixels", least=0)
    grain: float = option(
        1.0,
        "how much of the frame's grain a face is given that was drawn anew; embedded: how much noise others may keep",
        least=0,
        most=1,
    )
    steady: float = option(0.6, "how much is held on from frame to frame, against flicker", least=0, most=0.9)
    identity: Identity = option(
        "auto",
        "whose judgement of how far the person stays the same is reported; auto: the recogniser that runs anyway, or dlib "
        "where it is installed",
    )

    def __post_init__(self) -> None:
        MaskOptions.__post_init__(self)  # in a class with slots, super() is that of the one it was made from
        network = network_named(self.model)
        if self.backend == "gfpgan":
            self._check_package()
        self._check_file(network)
        if self.weight != _HALF and (network is None or not network.weighted):
            raise ValueError(
                f"--enhancer-weight is for the model codeformer, and with {self.model} there is nothing to weigh; leave it "
                "out, or say --enhancer-blend for how much is shown"
            )
        if self.model == "embedded" and self.match_colour != "none":
            raise ValueError(
                f"{_EMBEDDED}, keeps the face's colour; leave out --enhancer-match-colour, or get the weights of a network: "
                f"roop models pull {NETWORKS[0].name}"
            )
        if self.identity == "dlib" and not dlib_installed():
            raise ValueError(f"--enhancer-identity dlib {DLIB_NEEDED}")

    def _check_file(self, network: NetworkSpec | None) -> None:
        if self.model_file is not None and network is None:
            raise ValueError(
                f"--enhancer-model-file needs --enhancer-model with the name of the network's family, not {self.model}"
            )
        pulled = None if network is None else network.model if self.backend == "onnx" else network.weights
        if network is not None and pulled is None and self.model_file is None:
            raise ValueError(
                f"the model {network.name} is not pulled, since nobody states size and hash of its file; get it yourself "
                "and say --enhancer-model-file"
            )

    def _check_package(self) -> None:
        able = [network.name for network in NETWORKS if network.packaged]
        if self.model not in ("auto", *able):
            raise ValueError(
                f"the gfpgan package runs {', '.join(able)}, and not {self.model}; name one of them, or leave out "
                "--enhancer-backend gfpgan"
            )
        from roop_enhancer.gfpgan_package import gfpgan_installed, how_to_install

        if not gfpgan_installed():
            raise ValueError(how_to_install())
