"""What is known of each restoration network: all that the engine goes by. Nothing heavy is imported here.

Figures are FaceFusion's (3.8, processors/modules/face_enhancer/core.py), whose exports these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roop_host import ModelSpec

if TYPE_CHECKING:
    from roop_vision.align import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A family of networks with one contract.

    It takes a crop by ``template``, R, G, B in -1..1, ``size`` pixels wide, and gives one like it. ``weighted`` is one that
    is told by a second input how true to the crop it should be. ``model`` is the file that is pulled, None of one for which
    nobody states a hash; ``weights`` that of the gfpgan package, where that can run it.
    """

    name: str
    size: int = 512
    template: Template = "ffhq_512"
    weighted: bool = False
    model: ModelSpec | None = None
    weights: ModelSpec | None = None


NETWORKS = (
    NetworkSpec(name="gfpgan_1.4"),
    NetworkSpec(name="gfpgan_1.3"),
    NetworkSpec(name="gfpgan_1.2"),
    NetworkSpec(name="codeformer", weighted=True),
    NetworkSpec(name="gpen_bfr_256", size=256, template="arcface_128"),
    NetworkSpec(name="gpen_bfr_512"),
    NetworkSpec(name="gpen_bfr_1024", size=1024),
    NetworkSpec(name="gpen_bfr_2048", size=2048),
    NetworkSpec(name="restoreformer_plus_plus"),
)


def network_named(name: str) -> NetworkSpec | None:
    """None for a model that is no network."""
    return next((network for network in NETWORKS if network.name == name), None)
