"""The step holds what the kit asks of every processor: without a download, and with a small graph in place of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import enhancer_graphs as graphs
import pytest

from roop_enhancer.networks import NETWORKS
from roop_host.testing import ProcessorConformance

_SMALL = "gpen_bfr_256"


class TestEmbedded(ProcessorConformance):
    name = "enhancer"
    options: ClassVar[dict[str, Any]] = {"model": "embedded"}


@pytest.mark.slow
class TestNetwork(ProcessorConformance):
    """A graph that sharpens, as a file of the user's own; the smallest, as the others cost time alone."""

    name = "enhancer"

    @pytest.fixture(autouse=True)
    def _stored(self, tmp_path: Path) -> None:
        spec = next(one for one in NETWORKS if one.name == _SMALL)
        network = graphs.stored(spec, graphs.network(spec, graphs.Graph(sharp=True)), tmp_path)
        assert network.model is not None
        self.options = {"model": _SMALL, "model_file": network.model.path()}
