"""The second half of the pages is run; two files, so that two processes share the work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import halves, run_page


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", halves()[1])
def test_a_page_runs_from_its_first_line_to_its_last(page: str, prepared: Path, tmp_path: Path) -> None:
    run_page(page, prepared, tmp_path)
