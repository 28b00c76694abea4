"""What a target says of itself: that it is synthetic stays so whatever little a step changes, that it is real does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clips import make_clip
from kit import Tint, exporter, job, plugins, processor, run
from PIL import Image

from roop_host import Finished, Finisher, Plugins
from roop_host.media.marks import MADE, TERMS, Marks, said_synthetic

ENHANCED, WARPED, DRAWN, MADE_WHOLE = (
    "algorithmicallyEnhanced",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
)
SUFFIXES = [".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"]


def found(term: str = ENHANCED, *beside: SimpleNamespace) -> Plugins:
    return plugins(processor(Tint, "tint", source_type=term), *beside)


def telling(told: list[str]) -> SimpleNamespace:
    class Telling(Finisher):
        def finish(self, path: Path, about: Finished) -> None:
            told.append(about.source_type)

    return exporter(Telling, "telling", role="finisher")


def picture(path: Path, *, term: str = "") -> Path:
    more: dict[str, Any] = {"xmp": Marks(term, "a note").xmp()} if term else {}
    Image.new("RGB", (48, 32), "teal").save(path, quality=90, **more)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_swap_that_is_enhanced_stays_a_swap(suffix: str, tmp_path: Path) -> None:
    target, swapped, output, told = picture(tmp_path / "t.png"), tmp_path / f"s{suffix}", tmp_path / "o.png", list[str]()
    run(found(DRAWN), job(target, swapped, "tint"))
    report = run(found(ENHANCED, telling(told)), job(swapped, output, "tint"))
    assert (report.source_type, told) == (DRAWN, [DRAWN])
    assert (TERMS + DRAWN).encode() in output.read_bytes()
    assert ENHANCED.encode() not in output.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_so_does_a_clip(suffix: str, tmp_path: Path) -> None:
    swapped, told = tmp_path / f"s{suffix}", list[str]()
    run(found(WARPED), job(make_clip(tmp_path / "t.mp4", frames=3), swapped, "tint"))
    report = run(found(ENHANCED, telling(told)), job(swapped, tmp_path / "o.mp4", "tint"))
    assert (report.source_type, told) == (WARPED, [WARPED])


@pytest.mark.parametrize(
    ("said", "step", "term"),
    [
        (MADE_WHOLE, DRAWN, MADE_WHOLE),
        (WARPED, DRAWN, DRAWN),
        ("algorithmicMedia", ENHANCED, WARPED),
        ("digitalCapture", ENHANCED, ENHANCED),
        ("humanEdits", "digitalCapture", "digitalCapture"),
        (ENHANCED, "digitalCapture", "digitalCapture"),
        ("nonsense", ENHANCED, ENHANCED),
    ],
)
def test_the_strongest_is_told_and_none_that_says_real(said: str, step: str, term: str, tmp_path: Path) -> None:
    target = picture(tmp_path / "t.webp", term=said)
    assert run(found(step), job(target, tmp_path / "o.png", "tint")).source_type == term


def test_of_a_folder_each_picture_speaks_for_itself(tmp_path: Path) -> None:
    folder, output, told = tmp_path / "in", tmp_path / "out", list[str]()
    folder.mkdir()
    for name, term in (("a", ""), ("b", MADE_WHOLE), ("c", "")):
        picture(folder / f"{name}.webp", term=term)
    report = run(found(ENHANCED, telling(told)), job(folder, output, "tint"))
    assert (report.source_type, told) == (MADE_WHOLE, [ENHANCED, MADE_WHOLE, ENHANCED])
    made = {path.name: (TERMS + MADE_WHOLE).encode() in path.read_bytes() for path in output.iterdir()}
    assert made == {"a.webp": False, "b.webp": True, "c.webp": False}


def test_frames_of_one_clip_speak_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, term in enumerate(("", WARPED, "")):
        picture(folder / f"{number}.webp", term=term)
    assert run(found(), job(folder, tmp_path / "o.mp4", "tint")).source_type == WARPED


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ('<rdf:Description Iptc4xmpExt:DigitalSourceType="trainedAlgorithmicMedia"/>', MADE_WHOLE),
        (f"<Iptc4xmpExt:DigitalSourceType>{TERMS}{WARPED}</Iptc4xmpExt:DigitalSourceType>", WARPED),
        (f"{MADE} (swapper)", DRAWN),
        (f"{MADE} (enhancer) {TERMS}{ENHANCED}", ""),
        (f"{MADE_WHOLE} alone is a word", ""),
    ],
)
@pytest.mark.parametrize("before", [0, (4 << 20) - 20, 7 << 20])
def test_it_is_read_wherever_writers_put_it(before: int, text: str, term: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(bytes(before) + text.encode() + bytes(1 << 20))
    assert said_synthetic(path, DRAWN) == term
