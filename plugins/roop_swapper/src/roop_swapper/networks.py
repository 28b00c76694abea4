"""What is known of each family of swap networks: all that the neural engine goes by. Nothing heavy is imported here.

Figures of ``inswapper_128`` are InsightFace's, all others those of FaceFusion 3.8 (processors/modules/face_swapper/core.py),
whose exports these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from roop_host import ModelSpec
from roop_swapper import models
from roop_vision.models import ARCFACE

if TYPE_CHECKING:
    from roop_vision.align import Template
    from roop_vision.pixels import Colour

_ZEROS, _HALVES, _ONES = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSource:
    """The network is told who by a vector: the recogniser's, as it is or turned into another kind of vector.

    ``through`` is what turns it: nothing, ``emap`` (a map, the last initializer of the network's own graph, for the vector
    brought to length 1), or ``converter`` (a network, for the raw vector). ``normalised`` is whether the result is brought
    to length 1.
    """

    through: Literal["nothing", "emap", "converter"] = "nothing"
    normalised: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSource:
    """The network is shown who: a crop of the source picture, R, G, B, ``(value - mean) / std`` of values in 0..1."""

    size: int
    template: Template
    mean: Colour = _ZEROS
    std: Colour = _ONES


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A family of networks with one contract.

    It takes a crop by ``template``, R, G, B, ``(value - mean) / std`` of values in 0..1, ``size`` pixels wide, and gives one
    like it as its output number ``output``: in 0..1, or where ``denormalised``, to be turned back by ``mean`` and ``std``.
    ``model`` and ``converter`` are the files that are pulled; None of one for which nobody states a hash.
    """

    name: str
    size: int
    template: Template
    source: EmbeddingSource | CropSource
    mean: Colour = _ZEROS
    std: Colour = _ONES
    denormalised: bool = False
    output: int = 0
    model: ModelSpec | None = None
    converter: ModelSpec | None = None

    @property
    def converts(self) -> bool:
        """Whether it needs a second network."""
        return isinstance(self.source, EmbeddingSource) and self.source.through == "converter"

    @property
    def needs(self) -> frozenset[str]:
        """What faces must carry."""
        return frozenset({f"embedding:{ARCFACE}"} if isinstance(self.source, EmbeddingSource) else ())

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """The files that are pulled, the network's own first."""
        return tuple(model for model in (self.model, self.converter) if model is not None)

    @property
    def boosts(self) -> tuple[int, ...]:
        """Widths of a crop in pixels, up to ``LARGEST``, that its tiles fill."""
        return tuple(range(self.size, LARGEST + 1, self.size))


#: The widest crop that is taken: beyond it hardly a face has more pixels.
LARGEST = 1024
_CONVERTED = EmbeddingSource(through="converter")


def _hyperswap(name: str, model: ModelSpec) -> NetworkSpec:
    """Its second output, a mask, is not used."""
    return NetworkSpec(
        name=name,
        size=256,
        template="arcface_128",
        source=EmbeddingSource(),
        mean=_HALVES,
        std=_HALVES,
        denormalised=True,
        model=model,
    )


def _ghost(name: str) -> NetworkSpec:
    return NetworkSpec(
        name=name,
        size=256,
        template="arcface_112_v1",
        source=EmbeddingSource(through="converter", normalised=False),
        mean=_HALVES,
        std=_HALVES,
        denormalised=True,
    )


NETWORKS = (
    NetworkSpec(
        name="inswapper_128",
        size=128,
        template="arcface_128",
        source=EmbeddingSource(through="emap"),
        model=models.INSWAPPER_128,
    ),
    _hyperswap("hyperswap_1a_256", models.HYPERSWAP_1A_256),
    _hyperswap("hyperswap_1b_256", models.HYPERSWAP_1B_256),
    _hyperswap("hyperswap_1c_256", models.HYPERSWAP_1C_256),
    NetworkSpec(
        name="simswap_256",
        size=256,
        template="arcface_112_v1",
        source=_CONVERTED,
        # ImageNet's; what comes out is in 0..1 all the same.
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        converter=models.CROSSFACE_SIMSWAP,
    ),
    NetworkSpec(
        name="simswap_unofficial_512",
        size=512,
        template="arcface_112_v1",
        source=_CONVERTED,
        model=models.SIMSWAP_UNOFFICIAL_512,
        converter=models.CROSSFACE_SIMSWAP,
    ),
    _ghost("ghost_1_256"),
    _ghost("ghost_2_256"),
    _ghost("ghost_3_256"),
    NetworkSpec(
        name="hififace_unofficial_256",
        size=256,
        template="mtcnn_512",
        source=_CONVERTED,
        mean=_HALVES,
        std=_HALVES,
        denormalised=True,
        model=models.HIFIFACE_UNOFFICIAL_256,
        converter=models.CROSSFACE_HIFIFACE,
    ),
    NetworkSpec(
        name="blendswap_256",
        size=256,
        template="ffhq_512",
        source=CropSource(size=112, template="arcface_112_v2"),
    ),
    NetworkSpec(
        name="uniface_256",
        size=256,
        template="ffhq_512",
        source=CropSource(size=256, template="ffhq_512"),
        mean=_HALVES,
        std=_HALVES,
        denormalised=True,
        model=models.UNIFACE_256,
    ),
)


def network_named(name: str) -> NetworkSpec | None:
    """None for an engine that is no network."""
    return next((network for network in NETWORKS if network.name == name), None)
