"""The kit's checks of the three things that this plugin declares."""

from __future__ import annotations

from roop_host.testing import CommandConformance, ExporterConformance, ProcessorConformance


class TestProvenance(ExporterConformance):
    name = "provenance"


class TestLabel(ProcessorConformance):
    name = "label"


class TestVerify(CommandConformance):
    name = "verify"
