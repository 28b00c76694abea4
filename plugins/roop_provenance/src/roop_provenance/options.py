"""Options of the plugin, declared once."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roop_host import option

Position = Literal["top-left", "top", "top-right", "bottom-left", "bottom", "bottom-right"]
DEFAULT_TEXT = "AI-generated"


@dataclass(frozen=True)
class Options:
    """What is signed and what is shown. A certificate of one's own is a file; its key is named by a file too, never said.

    A config file that was only found may ask for the label and place it. It chooses nobody who signs and no address, and
    neither what the label says nor how well it can be read.
    """

    label: bool = option(False, "Show on the picture that it is synthetic.", tightens=True)
    label_text: str = option(DEFAULT_TEXT, "What the label says, in one line.", users_own=True)
    label_position: Position = option("bottom-right", "Where the label stands.")
    label_size: float = option(
        3.0, "Height of the label's capitals in per cent of the shorter side.", least=1, most=20, users_own=True
    )
    label_preset: Literal["none", "gb45438"] = option(
        "none", "gb45438: text and size as China's GB 45438-2025 asks.", users_own=True
    )
    label_font: Path | None = option(
        None, "A font file (TTF, OTF) for letters that the built-in font does not have.", users_own=True
    )
    certificate: Path | None = option(
        None, "A certificate chain (PEM) to sign with, in place of one made on this machine.", users_own=True
    )
    key: Path | None = option(
        None, "The private key (PEM) of that certificate; only you may be able to read the file.", users_own=True
    )
    timestamp_url: str = option(
        "", "A timestamp authority to ask (RFC 3161): the only thing here that uses the network.", users_own=True
    )

    def __post_init__(self) -> None:
        if not any(letter.isalnum() for letter in self.label_text):
            raise ValueError("a label needs a text with a letter or a digit; say one with --provenance-label-text")
        # A direction mark or a line break would show another text than the one that was said.
        if any(unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029" for letter in self.label_text):
            raise ValueError("a label is one line without control letters; say --provenance-label-text without them")
        if self.label_preset == "gb45438" and not self.has_preset_text and not _says_so(self.label_text):
            raise ValueError(
                "GB 45438-2025 asks that a label says 人工智能 or AI, and 生成 or 合成 (or both); leave out "
                "--provenance-label-text for AI合成, or say these words in it"
            )

    @property
    def has_preset_text(self) -> bool:
        """Whether the label says what its preset says, and not a text of one's own."""
        return self.label_preset == "gb45438" and self.label_text == DEFAULT_TEXT


def _says_so(text: str) -> bool:
    """GB 45438-2025 of visible labels: an element for artificial intelligence, and one for generation or synthesis."""
    return any(word in text for word in ("人工智能", "AI")) and any(word in text for word in ("生成", "合成"))
