"""The checks that every processor passes, with each way of covering."""

from __future__ import annotations

from roop_host.testing import ProcessorConformance


class TestPixelate(ProcessorConformance):
    name = "pixelate"


class TestBlur(ProcessorConformance):
    name = "pixelate"
    options = {"style": "blur", "faces": "all", "keep_chosen": True}


class TestFill(ProcessorConformance):
    name = "pixelate"
    options = {"style": "fill", "shape": "box", "hold": 0}
