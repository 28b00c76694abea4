"""The step holds what the kit asks of every processor: without a download, and with small graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import swap_graphs as graphs

from roop_host.testing import ProcessorConformance
from roop_swapper.networks import NETWORKS


class TestMesh(ProcessorConformance):
    name = "swapper"
    options: ClassVar[dict[str, Any]] = {"engine": "mesh"}


class _Network(ProcessorConformance):
    """``engine`` with a graph that makes faces darker, as a file of the user's own."""

    name = "swapper"
    engine: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _stored(self, tmp_path: Path) -> None:
        spec = next(one for one in NETWORKS if one.name == self.engine)
        darker = graphs.Graph(gain=[value * 0.7 for value in spec.std], offset=spec.mean)
        network = graphs.stored(spec, graphs.swap(spec, darker), tmp_path)
        assert network.model is not None
        self.options = {"engine": self.engine, "engine_file": network.model.path()}
        if network.converter is not None:
            self.options["converter_file"] = network.converter.path()


@pytest.mark.slow
class TestByVector(_Network):
    engine = "hyperswap_1a_256"


@pytest.mark.slow
class TestByConvertedVector(_Network):
    engine = "ghost_1_256"


@pytest.mark.slow
class TestByCrop(_Network):
    engine = "blendswap_256"
