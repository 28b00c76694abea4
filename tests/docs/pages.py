"""The pages of the documentation with their blocks, and where each is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prepared import copy_of, surroundings, warmed
from snippets import Block, blocks_of, roop_calls, run, runs, spans_of

ROOT = Path(__file__).parents[2]
#: Pages whose blocks another test runs.
ELSEWHERE = {
    "docs/tutorial.md": "tests/slow/test_tutorial.py",
    "examples/roop-frames-csv/README.md": "tests/slow/test_examples.py",
    "examples/roop-pixelate/README.md": "tests/slow/test_examples.py",
}
#: Of these, those that write a plugin on their way: without running them nothing is known of it.
WRITES_A_PLUGIN = {"docs/tutorial.md"}
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("README.md", "docs/**/*.md", "plugins/*/README.md", "examples/**/README.md")
    for path in sorted(ROOT.glob(pattern))
    if "reference" not in path.parts
}
BLOCKS = {page: blocks_of(page, text) for page, text in PAGES.items()}
SPANS = {page: spans for page, text in PAGES.items() if page not in WRITES_A_PLUGIN and (spans := spans_of(page, text))}


def is_run(block: Block) -> bool:
    """Whether a reader who goes through the page comes to do something with it."""
    if block.reason:
        return False
    return (block.kind == "python" and not block.file) or (block.kind == "sh" and bool(runs(block).strip()))


def halves() -> tuple[list[str], list[str]]:
    """The pages that are run here, in two parts of about as many calls of roop each."""
    calls = {
        page: sum(len(list(roop_calls(runs(block)))) if block.kind == "sh" else 1 for block in blocks if is_run(block))
        for page, blocks in BLOCKS.items()
        if page not in ELSEWHERE and any(map(is_run, blocks))
    }
    parts: tuple[list[str], list[str]] = ([], [])
    for page in sorted(calls, key=lambda page: (-calls[page], page)):
        min(parts, key=lambda part: sum(calls[one] for one in part)).append(page)
    return parts


def write_files(blocks: Iterable[Block], folder: Path) -> None:
    """Those blocks that are files."""
    for block in blocks:
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")


def run_page(page: str, prepared: Path, place: Path) -> None:
    """From its first line to its last, as its reader does it, in a folder of its own within ``place``."""
    folder = copy_of(prepared, place / "folder")
    run_blocks(BLOCKS[page], folder, warmed(surroundings(place / "home"), place / "home"))


def run_blocks(blocks: Sequence[Block], folder: Path, environment: Mapping[str, str]) -> None:
    """All that run, in their order."""
    write_files(blocks, folder)
    for block in filter(is_run, blocks):
        run(block, folder, environment)
