"""What must hold for writers, sidecars and finishers."""

from __future__ import annotations

from roop_host.testing.checking import Check, checks

CHECKS: tuple[Check, ...] = checks()
