"""How Sphinx makes web pages of the repository's own Markdown: see CONTRIBUTING.md.

The source folder is the repository, so that a link from one file to another holds in a plain viewer and when built.
The menu is made of ``docs/README.md``: each of its headings is a part, each page linked under it an entry.
"""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HERE = Path(__file__).parent
_HEADING = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\((?P<page>[^)#:]+)\.md\)")

project = "roop"
author = "the authors of roop"
version = release = version_of("roop-host")

extensions = ["myst_parser"]
root_doc = "docs/README"
source_suffix = {".md": "markdown"}
include_patterns = [
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/**", "plugins/*/README.md", "benchmarks/README.md", "models/README.md", "examples/**/README.md"),
]
exclude_patterns = ["**/.*", "**/node_modules"]
nitpicky = True
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"roop {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_extra_path = ["start"]
html_copy_source = False
html_show_sphinx = False
pygments_dark_style = "monokai"


def menu(page: str) -> str:
    """Hidden tables of contents, one for each heading of ``page`` under which pages are linked."""
    _, *parts = _HEADING.split(page)
    told = []
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        names = dict.fromkeys(match["page"] for match in _PAGE.finditer(text))
        told.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```", ""]))
    return "\n".join(told)


def _with_menu(_app: Sphinx, name: str, source: list[str]) -> None:
    if name == root_doc:
        source[0] += "\n" + menu(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("source-read", _with_menu)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
