"""What pages are checked and run with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from example_plugins import example_plugins
from prepared import prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader: its pages get copies."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture(scope="module")
def with_examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The plugins of ``examples`` are there too."""
    with example_plugins(tmp_path_factory.mktemp("site")):
        yield
