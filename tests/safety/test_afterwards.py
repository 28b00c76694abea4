"""Plugins that write the output when it is finished: success is said of what the host has made, and of nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import rogue_wheels as code
from kit import FAST, Bucket, acting, job, left, plugins, processor, refused, run, uploader
from PIL import Image
from screened import CALM, SPOILS, Leave, clip_of, flat, in_red, with_bad
from terminal import roop
from wheels import plugin_wheel, unpack

from roop_host import Artifact, ExecutionOptions, Host, Plugins, Receipt, RoopError, Wish
from roop_host.runner import made

Change = Callable[[Path], object]


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(flat()).save(path)
    return path


def ending(act: Callable[[], object], *more: object) -> Plugins:
    """A step that does nothing until the job ends."""

    class Ends(Leave):
        def end(self) -> None:
            act()

    return plugins(processor(Ends, "ends"), *more)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", SPOILS)
def test_a_step_that_changes_the_output_at_its_end_is_found_out(change: Change, picture: Path, tmp_path: Path) -> None:
    output, log = tmp_path / "o.png", tmp_path / "audit.jsonl"
    what = job(picture, output, "ends", execution=ExecutionOptions(audit_log=str(log)))
    error = refused(ending(lambda: change(output)), what)
    assert error.exit_code == 7
    assert f"changed or removed {output} after it was screened" in str(error)
    assert error.report is not None
    assert (error.report.output, error.report.status) == (None, "failed")
    line = json.loads(log.read_text())
    assert (line["status"], line["outputs"]) == ("failed", [])


def test_that_holds_for_an_older_file_too_whose_times_are_put_back(picture: Path, tmp_path: Path) -> None:
    """What is old enough to be known by its times is read again as soon as they move."""
    clip = clip_of(tmp_path / "in.mp4", with_bad(20))
    output = tmp_path / "o.mp4"

    def spoil() -> None:
        status = output.stat()
        data = bytearray(output.read_bytes())
        data[-20] ^= 1
        output.write_bytes(data)
        os.utime(output, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert refused(ending(spoil), job(clip, output, "ends")).exit_code == 7


def test_what_stands_beside_the_output_is_compared_too(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(20))
    kept = tmp_path / "kept"
    found = ending(lambda: in_red(kept / "000003.png"))
    error = refused(found, job(clip, tmp_path / "o.mp4", "ends", media=replace(FAST, keep_frames=str(kept))))
    assert f"changed or removed {kept / '000003.png'} after it was screened" in str(error)
    assert error.report is not None
    assert error.report.beside == ()


def folder_of(path: Path) -> Path:
    path.mkdir()
    for number in range(2):
        Image.fromarray(flat(CALM)[number:]).save(path / f"{number}.png")
    return path


def test_of_a_folder_every_picture_is_compared(tmp_path: Path) -> None:
    pictures, output = folder_of(tmp_path / "in"), tmp_path / "o"
    error = refused(ending(lambda: in_red(output / "1.png")), job(pictures, output, "ends"))
    assert (error.exit_code, str(output / "1.png") in str(error)) == (7, True)


def test_a_picture_that_joins_a_folder_at_the_end_is_told(tmp_path: Path) -> None:
    pictures, output, log = folder_of(tmp_path / "in"), tmp_path / "o", tmp_path / "audit.jsonl"
    found = ending(lambda: in_red(output / "more.png"))
    report = run(found, job(pictures, output, "ends", execution=ExecutionOptions(audit_log=str(log))))
    assert [notice for notice in report.notices if "more.png" in notice and "was not screened" in notice]
    assert left(output) == ["0.png", "1.png", "more.png"]
    assert len(json.loads(log.read_text())["outputs"]) == 2  # nobody vouches for the third


def test_an_earlier_error_stays_the_error(picture: Path, tmp_path: Path) -> None:
    class Breaks(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            raise ConnectionError("reset by peer")

    output = tmp_path / "o.png"
    found = ending(lambda: in_red(output), uploader(Breaks))
    error = refused(found, replace(job(picture, output, "ends"), uploads=("bucket",)))
    assert error.exit_code == 8
    assert "changed or removed" in str(error)
    assert error.report is not None
    assert error.report.output is None


def test_an_uploader_that_does_it_at_its_end(picture: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.png"
    acts = acting("uploader", Bucket, lambda where: in_red(output) if where.endswith("end") else None, "end")
    error = refused(
        plugins(processor(Leave, "leave"), uploader(acts)), replace(job(picture, output, "leave"), uploads=("bucket",))
    )
    assert error.exit_code == 7


def test_a_preview_is_compared_too(picture: Path, tmp_path: Path) -> None:
    shown = tmp_path / "p.png"
    with Host(ending(lambda: in_red(shown))) as host, pytest.raises(RoopError, match="changed or removed") as caught:
        host.preview(job(picture, tmp_path / "o.png", "ends"), Wish(0, picture=str(shown)))
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("uploads", [(), ("bucket",)])
def test_what_nobody_touches_is_read_twice_and_said(
    uploads: tuple[str, ...], picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = made.read_content

    def counting(path: Path, *more: Callable[[], None]) -> made.Content:
        reads.append(path)
        return read(path, *more)

    monkeypatch.setattr(made, "read_content", counting)
    monkeypatch.setattr(made, "_YOUNG_NS", 0)
    output, log = tmp_path / "o.png", tmp_path / "audit.jsonl"
    what = job(picture, output, "leave", execution=ExecutionOptions(audit_log=str(log)))
    report = run(plugins(processor(Leave, "leave"), uploader(Bucket)), replace(what, uploads=uploads))
    assert report.output == str(output)
    assert [path.name for path in reads] == ["output.png", "o.png"]
    data = output.read_bytes()
    assert json.loads(log.read_text())["outputs"] == [{"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}]


LAST = {
    "at its end": "def end(self):\n    {write}",
    "when it is torn down": "def teardown(self):\n    {write}",
    "as an observer": "",
}


@pytest.mark.parametrize("body", LAST.values(), ids=LAST.keys())
def test_the_command_looks_when_every_plugin_has_ended(body: str, picture: Path, tmp_path: Path) -> None:
    output, site = tmp_path / "o.png", tmp_path / "site"
    site.mkdir()
    write = f"Path({str(output)!r}).write_bytes(b'rogue')"
    text = code.processor("def process(self, window):\n    pass\n" + body.format(write=write))
    if not body:
        text += f"\n@hookimpl\ndef roop_job_finished(job, report):\n    {write}\n"
    unpack(plugin_wheel(tmp_path / "wheels", "rogue", text), site)
    done = roop("run", "-t", picture, "-o", output, "--processors", "rogue", site=site)
    assert done.returncode == 7, done.stderr
    assert f"changed or removed {output} after it was screened" in done.stderr
    assert "marked as synthetic" not in done.stderr
