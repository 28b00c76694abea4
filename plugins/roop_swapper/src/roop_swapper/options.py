"""Options of the plugin ``swapper``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from roop_host import option
from roop_swapper.networks import EmbeddingSource, NetworkSpec, network_named
from roop_vision.mask_options import BLUR, MaskOptions

Engine = Literal[
    "auto",
    "inswapper_128",
    "hyperswap_1a_256",
    "hyperswap_1b_256",
    "hyperswap_1c_256",
    "simswap_256",
    "simswap_unofficial_512",
    "ghost_1_256",
    "ghost_2_256",
    "ghost_3_256",
    "hififace_unofficial_256",
    "blendswap_256",
    "uniface_256",
    "mesh",
]
PixelBoost = Literal["native", 256, 384, 512, 768, 1024]
#: All of the source, nothing of the target.
_WHOLE = 1.0
#: How far features move with ``mesh``.
_PROPORTIONS = 0.45
_MESH = "the engine mesh, which auto stands for while the weights of inswapper_128 are not here"
_PULL = "get those weights: roop models pull inswapper_128"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapperOptions(MaskOptions):
    """``--swapper-...``. Raises ``ValueError`` for options that don't go together."""

    engine: Engine = option(
        "auto",
        "inswapper_128: a network redraws the face (pulled, non-commercial); mesh: warps the source's face, no download; "
        "auto: the first of these that can be had; the others are networks too, each with its own licence",
    )
    engine_file: Path | None = option(None, "a network of your own (.onnx), of the family that --swapper-engine names")
    converter_file: Path | None = option(
        None, "the network of your own that turns ArcFace's vector into what a ghost, simswap or hififace takes"
    )
    pixel_boost: PixelBoost = option(
        "native", "networks: redraw the face at so many pixels, in interleaved tiles; a multiple of the network's own size"
    )
    weight: float = option(
        _WHOLE,
        "networks told by a vector: how much of it is the source's, the rest is the target's own",
        least=0,
        most=1,
    )
    proportions: float = option(
        _PROPORTIONS, "engine mesh: how far features move to the source's proportions", least=0, most=1
    )
    source_glasses: Literal["keep", "remove"] = option("keep", "engine mesh: whether the source's glasses go over")

    def __post_init__(self) -> None:
        MaskOptions.__post_init__(self)  # in a class with slots, super() is that of the one it was made from
        network = network_named(self.engine)
        if network is None:
            self._check_without_network()
        else:
            self._check_mesh_only(network)
            self._check_files(network)
            self._check_boost(network)
            self._check_weight(network)

    def _check_without_network(self) -> None:
        files = {"--swapper-engine-file": self.engine_file, "--swapper-converter-file": self.converter_file}
        for flag, file in files.items():
            if file is not None:
                raise ValueError(f"{flag} needs --swapper-engine with the name of the network's family, not {self.engine}")
        if self.engine == "mesh" and self.pixel_boost != "native":
            raise ValueError(f"{_MESH}, draws at the target's own size; leave out --swapper-pixel-boost, or {_PULL}")
        if self.engine == "mesh" and (self.mask_blur != BLUR or any(self.mask_padding) or self.match_colour != "none"):
            raise ValueError(
                f"{_MESH}, fades and lights a face by itself: --swapper-mask-blur, --swapper-mask-padding and "
                f"--swapper-match-colour are for networks; leave them out, or {_PULL}"
            )
        if self.engine == "mesh" and self.weight != _WHOLE:
            raise ValueError(
                f"{_MESH}, has no vector of a face to weigh, so --swapper-weight is for networks; leave it out, say "
                f"--swapper-proportions, or {_PULL}"
            )

    def _check_mesh_only(self, network: NetworkSpec) -> None:
        if self.proportions != _PROPORTIONS or self.source_glasses != "keep":
            raise ValueError(
                f"--swapper-proportions and --swapper-source-glasses are for the engine mesh: {network.name} redraws the "
                "face by itself; leave them out, or say --swapper-engine mesh"
            )

    def _check_files(self, network: NetworkSpec) -> None:
        if self.converter_file is not None and not network.converts:
            raise ValueError(f"--swapper-converter-file is not for the engine {network.name}, which takes no converter")
        needed = [("--swapper-engine-file", self.engine_file, network.model)]
        if network.converts:
            needed.append(("--swapper-converter-file", self.converter_file, network.converter))
        lacking = [flag for flag, file, model in needed if file is None and model is None]
        if lacking:
            raise ValueError(
                f"the engine {network.name} is not pulled, since nobody states size and hash of its files; get them "
                f"yourself and say {' and '.join(lacking)}"
            )

    def _check_boost(self, network: NetworkSpec) -> None:
        if self.pixel_boost != "native" and self.pixel_boost not in network.boosts:
            fitting = ", ".join(str(size) for size in get_args(PixelBoost) if size == "native" or size in network.boosts)
            raise ValueError(
                f"--swapper-pixel-boost {self.pixel_boost} is no multiple of the {network.size} pixels of {network.name}; "
                f"take one of {fitting}"
            )

    def _check_weight(self, network: NetworkSpec) -> None:
        if self.weight != _WHOLE and not isinstance(network.source, EmbeddingSource):
            raise ValueError(
                f"the engine {network.name} is shown a picture of the source and has no vector to weigh; leave out "
                "--swapper-weight"
            )
