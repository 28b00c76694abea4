"""What the documentation shows is run as it stands, or, where that can't be, looked through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pages import BLOCKS, ELSEWHERE, PAGES, ROOT, SPANS, WRITES_A_PLUGIN, write_files
from prepared import copy_of, surroundings
from snippets import KINDS, Block, blocks_of, check, roop_calls, run, runs, spans_of

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
EVERY = [block for blocks in BLOCKS.values() for block in blocks]
pytestmark = pytest.mark.usefixtures("with_examples")


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.where)
def test_a_block_says_what_it_is_and_why_it_is_not_run(block: Block) -> None:
    assert block.kind in KINDS
    assert block.reason in {"", *REASONS}


def test_no_mark_stands_where_it_does_nothing() -> None:
    assert [text.count("<!-- not run:") for text in PAGES.values()] == [
        sum(bool(block.reason) for block in blocks) for blocks in BLOCKS.values()
    ]


def test_pages_that_others_run_are_run_there() -> None:
    for page, test in ELSEWHERE.items():
        assert page not in PAGES or page in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks and page not in WRITES_A_PLUGIN])
def test_what_a_page_shows_is_known(page: str, prepared: Path, tmp_path: Path) -> None:
    folder = copy_of(prepared, tmp_path / "folder")
    write_files(BLOCKS[page], folder)
    for block in BLOCKS[page]:
        check(block, folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", SPANS)
def test_what_a_sentence_names_is_known(page: str, prepared: Path, tmp_path: Path) -> None:
    folder = copy_of(prepared, tmp_path / "folder")
    write_files(BLOCKS[page], folder)
    for span in SPANS[page]:
        check(span, folder)


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
        ("```sh\nROOP_QUALITY=900 roop run ...\n```\n", "ROOP_QUALITY"),
        ("```sh\nroop run ... --on-no-face copy\n```\n", "'copy'"),
        ("```sh\nroop run ... --quality 9000\n```\n", "'9000'"),
        ("```sh\nroop run ... --processors swaper\n```\n", "'swaper'"),
        ("```sh\nroop run ... --trim-start abc\n```\n", "abc"),
        ("```sh\nroop run ... --face-selector-mode everyone\n```\n", "'everyone'"),
        ("```sh\nroop run ... --swapper-engine nosuch\n```\n", "'nosuch'"),
        ("```sh\nroop run ... --export nosuch\n```\n", "'nosuch'"),
        ("```sh\nroop run ... --pixelate-style dots --processors pixelate\n```\n", "'dots'"),
        ("```sh\nroop run ... -o out.xyz\n```\n", "xyz"),
        ("```sh\nroop preview ... --at abc\n```\n", "abc"),
        ("```sh\nroop faces ... --order up-down\n```\n", "'up-down'"),
        ("```sh\nroop upload ... --to nowhere\n```\n", "'nowhere'"),
        ("```sh\nroop plugins new my-x --kind procesor\n```\n", "'procesor'"),
        ("```sh\nroop plugins check swaper\n```\n", "'swaper'"),
        ("```sh\nroop models pull inswaper_128\n```\n", "inswaper_128"),
        ("```sh\nroop run -o out.mp4\n```\n", "--target is missing"),
        ("```toml\n[run]\nquality = 9000\n```\n", "9000"),
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


@pytest.mark.parametrize(
    "text",
    [
        "roop run ... --quality 80 --pixelate-style fill --processors pixelate --export frames-csv",
        "roop run -s gone.jpg -t gone.mp4 -o gone/out.mp4 --swapper-engine inswapper_128",
        "roop run --job gone.json --quality 3",
        "roop run ... --plugin gone/mine.py --processors swapper,mine",
        "roop --config gone.toml run ...",
        "roop faces ... --like gone.jpg",
        "roop faces save anna gone.jpg",
        "roop plugins new my-x --kind processor\nroop plugins check my-x",
        "roop models pull inswapper_128",
    ],
)
def test_what_only_lacks_a_file_or_a_model_is_right(text: str, tmp_path: Path) -> None:
    check(_only(f"```sh\n{text}\n```\n"), tmp_path)
    assert not (tmp_path / "roop-my-x").exists()


def test_what_a_sentence_leaves_out_is_filled_in(tmp_path: Path) -> None:
    (span,) = spans_of("page.md", "So `roop run --quality 9000` it is.")
    with pytest.raises(AssertionError, match="'9000'"):
        check(span, tmp_path)
    check(spans_of("page.md", "So `roop run --quality 90` it is.")[0], tmp_path)


def test_calls_are_found_wherever_they_stand() -> None:
    text = "cd x && ROOP_QUALITY=3 roop run ... -o a \\\n  --json > r.json; uv run roop doctor | roop verify - # roop no\n"
    assert list(roop_calls(text)) == [
        ({"ROOP_QUALITY": "3"}, ["run", "...", "-o", "a", "--json"]),
        ({}, ["doctor"]),
        ({}, ["verify", "-"]),
    ]


def test_lines_that_leave_something_out_do_not_run() -> None:
    assert (
        runs(_only("```sh\nroop run ... --json\nroop run \\\n  ... -q\nroop doctor  # ...\n```\n")) == "roop doctor  # ...\n"
    )


def test_bash_is_there() -> None:
    assert shutil.which("bash")
