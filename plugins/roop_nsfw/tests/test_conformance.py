"""The kit's checks of what this plugin declares, with every backend that can be had here."""

from __future__ import annotations

from roop_host.testing import ScreenerConformance
from roop_nsfw.packages import nudenet_installed, opennsfw2_installed


class TestNsfw(ScreenerConformance):
    name = "nsfw"


# The packages of these are extras: where one is not installed, nothing is declared that could be checked.
if opennsfw2_installed():

    class TestNsfwByKeras(ScreenerConformance):
        name = "nsfw"
        options = {"backend": "opennsfw2"}  # noqa: RUF012  (read only)


if nudenet_installed():

    class TestNudity(ScreenerConformance):
        name = "nudity"
