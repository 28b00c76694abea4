"""Options of the plugin, declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from roop_host import option

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TABLE = r"[A-Za-z_][\w-]{0,62}"
_LONGEST_S = 10 * 365 * 86400


@dataclass(frozen=True)
class Options:
    """Where an output goes, who may see it, and the code of its link. Address and key are none of these: they are secrets.

    A config file that was only found may say how things are called and drawn, and neither where they go nor who sees them.
    """

    bucket: str = option("", "The bucket to send to; it must exist.", users_own=True)
    prefix: str = option("", "A folder in the bucket, such as clips/2026.", users_own=True)
    naming: Literal["hash", "name"] = option(
        "hash", "What an upload is called: by its content, which tells nothing and is unique, or as the file."
    )
    link: Literal["signed", "public", "none"] = option(
        "signed", "A link that expires, the lasting one of a public bucket, or none.", users_own=True
    )
    expires: str = option("7d", "How long a signed link lives: 3600, 90m, 24h, 7d.", users_own=True)
    upsert: bool = option(False, "Replace another file of that name in the bucket.", users_own=True)
    table: str = option("", "Add a row of each upload to this table (or schema.table).", users_own=True)
    cache_control: int = option(3600, "Seconds for which browsers may keep what they fetched.", least=0, most=31_536_000)
    qr: Literal["all", "files", "terminal", "none"] = option(
        "all", "The link as a QR code: PNG and SVG beside the output, drawn in the terminal, both, or none."
    )
    qr_error: Literal["L", "M", "Q", "H"] = option(
        "M", "How much of the code may be lost: about 7, 15, 25 or 30 per cent; more makes it larger."
    )
    qr_scale: int = option(8, "Pixels of a module of the code in the PNG.", least=1, most=40)

    def __post_init__(self) -> None:
        if not 1 <= self.expires_s <= _LONGEST_S:
            raise ValueError(f"--supabase-expires takes 1s to 3650d, not {self.expires!r}")
        if self.table and not re.fullmatch(rf"({_TABLE}\.)?{_TABLE}", self.table, re.ASCII):
            raise ValueError(f"--supabase-table takes TABLE or SCHEMA.TABLE, not {self.table!r}")

    @property
    def expires_s(self) -> int:
        """Seconds for which a signed link lives; 0 of a text that says no time."""
        said = re.fullmatch(r"([0-9]{1,9})([smhd]?)", self.expires.strip())
        return int(said[1]) * _UNITS[said[2]] if said else 0
