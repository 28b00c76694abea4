"""What must hold for an analyser's object."""

from __future__ import annotations

from roop_host.testing.checking import Check, checks

CHECKS: tuple[Check, ...] = checks()
