"""The checks that every exporter passes."""

from __future__ import annotations

from roop_host.testing import ExporterConformance


class TestFramesCsv(ExporterConformance):
    name = "frames-csv"


class TestRowsOfFrames(ExporterConformance):
    name = "frames-csv"
    options = {"rows": "frames"}


class TestLandmarks(ExporterConformance):
    name = "frames-csv"
    options = {"landmarks": True}
