"""What must hold for any object that lives with setup and teardown."""

from __future__ import annotations

from roop_host.testing.checking import Check, checks

CHECKS: tuple[Check, ...] = checks()
