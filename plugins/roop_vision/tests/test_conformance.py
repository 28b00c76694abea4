"""The kit's checks of the analyser, with every backend that can be had here."""

from __future__ import annotations

import pytest

from roop_host.testing import AnalyserConformance


class TestEmbedded(AnalyserConformance):
    name = "faces"
    options = {"backend": "embedded"}  # noqa: RUF012  (read only)


@pytest.mark.slow
class TestDlib(AnalyserConformance):
    name = "faces"
    options = {"backend": "dlib"}  # noqa: RUF012  (read only)
