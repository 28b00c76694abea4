"""The kit's checks of the screener with the backend that is always there; tests/slow has the others."""

from __future__ import annotations

from roop_host.testing import ScreenerConformance


class TestNsfw(ScreenerConformance):
    name = "nsfw"
