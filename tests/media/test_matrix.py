"""The matrix, judged by programs that are none of ours. A name says the input, and what of it was lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from kit import Tint, job, plugins, processor, run
from matrix import PAINTED, ROWS
from matrix_facts import FACTS
from matrix_row import Row
from matrix_seen import PROGRAMS, Seen
from numpy.typing import NDArray

from roop_host import Box, MediaOptions, Processor, RoopError, Window
from roop_host.media.marks import TERMS

pytestmark = pytest.mark.outside
#: Where ``Tint`` paints, upright.
SQUARE = Box(8, 8, 40, 40)
#: A clip is cut into several segments.
LENGTH = 8


class Nothing(Processor):
    """Leaves every frame as it is."""

    def process(self, window: Window) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """A row's files, or why there is no output."""

    source: Seen
    output: Seen
    error: str

    @property
    def made(self) -> Seen:
        """The output. Fails the test where there is none."""
        if self.error:
            pytest.fail(self.error, pytrace=False)
        return self.output


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} can't be found; install ffmpeg and exiftool, as .ci/run does", pytrace=False)


@pytest.fixture(scope="session")
def inputs(_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Row], Path]:
    """Each input is made once."""
    folder = tmp_path_factory.mktemp("inputs")

    @cache
    def of(number: int) -> Path:
        path = folder / f"in-{number}{ROWS[number].source}"
        ROWS[number].made.write(path)
        return path

    return lambda row: of(ROWS.index(row))


@pytest.fixture(scope="session")
def done(inputs: Callable[[Row], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Row], Done]:
    """Each row's job runs once, in a host, with a step that does nothing."""
    found = plugins(processor(Nothing, "nothing"))

    @cache
    def of(number: int) -> Done:
        row = ROWS[number]
        source = inputs(row)
        output = tmp_path_factory.mktemp("output") / f"out{row.output}"
        error = ""
        try:
            run(found, job(source, output, "nothing", media=MediaOptions(segment_frames=LENGTH, **row.options)))
        except RoopError as refusal:
            error = f"no output: {refusal}"
        return Done(Seen(source), Seen(output), error)

    return lambda row: of(ROWS.index(row))


def cases(kind: str) -> list[Any]:
    found = ((row, fact) for row in ROWS for fact in (row.facts if kind == "kept" else getattr(row, kind)))
    return [pytest.param(row, fact, id=f"{row.name}-{fact}") for row, fact in found]


@pytest.mark.parametrize(("row", "fact"), cases("has"))
def test_the_input_is_what_its_name_says(row: Row, fact: str, inputs: Callable[[Row], Path]) -> None:
    assert FACTS[fact].get(Seen(inputs(row))) == row.has[fact]


@pytest.mark.parametrize(("row", "fact"), cases("kept"))
def test_kept(row: Row, fact: str, done: Callable[[Row], Done]) -> None:
    both = done(row)
    what = FACTS[fact]
    before, after = what.get(both.source), what.get(both.made)
    assert what.same(before, after, both.source.tolerance(both.output)), f"{what.words}: {before!r} became {after!r}"


@pytest.mark.parametrize(("row", "fact"), cases("becomes"))
def test_becomes(row: Row, fact: str, done: Callable[[Row], Done]) -> None:
    both = done(row)
    what = FACTS[fact]
    wanted, after = row.becomes[fact], what.get(both.made)
    assert what.same(wanted, after, both.source.tolerance(both.output)), f"{what.words}: {after!r}, not {wanted!r}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_mark_is_there(row: Row, done: Callable[[Row], Done]) -> None:
    output = done(row).made.path
    beside = [path for path in output.parent.iterdir() if path != output]
    files = sorted(output.iterdir()) if output.is_dir() else [output]
    for file in files:
        said = [Seen(file).exif, *(Seen(path).exif for path in beside if path.stem in (file.stem, file.name))]
        terms = [value for one in said for key, value in one.items() if key.replace("_", "").lower() == "digitalsourcetype"]
        assert terms, f"exiftool finds no DigitalSourceType in {file.name} or beside it"
        assert all(str(term).startswith(TERMS) for term in terms)
        assert any("Synthetic media" in str(value) for one in said for value in one.values()), "no comment says it"


@pytest.mark.parametrize("row", PAINTED, ids=lambda row: row.name)
def test_luma_outside_of_what_was_painted_keeps_its_bits(row: Row, inputs: Callable[[Row], Path], tmp_path: Path) -> None:
    source, output = inputs(row), tmp_path / "out.mkv"
    media = MediaOptions(segment_frames=LENGTH, encoder="ffv1")
    run(plugins(processor(Tint, "tint")), job(source, output, "tint", media=media))
    painted = 0
    turn = getattr(row.made, "turn", 0)
    for before, after in zip(luma(source), luma(output), strict=True):
        height, width = before.shape
        box = SQUARE.to_coded(turn, width, height)
        inside = (slice(box.y0, box.y1), slice(box.x0, box.x1))
        painted += not np.array_equal(before[inside], after[inside])
        after[inside] = before[inside]
        assert np.array_equal(before, after)
    assert painted


def luma(path: Path) -> Iterator[NDArray[Any]]:
    """The first plane of every frame that is shown; of R, G, B it is green."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.format.is_rgb:
                frame = frame.reformat(format="gbrap" if len(frame.format.components) == 4 else "gbrp")
            plane = frame.planes[0]
            kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
            rows = np.frombuffer(plane, kind).reshape(plane.height, -1)  # type: ignore[call-overload]
            yield rows[:, : plane.width].copy()
