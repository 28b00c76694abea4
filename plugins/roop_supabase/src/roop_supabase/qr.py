"""The QR code of a link, as modules; the host draws it."""

from __future__ import annotations

from collections.abc import Callable

import segno

from roop_host import QrCode
from roop_supabase.options import Options

_WEAKER = {"L": "", "M": "L", "Q": "ML", "H": "QML"}


def code_of(url: str, options: Options, note: Callable[[str], None]) -> QrCode | None:
    """The code that leads to ``url``, or None; ``note`` hears where it is not what was asked for."""
    if options.qr == "none":
        return None
    for error in options.qr_error + _WEAKER[options.qr_error]:
        try:
            # A stronger level than asked is taken where it makes the code no larger.
            code = segno.make_qr(url, error=error, boost_error=True)
        except segno.DataOverflowError:
            continue
        if error != options.qr_error:
            note(f"a QR code of level {options.qr_error} can't hold so long a link; it was made with level {error}")
        return QrCode(
            rows=tuple("".join("01"[bit] for bit in row) for row in code.matrix),
            scale=options.qr_scale,
            files=options.qr in ("auto", "all", "files"),
            shown=options.qr in ("auto", "all", "terminal"),
        )
    note(f"no QR code was made: the link has {len(url)} letters, which is more than any code holds")
    return None
