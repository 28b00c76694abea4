"""What the package asks for."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement


def test_what_older_clients_lack_is_asked_for() -> None:
    needed = {one.name: one for one in map(Requirement, requires("roop-supabase") or [])}
    # the option that keeps the table client from trying again by itself
    assert "2.33.0" not in needed["supabase"].specifier
    assert "2.34.0" in needed["supabase"].specifier
    assert "socks" in needed["httpx"].extras
