"""What an object of any kind does beside its work is seen: what it prints, asks for and changes of the process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from honest import ADDRESS, Gives, Knows, Sends
from kit import Quiet, Raw, Seal, Times, analyser, exporter, screener, source, uploader

from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.shared import CHECKS


def prints() -> None:
    print("at work")


def asks() -> None:
    with suppress(OSError):
        socket.create_connection(("192.0.2.1", 9), 1).close()


def sets() -> None:
    os.environ["MY_KEY"] = "hush"


#: By check what is done beside the work, and what is told of it.
DOES = {
    "stdout_stays_clean": (prints, "it printed 'at work"),
    "no_network_unless_declared": (asks, "it asked for 192.0.2.1, and its spec says network=False"),
    "work_changes_no_process_state": (sets, "a job changed the environment (MY_KEY)"),
}
#: By kind, who works, in which call, and how that is declared.
KINDS: dict[str, tuple[type[Any], str, Callable[[Callable[[], Any]], SimpleNamespace]]] = {
    "roop_screeners": (Quiet, "screen", screener),
    "roop_analysers": (Knows, "analyse", analyser),
    "roop_uploaders": (Sends, "upload", lambda make: uploader(make, network=False)),
    "roop_sources": (Gives, "frames", source),
    "writer": (Raw, "write", lambda make: exporter(make, "it", "writer", ".raw")),
    "sidecar": (Times, "piece", lambda make: exporter(make, "it", "sidecar", ".csv")),
    "finisher": (Seal, "finish", lambda make: exporter(make, "it", "finisher", ".sum")),
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def told_of(kind: str, check: str, beside: Callable[[], None], address: str = ADDRESS) -> tuple[str, str]:
    base, call, declared = KINDS[kind]

    def working(self: Any, *given: Any) -> Any:
        beside()
        return getattr(base, call)(self, *given)

    plugins = plugins_of({"it": declared(type("Works", (base,), {call: working}))})
    hook = kind if kind.startswith("roop_") else "roop_exporters"
    (name,) = plugins.declared[hook]
    subject = Subject(plugins, hook, plugins.named(hook, name), address=address)
    (wanted,) = (one for one in CHECKS if one.id == check)
    result = run_check(wanted, subject)
    return result.state, result.told


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", DOES)
def test_what_is_done_beside_is_told(kind: str, check: str) -> None:
    beside, wanted = DOES[check]
    state, told = told_of(kind, check, beside)
    assert state == "failed"
    assert wanted in told
    assert "MY_KEY" not in os.environ


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", DOES)
def test_who_only_works_passes(kind: str, check: str) -> None:
    assert told_of(kind, check, lambda: None) == ("passed", "")


def test_a_source_without_an_address_is_not_run() -> None:
    state, told = told_of("roop_sources", "stdout_stays_clean", prints, address="")
    assert state == "not run"
    assert "--address camera:" in told
