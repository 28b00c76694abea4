"""What stands before the sub-command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands before the sub-command: plugins to switch off, and the config file in place of those found."""

    off: tuple[str, ...] = ()
    config: str | None = None
    debug: bool = False

    def plugins(self) -> Plugins:
        """The installed plugins. Raises ``UsageError``."""
        from roop_host.plugins.loader import load_plugins

        return load_plugins(self.off)
