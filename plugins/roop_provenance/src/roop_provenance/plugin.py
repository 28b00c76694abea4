"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from roop_provenance.options import Options

ROOP_API = 1
ROOP_OPTIONS = Options
