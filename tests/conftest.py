"""No test sees the options, or the models, of the person who runs it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    """Ctrl-C is itself: pytest-xdist's workers ignore it, and what they start would too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("ROOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROOP_CONFIG", "")
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path_factory.getbasetemp() / "no-models"))
    state = tmp_path_factory.getbasetemp() / "state"
    (state / "roop").mkdir(parents=True, exist_ok=True)
    (state / "roop" / "reminded").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(state))  # a key that signs is made there
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)  # as activated: commands to paste are the short ones then


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """A command that is called in this process sends the log to a stream of its own."""
    log = logging.getLogger("roop")
    before = log.handlers, log.propagate, log.level
    yield
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])
