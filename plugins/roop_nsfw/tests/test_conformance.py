"""The kit's checks of what this plugin declares, with every backend that can be had here."""

from __future__ import annotations

import pytest

from roop_host.testing import ScreenerConformance
from roop_nsfw.packages import nudenet_installed, opennsfw2_installed


class TestNsfw(ScreenerConformance):
    name = "nsfw"


@pytest.mark.skipif(not opennsfw2_installed(), reason="the package of this backend is an extra")
class TestNsfwByKeras(ScreenerConformance):
    name = "nsfw"
    options = {"backend": "opennsfw2"}  # noqa: RUF012  (read only)


@pytest.mark.skipif(not nudenet_installed(), reason="the package of this screener is an extra")
class TestNudity(ScreenerConformance):
    name = "nudity"
