"""What a terminal shows of an upload: its address, and a code that is the one that was given."""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qr import code_of, modules_of_lines, seen_in

from roop_host import FailedUpload, PluginError, Progress, Report, RoopError, Uploaded
from roop_host.cli.app import call
from roop_host.cli.codes import drawn
from roop_host.cli.execute import _progress, _tell_done, _tell_failed
from roop_host.cli.upload import _tell
from roop_host.errors import UploadError

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
SHOW = {"told": (), "json": False, "quiet": False, "debug": False}
URL = "https://abc.example.test/o?token=eyJhbGciOi"
CODE = code_of(URL, "L")
SIDE = len(CODE.rows) + 8
LINES = (SIDE + 1) // 2
REPORT = Report(
    output="/out/o.mp4",
    uploads=(Uploaded("bucket", "/out/o.mp4", URL, {"size": "5.2 MB", "expires": "in 7 days"}, CODE.rows),),
    beside=("/out/o.mp4.bucket.qr.png", "/out/o.mp4.bucket.qr.svg"),
    notices=("take a lesser key",),
)
on_posix = pytest.mark.skipif(os.name != "posix", reason="has no terminals of one's own making")


class Terminal:
    """A real one of a given size, in place of stderr."""

    def __init__(self, columns: int, lines: int, encoding: str) -> None:
        import fcntl
        import pty
        import termios

        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.stream = open(slave, "w", encoding=encoding, errors="backslashreplace")  # noqa: PTH123,SIM115
        self._seen: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 1 << 16)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            self._seen.append(piece)

    def close(self) -> str:
        """All that was shown."""
        self.stream.close()
        self._reader.join()
        os.close(self._master)
        return b"".join(self._seen).decode("utf-8").replace("\r\n", "\n")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def show(tell: Callable[[], object], columns: int = SIDE, lines: int = LINES + 1, encoding: str = "utf-8") -> str:
        terminal = Terminal(columns, lines, encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal.stream)
            tell()
        return terminal.close()

    return show


def blocks_of(text: str) -> list[str]:
    """The lines of a code, each black on white and all of it."""
    start, end = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
    lines = [line for line in text.splitlines() if "\x1b" in line]
    assert all(line.startswith(start) and line.endswith(end) and line.count("\x1b") == 2 for line in lines)
    return [line.removeprefix(start).removesuffix(end) for line in lines]


@pytest.mark.parametrize("length", [5, 100, 300])
def test_what_is_drawn_is_the_code(length: int) -> None:
    url = "https://example.test/" + "x" * length
    code = code_of(url)
    dark = modules_of_lines(list(drawn(code.rows)))
    side = len(code.rows) + 8
    assert dark.shape == (side + side % 2, side)
    assert not dark[side:].any()
    inner = dark[4 : side - 4, 4:-4]
    assert np.array_equal(inner, np.array([[int(one) for one in row] for row in code.rows], bool))
    assert inner.sum() == dark.sum()
    assert seen_in(np.kron(np.where(dark, 0, 255).astype(np.uint8), np.ones((4, 4), np.uint8))) == url


@on_posix
def test_a_terminal_shows_address_details_and_code(shown: Callable[..., str]) -> None:
    said = shown(lambda: _tell_done(REPORT, SHOW))
    assert f"roop: bucket: {URL}\nroop: bucket: size 5.2 MB, expires in 7 days\n" in said
    lines = blocks_of(said)
    assert (len(lines), {len(line) for line in lines}) == (LINES, {SIDE})
    assert np.array_equal(modules_of_lines(lines), modules_of_lines(list(drawn(CODE.rows))))
    assert "takes" not in said
    assert "\x1b" in said.splitlines()[-1]  # the last, or it would be scrolled away
    assert said.index("its QR code") < said.index("\x1b")


@on_posix
def test_a_failed_job_shows_what_was_sent_all_the_same(shown: Callable[..., str]) -> None:
    error = UploadError("the second failed")
    error.report = REPORT
    said = shown(lambda: _tell_failed(error, SHOW))
    assert said == (
        f"roop: take a lesser key\nroop: bucket: {URL}\nroop: bucket: size 5.2 MB, expires in 7 days\n"
        "/out/o.mp4.bucket.qr.png: its QR code\n/out/o.mp4.bucket.qr.svg: its QR code\nroop: the second failed\n"
    )


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (replace(REPORT, output=None, job={"output": None, "uploads": ["bucket"]}), True),
        (replace(REPORT, output=None, job={"output": "/out/o.mp4", "uploads": ["bucket"]}), False),
        (replace(REPORT, output=None, job={"output": None, "uploads": []}), False),
        (replace(REPORT, output=None), False),
        (REPORT, True),
    ],
)
def test_a_failure_tells_notices_where_there_is_what_they_are_about(
    report: Report, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    error = UploadError("it failed")
    error.report = report
    _tell_failed(error, SHOW)
    assert ("roop: take a lesser key\n" in capsys.readouterr().err) == told


@pytest.mark.parametrize(("error", "others"), [(UploadError("the first"), 1), (PluginError("it was changed"), 2)])
def test_each_other_failure_is_told_after_the_error(
    error: RoopError, others: int, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = tuple(FailedUpload("bucket", f"/out/{name}.mp4", f"no room\nfor {name}") for name in "ab")
    error.report = Report(failed_uploads=failures)
    _tell_failed(error, {**SHOW, "quiet": True})
    told = [f"roop: bucket: /out/{name}.mp4: no room for {name}" for name in "ab"]
    assert capsys.readouterr().err.splitlines() == [f"roop: {error}", *told[-others:]]
    _tell_failed(error, {**SHOW, "json": True})
    said = capsys.readouterr()
    assert (said.err, len(json.loads(said.out)["failed_uploads"])) == (f"roop: {error}\n", 2)


@on_posix
@pytest.mark.parametrize("place", ["PNG", "nowhere"])
@pytest.mark.parametrize(("columns", "lines"), [(SIDE - 1, 100), (200, LINES), (0, 0)])
def test_a_code_that_does_not_fit_is_named(columns: int, lines: int, place: str, shown: Callable[..., str]) -> None:
    report = REPORT if place == "PNG" else replace(REPORT, beside=())
    said = shown(lambda: _tell_done(report, SHOW), columns, lines)
    assert blocks_of(said) == []
    more = "take /out/o.mp4.bucket.qr.png" if place == "PNG" else "use the address"
    room = f"takes {SIDE} columns and {LINES + 1} lines to show"
    assert f"roop: bucket: the QR code {room}; make the window larger next time, or {more}\n" in said


@on_posix
@pytest.mark.parametrize("tell", [_tell_done, _tell])
@pytest.mark.parametrize("place", ["PNG", "nowhere"])
def test_of_several_codes_none_is_drawn(tell: Callable[..., None], place: str, shown: Callable[..., str]) -> None:
    sent = (*REPORT.uploads, replace(REPORT.uploads[0], uploader="crate"))
    beside = (*REPORT.beside, "/out/o.mp4.crate.qr.png") if place == "PNG" else ()
    said = shown(lambda: tell(replace(REPORT, uploads=sent, beside=beside), SHOW), 200, 100)
    assert blocks_of(said) == []
    assert said.count(URL) == 2
    assert ("a QR code is drawn only where it is the only one; use the addresses" in said) == (place == "nowhere")
    assert ("/out/o.mp4.crate.qr.png: its QR code" in said) == (place == "PNG")


@on_posix
def test_a_sent_file_shows_its_code_last(shown: Callable[..., str]) -> None:
    said = shown(lambda: _tell(REPORT, SHOW))
    assert (len(blocks_of(said)), "\x1b" in said.splitlines()[-1]) == (LINES, True)


@on_posix
@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1"), ("encoding", "cp1252")])
def test_a_terminal_that_can_not_show_it_says_where_it_is(
    name: str, value: str, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name != "encoding":
        monkeypatch.setenv(name, value)
    said = shown(lambda: _tell_done(REPORT, SHOW), encoding="cp1252" if name == "encoding" else "utf-8")
    assert "roop: bucket: the QR code is in /out/o.mp4.bucket.qr.png, as this terminal can't show it\n" in said
    assert not set(said) & set("▀▄█\x1b")


@on_posix
@pytest.mark.parametrize("word", ["quiet", "json"])
def test_where_few_words_are_wanted_nothing_is_drawn(
    word: str, shown: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = shown(lambda: _tell_done(REPORT, {**SHOW, word: True}))
    assert said == "roop: take a lesser key\n" + (f"roop: bucket: {URL}\n" if word == "quiet" else "")
    out = capsys.readouterr().out
    assert (json.loads(out)["uploads"][0]["code"] if out else None) == (list(CODE.rows) if word == "json" else None)


def test_a_pipe_gets_the_words_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _tell_done(REPORT, SHOW)
    said = capsys.readouterr()
    assert said.out == ""
    assert not set(said.err) & set("▀▄█\x1b")
    assert "the QR code" not in said.err
    assert "/out/o.mp4.bucket.qr.png: its QR code\n" in said.err


@on_posix
def test_a_bar_counts_bytes_and_begins_anew_for_the_next_upload(shown: Callable[..., str]) -> None:
    def two() -> None:
        with _progress(SHOW) as on_progress:
            for done in (0, 2_500_000, 5_000_000, 0, 1_000_000):
                on_progress(Progress("uploading", done, 5_000_000, 0.0, 0, "bytes"))
                time.sleep(0.15)  # until it is drawn

    said = shown(two, 100, 30)
    assert "2.5/5.0 MB" in said
    after = said[said.rindex("1.0/5.0 MB") :]
    assert "0:00:00" not in after


def test_a_run_tells_of_its_upload(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path / "state")
    plugin = tmp_path / "bucket.py"
    plugin.write_text(
        f"""
from roop_host import QrCode, Receipt, Uploader, UploaderSpec, hookimpl

ROOP_API = 1


class Bucket(Uploader):
    def upload(self, artifact):
        artifact.sent(artifact.size)
        return Receipt({URL!r}, {{"size": "5.2 MB"}}, QrCode({CODE.rows!r}))


@hookimpl
def roop_uploaders():
    yield UploaderSpec(name="bucket", summary="Keeps it", load=lambda: Bucket)
"""
    )
    words = [
        "run",
        "--plugin",
        str(plugin),
        "-t",
        str(EXAMPLES / "hopper.jpg"),
        "--processors",
        "label",
        "--upload",
        "bucket",
    ]
    assert call([*words, "-o", str(tmp_path / "a.jpg"), "--json"]) == 0
    said = capsys.readouterr()
    report: dict[str, Any] = json.loads(said.out)
    assert report["uploads"][0]["url"] == URL
    assert [Path(path).name for path in report["beside"]] == ["a.jpg.bucket.qr.png", "a.jpg.bucket.qr.svg"]
    assert "token" not in said.err
    assert call([*words, "-o", str(tmp_path / "b.jpg")]) == 0
    assert f"roop: bucket: {URL}\nroop: bucket: size 5.2 MB\n" in capsys.readouterr().err
