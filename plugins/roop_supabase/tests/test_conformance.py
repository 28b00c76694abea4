"""The plugin holds what the kit asks of every uploader and every command, against a project on loopback."""

from __future__ import annotations

from typing import ClassVar

import pytest
from supabase_double.handle import Project

from roop_host.testing import CommandConformance, UploaderConformance


class _OnLoopback(UploaderConformance):
    @pytest.fixture(autouse=True)
    def _there(self, known: Project) -> None:
        """``known`` is what the options name."""


class TestSupabase(_OnLoopback):
    name = "supabase"
    options: ClassVar[dict[str, str]] = {"bucket": "b"}


@pytest.mark.slow
class TestSupabaseByName(_OnLoopback):
    name = "supabase"
    options: ClassVar[dict[str, str]] = {"bucket": "b", "naming": "name"}


class TestCommand(CommandConformance):
    name = "supabase"
