"""What the documentation shows is run as it stands, or, where that can't be, looked through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prepared import copy_of, prepare, surroundings
from snippets import KINDS, Block, blocks_of, check, roop_calls, run, runs, spans_of

ROOT = Path(__file__).parents[2]
#: Pages whose blocks another test runs.
ELSEWHERE = {"docs/tutorial.md": "tests/slow/test_tutorial.py"}
#: Why a block may not be run. Whoever adds to this says with it that readers must trust the page there.
REASONS = {
    "it installs packages",
    "it needs a GPU",
    "it needs weights that are downloaded",
    "it needs a Supabase project",
    "it runs the tests",
    "it publishes",
    "it needs roop-pixelate",
    "it needs roop-frames-csv",
}
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("README.md", "docs/**/*.md", "plugins/*/README.md")
    for path in sorted(ROOT.glob(pattern))
    if "reference" not in path.parts
}
BLOCKS = {page: blocks_of(page, text) for page, text in PAGES.items()}
EVERY = [block for blocks in BLOCKS.values() for block in blocks]
SPANS = {page: spans for page, text in PAGES.items() if page not in ELSEWHERE and (spans := spans_of(page, text))}


def is_run(block: Block) -> bool:
    if block.reason or block.page in ELSEWHERE:
        return False
    return (block.kind == "python" and not block.file) or (block.kind == "sh" and bool(runs(block).strip()))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


def _write_files(blocks: list[Block], folder: Path) -> None:
    for block in blocks:
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.where)
def test_a_block_says_what_it_is_and_why_it_is_not_run(block: Block) -> None:
    assert block.kind in KINDS
    assert block.reason in {"", *REASONS} or block.page in ELSEWHERE


def test_no_mark_stands_where_it_does_nothing() -> None:
    assert [text.count("<!-- not run:") for text in PAGES.values()] == [
        sum(bool(block.reason) for block in blocks) for blocks in BLOCKS.values()
    ]


def test_pages_that_others_run_are_run_there() -> None:
    for page, test in ELSEWHERE.items():
        assert page not in PAGES or page in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks])
def test_what_a_page_shows_is_known(page: str, tmp_path: Path) -> None:
    if page in ELSEWHERE:
        return
    _write_files(BLOCKS[page], tmp_path)
    for block in BLOCKS[page]:
        check(block, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", SPANS)
def test_what_a_sentence_names_is_known(page: str, tmp_path: Path) -> None:
    _write_files(BLOCKS[page], tmp_path)
    for span in SPANS[page]:
        check(span, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if any(map(is_run, blocks))])
def test_a_page_runs_from_its_first_line_to_its_last(page: str, prepared: Path, tmp_path: Path) -> None:
    folder = copy_of(prepared, tmp_path / "folder")
    environment = surroundings(tmp_path / "home")
    _write_files(BLOCKS[page], folder)
    for block in filter(is_run, BLOCKS[page]):
        run(block, folder, environment)


def _only(text: str) -> Block:
    (block,) = blocks_of("page.md", text)
    return block


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```sh\nroop run -s face.jpg --qualty 3\n```\n", "--qualty"),
        ("```sh\nroop run ... --qualty 3\n```\n", "--qualty"),
        ("<!-- not run: it needs a GPU -->\n```sh\nroop run ... --devise cuda\n```\n", "--devise"),
        ("```sh\nroop walk clip.mp4\n```\n", "walk"),
        ("```sh\nroop models fetch\n```\n", "fetch"),
        ("```sh\nls | roop verify --jsn -\n```\n", "--jsn"),
        ("```sh\nROOP_QUALTY=3 roop doctor\n```\n", "ROOP_QUALTY"),
        ("```sh\nif true; then\n```\n", "page.md:1"),
        ("```python\nfrom roop_host import Hast\n```\n", "Hast"),
        ("```toml\n[plugin.swapper]\npropotions = 1\n```\n", "propotions"),
        ('```toml\n[project]\nversion = "1"\n```\n', "neither"),
        ('```json\n{"schema": 1, "sorces": []}\n```\n', "sources"),
        ("```yaml\nname: CI\n```\n", "neither"),
    ],
)
def test_what_is_wrong_is_seen_without_running_it(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=told):
        check(_only(text), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```sh\nroop faces nobody.jpg\n```\n", r"page.md:1 ended with 3[\s\S]*nobody.jpg"),
        ("```sh\nroop faces nobody.jpg | cat\n```\n", "ended with 3"),
        ("```python\nfrom roop_host import Hast\n```\n", "Hast"),
    ],
)
def test_what_fails_is_seen_when_it_runs(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=told):
        run(_only(text), tmp_path, surroundings(tmp_path / "home"))


def test_calls_are_found_wherever_they_stand() -> None:
    text = "cd x && ROOP_QUALITY=3 roop run ... -o a \\\n  --json > r.json; uv run roop doctor | roop verify - # roop no\n"
    assert list(roop_calls(text)) == [
        ({"ROOP_QUALITY": "3"}, ["run", "-o", "a", "--json"]),
        ({}, ["doctor"]),
        ({}, ["verify", "-"]),
    ]


def test_lines_that_leave_something_out_do_not_run() -> None:
    assert (
        runs(_only("```sh\nroop run ... --json\nroop run \\\n  ... -q\nroop doctor  # ...\n```\n")) == "roop doctor  # ...\n"
    )


def test_bash_is_there() -> None:
    assert shutil.which("bash")
