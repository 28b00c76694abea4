"""Whether the packages of the extra ``gfpgan`` are here, and how they come. None of them is imported."""

from __future__ import annotations

import sys
from importlib.util import find_spec

INSTALL = "pip install 'roop-enhancer[gfpgan]'"
_PACKAGES = ("gfpgan", "basicsr", "facexlib", "torch", "torchvision")
#: What builds basicsr 1.4.2 reads its version in a way that Python 3.13 no longer has (PEP 667).
_TOO_NEW = (3, 13)


def gfpgan_installed() -> bool:
    """Whether all of them are here."""
    return all(find_spec(name) is not None for name in _PACKAGES)


def how_to_install(python: tuple[int, ...] = sys.version_info[:2]) -> str:
    """What to do where they are not, for people, with this version of Python."""
    missing = "--enhancer-backend gfpgan needs packages that are not installed"
    if python >= _TOO_NEW:
        version = ".".join(map(str, python))
        return (
            f"{missing}, and one of them, basicsr, can't be built with Python {version}; leave the option out, or take "
            f"Python 3.12 and add them with: {INSTALL}"
        )
    return f"{missing}; add them with: {INSTALL}"
