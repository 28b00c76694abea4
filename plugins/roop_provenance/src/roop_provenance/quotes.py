"""A stranger's text within our own sentences: always in quotation marks that it can't close, and cut short."""

from __future__ import annotations

import re

from roop_host import one_line

#: Everything that looks like a double quotation mark, so that no text seems to end before it does.
_LIKE = r"\"\u00ab\u00bb\u02ba\u02dd\u02ee\u05f4\u201c-\u201f\u2033\u2036\u275d\u275e\u2760\u3003\u301d-\u301f\uff02"
_MARKS = re.compile(f"[{_LIKE}]['{_LIKE}]*|'['{_LIKE}]+")
#: Letters that are shown: a hash and its name fit.
_LONGEST = 80


def quoted(text: str, most: int = _LONGEST) -> str:
    """A text as somebody wrote it: one line, in quotation marks, with those inside of it replaced."""
    line = _MARKS.sub("'", one_line(text))
    return f'"{line}"' if len(line) <= most else f'"{line[:most]}..."'
