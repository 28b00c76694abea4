"""c2pa-python, which is not there on every system; and what it may never do with a stranger's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: An address in somebody's file is not to be asked; previews would show the faces as they were.
OFFLINE: Mapping[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": [], "allow_redirects": False},
    "builder": {"thumbnail": {"enabled": False}},
}


def c2pa_library() -> Any:
    """The module ``c2pa``, whose import loads a native library. Raises ``ImportError`` with the reason where it fails."""
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError, ValueError) as error:  # what its own loader of the native library raises
        raise ImportError(str(error) or type(error).__name__) from error
    return c2pa
