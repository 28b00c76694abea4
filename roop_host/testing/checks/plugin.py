"""What must hold for a plugin as a package: its module, its declarations, its options."""

from __future__ import annotations

from roop_host.testing.checking import Check, checks

CHECKS: tuple[Check, ...] = checks()
