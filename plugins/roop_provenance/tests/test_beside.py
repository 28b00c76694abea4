"""What stands beside a file: named to ``roop verify`` in the file's place, or left there by an earlier file."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import signed as kit
from kit import FAST, Tint, job, plugins, processor, run
from PIL import Image

from roop_provenance.verify import verify

Capture = pytest.CaptureFixture[str]
OVER = replace(FAST, overwrite=True)


@pytest.fixture
def output(source: Path, targets: dict[str, Path], tmp_path: Path) -> Path:
    """A file that holds nothing itself: credentials and marks stand beside it."""
    kit.signed(source, targets["picture"], tmp_path / "out.bmp")
    return tmp_path / "out.bmp"


def told(path: Path, capsys: Capture) -> tuple[int, str, str]:
    capsys.readouterr()
    code = verify([str(path)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("suffix", [".c2pa", ".xmp"])
def test_its_name_stands_for_the_file(suffix: str, output: Path, capsys: Capture) -> None:
    beside = output.with_name(f"out.bmp{suffix}")
    code, out, _ = told(beside, capsys)
    note = f"  note: out.bmp{suffix} speaks for the file beside it, so that one was read\n"
    assert (code, out.startswith(f"{output}: BMP picture\n"), note in out) == (0, True, True)
    assert out.replace(note, "") == told(output, capsys)[1]
    output.unlink()
    code, out, err = told(beside, capsys)
    assert (code, out) == (3, "")
    assert err == (
        f"roop: {beside} speaks for another file and says nothing alone; put {output} beside it, and name that one\n"
    )


def test_what_is_no_such_file_is_read_whatever_it_is_called(output: Path, tmp_path: Path, capsys: Capture) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "other.xmp", "PNG")
    assert told(tmp_path / "other.xmp", capsys)[1].startswith(f"{tmp_path / 'other.xmp'}: PNG picture\n")
    (tmp_path / "folder").mkdir()
    shutil.copy(tmp_path / "out.bmp.c2pa", tmp_path / "folder.c2pa")
    assert "says nothing alone" in told(tmp_path / "folder.c2pa", capsys)[2]


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_an_earlier_run_left_is_told_and_does_not_speak_for_the_new_file(
    overwrite: bool, output: Path, tmp_path: Path, capsys: Capture
) -> None:
    beside = output.with_name("out.bmp.c2pa")
    before = beside.read_bytes()
    if not overwrite:
        output.unlink()
        output.with_name("out.bmp.xmp").unlink()
    other = tmp_path / "other.png"
    Image.new("RGB", (32, 32), "teal").save(other)
    report = run(plugins(processor(Tint, "tint")), job(other, output, "tint", media=replace(FAST, overwrite=overwrite)))
    assert [line for line in report.notices if str(beside) in line] == [
        f"{beside} is of an earlier file of that name and not of this output: delete it, or it says what is not so"
    ]
    assert beside.read_bytes() == before
    code, out, _ = told(output, capsys)
    assert code == 3
    assert "are not of this file: it was changed since, or they are of an earlier one" in out.splitlines()[1]
    assert 'unsigned marks beside the file say: the step "tint" ran' in out.splitlines()[1]


def test_a_second_run_replaces_its_own_and_says_nothing(
    output: Path, source: Path, targets: dict[str, Path], capsys: Capture
) -> None:
    report = kit.signed(source, targets["picture"], output, media=OVER)
    assert not [line for line in report.notices if "earlier file" in line]
    assert told(output, capsys)[0] == 0


def test_credentials_inside_come_first_and_those_beside_are_told(
    output: Path, source: Path, targets: dict[str, Path], capsys: Capture
) -> None:
    png = output.with_suffix(".png")
    shutil.copy(output.with_name("out.bmp.c2pa"), png.with_name("out.png.c2pa"))
    report = kit.signed(source, targets["picture"], png, media=OVER)
    assert any("out.png.c2pa is of an earlier file" in line for line in report.notices)
    code, out, _ = told(png, capsys)
    assert (code, "note: the .c2pa file beside it was not read" in out) == (0, True)


def test_in_a_folder_each_picture_is_looked_at(source: Path, tmp_path: Path) -> None:
    pictures, made = tmp_path / "in", tmp_path / "out"
    pictures.mkdir()
    made.mkdir()
    for name, size in (("a", 40), ("b", 48)):
        Image.new("RGB", (size, size)).save(pictures / f"{name}.png")
        (made / f"{name}.png.c2pa").write_bytes(b"old")
    (made / "other.png.xmp").write_bytes(b"of another")
    report = run(plugins(processor(Tint, "tint")), job(pictures, made, "tint", media=OVER))
    (line,) = (line for line in report.notices if "earlier file" in line)
    assert line.startswith(f"{made / 'a.png.c2pa'} and 1 more is of an earlier file")


def test_a_label_alone_is_told_as_what_a_person_did(output: Path, capsys: Capture) -> None:
    packet = output.with_name("out.bmp.xmp")
    output.with_name("out.bmp.c2pa").unlink()
    packet.write_bytes(packet.read_bytes().replace(b"compositeWithTrainedAlgorithmicMedia", b"humanEdits"))
    capsys.readouterr()
    assert verify([str(output), "--json"]) == 0
    marks = json.loads(capsys.readouterr().out)["files"][0]["marks"]
    assert any(mark["value"].endswith("/humanEdits") for mark in marks)
    assert "real material that a person changed [DigitalSourceType humanEdits]" in told(output, capsys)[1]
