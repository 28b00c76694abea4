"""Options of the plugin, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roop_host import option

Position = Literal["top-left", "top", "top-right", "bottom-left", "bottom", "bottom-right"]


@dataclass(frozen=True)
class Options:
    """What is signed and what is shown. A certificate of one's own is a file; its key is named by a file too, never said."""

    label: bool = option(False, "Show on the picture that it is synthetic.")
    label_text: str = option("AI-generated", "What the label says.")
    label_position: Position = option("bottom-right", "Where the label stands.")
    label_size: float = option(3.0, "Height of the label's letters in per cent of the shorter side.", least=1, most=20)
    label_preset: Literal["none", "gb45438"] = option("none", "gb45438: text and size as China's GB 45438-2025 asks.")
    label_font: Path | None = option(None, "A font file (TTF, OTF) for letters that the built-in font does not have.")
    certificate: Path | None = option(None, "A certificate chain (PEM) to sign with, in place of one made on this machine.")
    key: Path | None = option(None, "The private key (PEM) of that certificate; only you may be able to read the file.")
    timestamp_url: str = option("", "A timestamp authority to ask (RFC 3161): the only thing here that uses the network.")
