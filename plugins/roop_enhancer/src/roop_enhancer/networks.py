"""What is known of each restoration network: all that the engine goes by. Nothing heavy is imported here.

Figures are FaceFusion's (3.8, processors/modules/face_enhancer/core.py), whose exports these are; that of RestoreFormer++
is roop-unleashed's (processors/Enhance_RestoreFormerPPlus.py), with the same contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roop_enhancer import models
from roop_host import ModelSpec

if TYPE_CHECKING:
    from roop_vision.align import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A family of networks with one contract.

    It takes a crop by ``template``, R, G, B in -1..1, ``size`` pixels wide, and gives one like it. ``weighted`` is one that
    is told by a second input, 0..1, how true to the crop it should be. ``packaged`` is one that the gfpgan package can run.
    ``model`` is the file that is pulled, ``weights`` the one for the package; None of one for which nobody states a hash.
    """

    name: str
    size: int = 512
    template: Template = "ffhq_512"
    weighted: bool = False
    packaged: bool = False
    model: ModelSpec | None = None
    weights: ModelSpec | None = None


NETWORKS = (
    NetworkSpec(name="gfpgan_1.4", packaged=True, model=models.GFPGAN_1_4, weights=models.GFPGAN_1_4_PTH),
    NetworkSpec(name="gfpgan_1.3", packaged=True, weights=models.GFPGAN_1_3_PTH),
    NetworkSpec(name="gfpgan_1.2", packaged=True),
    NetworkSpec(name="codeformer", weighted=True, model=models.CODEFORMER),
    NetworkSpec(name="gpen_bfr_256", size=256, template="arcface_128", model=models.GPEN_BFR_256),
    NetworkSpec(name="gpen_bfr_512", model=models.GPEN_BFR_512),
    NetworkSpec(name="gpen_bfr_1024", size=1024, model=models.GPEN_BFR_1024),
    NetworkSpec(name="gpen_bfr_2048", size=2048, model=models.GPEN_BFR_2048),
    NetworkSpec(name="restoreformer_plus_plus", model=models.RESTOREFORMER_PLUS_PLUS),
)


def network_named(name: str) -> NetworkSpec | None:
    """None for a model that is no network."""
    return next((network for network in NETWORKS if network.name == name), None)
