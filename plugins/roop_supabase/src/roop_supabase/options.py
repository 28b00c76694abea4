"""Options of the plugin, declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from roop_host import option

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
#: What nobody said is told from what somebody counts on.
_AUTO: Literal["auto"] = "auto"
_EXPIRES = "7d"
_ERROR: Literal["M"] = "M"
_SCALE = 8
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
    expires: str = option(
        _AUTO, "How long a signed link lives: 3600, 90m, 24h, 7d; auto is 7d where the link is signed.", users_own=True
    )
    upsert: bool = option(False, "Replace another file of that name in the bucket.", users_own=True)
    table: str = option("", "Add a row of each upload to this table (or schema.table).", users_own=True)
    cache_control: int = option(
        3600, "Seconds for which browsers may keep what a public link gives.", least=0, most=31_536_000
    )
    qr: Literal["auto", "all", "files", "terminal", "none"] = option(
        _AUTO,
        "The link as a QR code: PNG and SVG beside the output, drawn in the terminal, both, or none; auto is both where "
        "there is a link.",
    )
    qr_error: Literal["L", "M", "Q", "H"] = option(
        _ERROR, "How much of the code may be lost: about 7, 15, 25 or 30 per cent; more makes it larger."
    )
    qr_scale: int = option(_SCALE, "Pixels of a module of the code in the PNG.", least=1, most=40)

    def __post_init__(self) -> None:
        if not 1 <= self.expires_s <= _LONGEST_S:
            raise ValueError(f"--supabase-expires takes 1s to 3650d, not {self.expires!r}")
        if self.table and not re.fullmatch(rf"({_TABLE}\.)?{_TABLE}", self.table, re.ASCII):
            raise ValueError(f"--supabase-table takes TABLE or SCHEMA.TABLE, not {self.table!r}")

    @property
    def rights(self) -> str:
        """What a policy on storage.objects must allow a key that sends."""
        return "INSERT, SELECT and UPDATE" if self.upsert else "INSERT"

    @property
    def expires_s(self) -> int:
        """Seconds for which a signed link lives; 0 of a text that says no time."""
        said = re.fullmatch(r"([0-9]{1,9})([smhd]?)", _EXPIRES if self.expires == _AUTO else self.expires.strip())
        return int(said[1]) * _UNITS[said[2]] if said else 0

    @property
    def contradiction(self) -> str | None:
        """Why what was said does not go together, in words: somebody counts on something that would do nothing."""
        if self.link == "public" and self.expires != _AUTO:
            return (
                "--supabase-expires ends a signed link, and --supabase-link public makes one that never ends; leave one of "
                "them out"
            )
        if self.link != "none":
            return None
        said = {
            "--supabase-expires": self.expires != _AUTO,
            "--supabase-qr": self.qr not in (_AUTO, "none"),
            "--supabase-qr-error": self.qr_error != _ERROR,
            "--supabase-qr-scale": self.qr_scale != _SCALE,
        }
        if not any(said.values()):
            return None
        idle = " and ".join(name for name, told in said.items() if told)
        return f"{idle} can do nothing with --supabase-link none, which makes no link; leave one of them out"
