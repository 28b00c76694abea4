"""No test writes into the ledger, or the other state, of the person who runs it, on Linux, macOS or Windows."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    state = str(tmp_path_factory.getbasetemp() / "state")
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", state)  # what platformdirs reads on Windows
