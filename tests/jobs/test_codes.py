"""The QR code of an upload: drawn by the host beside the output, read back, and never over somebody's file."""

from __future__ import annotations

import errno
import logging
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kit import Bucket, Tint, job, left, plugins, processor, refused, run, uploader
from PIL import Image
from qr import code_of, pixels_of_path, seen_in

from roop_host import Artifact, Job, MediaOptions, QrCode, Receipt, UploadError
from roop_host.media.pictures.codes import as_png, as_svg, is_own_code
from roop_host.plugins.found import Plugins
from roop_host.runner import codes
from roop_host.runner.files import stamp_of

URL = "https://abc.example.test/storage/v1/object/sign/clips/o.mp4?token=" + "eyJhbGciOi.J9-_" * 12
NAMES = ["o.png.bucket.qr.png", "o.png.bucket.qr.svg"]


@pytest.fixture
def what(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    picture = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(picture)
    return replace(job(picture, tmp_path / "o.png", "tint", media=MediaOptions()), uploads=("bucket",))


def giving(code: object, url: str | None = URL) -> Plugins:
    class Coded(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            return Receipt(url, code=code)  # type: ignore[arg-type]

    return plugins(processor(Tint, "tint"), uploader(Coded))


def test_a_code_stands_beside_the_output_and_in_the_report(what: Job, tmp_path: Path) -> None:
    code = code_of(URL)
    report = run(giving(code), what)
    assert left(tmp_path) == ["o.png", *NAMES]
    assert report.beside == tuple(str(tmp_path / name) for name in NAMES)
    assert (report.uploads[0].code, report.notices) == (code.rows, ())
    assert (tmp_path / NAMES[0]).stat().st_mode == (tmp_path / "o.png").stat().st_mode


@pytest.mark.parametrize(("files", "shown"), [(False, True), (True, False), (False, False)])
def test_what_is_not_wanted_of_it_is_left_out(files: bool, shown: bool, what: Job, tmp_path: Path) -> None:
    report = run(giving(code_of(URL, files=files, shown=shown)), what)
    assert left(tmp_path) == ["o.png", *(NAMES if files else ())]
    assert bool(report.uploads[0].code) == shown


@pytest.mark.parametrize("error", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("scale", [4, 8, 11])
def test_both_files_lead_to_the_address(error: str, scale: int, tmp_path: Path) -> None:
    code = code_of(URL, error, scale=scale)
    (path_png, path_svg), notices = codes.draw(code, tmp_path / "o.mp4", "bucket")
    assert notices == ()
    side = len(code.rows) + 8
    with Image.open(path_png) as image:
        assert (image.mode, image.size) == ("1", (side * scale, side * scale))
        grey = np.asarray(image.convert("L"))
    assert seen_in(grey) == URL
    svg = ElementTree.parse(path_svg).getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert (svg.get("viewBox"), svg.get("width"), svg.get("shape-rendering")) == (
        f"0 0 {side} {side}",
        str(side * scale),
        "crispEdges",
    )
    (path,) = svg.findall(f"{name}path")
    dark = pixels_of_path(side, path.attrib["d"])
    assert np.array_equal(np.kron(dark, np.ones((scale, scale), bool)), grey == 0)
    assert not dark[[0, 1, 2, 3, -1, -2, -3, -4]].any()
    assert not dark[:, [0, 1, 2, 3, -1, -2, -3, -4]].any()
    assert (dark[4:-4, 4:-4] == np.array([[int(one) for one in row] for row in code.rows], bool)).all()


@pytest.mark.parametrize("length", [10, 300, 1200, 2000])
def test_codes_of_every_length_are_read(length: int) -> None:
    url = "https://example.test/" + "aB3-" * (length // 4)
    assert codes.leads_to(code_of(url, "L"), url)
    assert not codes.leads_to(code_of(url, "L"), url[:-1])


def test_what_leads_elsewhere_is_not_drawn(what: Job, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 2, (177, 177))
    picture = QrCode(tuple("".join(map(str, row)) for row in noise))
    for code in (code_of("https://elsewhere.test/"), picture):
        report = run(giving(code), replace(what, media=replace(what.media, overwrite=True)))
        assert left(tmp_path) == ["o.png"]
        assert report.uploads[0].url == URL
        assert (report.uploads[0].code, report.beside) == ((), ())
        assert "the QR code that the uploader bucket (roop-t1 0) gave does not lead to its address" in report.notices[0]
        assert "token" not in report.notices[0]


def broken(code: QrCode, **fields: Any) -> QrCode:
    """As no constructor would let it be."""
    for name, value in fields.items():
        object.__setattr__(code, name, value)
    return code


class Unchecked(QrCode):
    def __post_init__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "url", "said"),
    [
        (Unchecked(("12",)), URL, "ValueError: a code has"),
        (("1" * 21,) * 21, URL, "it is a tuple and no QrCode"),
        (code_of(URL), None, "there is no address that it could lead to"),
        (broken(code_of(URL), rows=("10",)), URL, "ValueError: a code has"),
        (broken(code_of(URL), rows=7), URL, "TypeError: "),
        (broken(code_of(URL), scale=4000), URL, "ValueError: a module of a code is"),
    ],
)
def test_an_upload_with_what_is_no_code_went_well(
    code: object, url: str | None, said: str, what: Job, tmp_path: Path
) -> None:
    report = run(giving(code, url), what)
    assert [(sent.url, sent.code) for sent in report.uploads] == [(url, ())]
    (notice,) = report.notices
    assert f"the QR code that the uploader bucket (roop-t1 0) gave can't be drawn ({said}" in notice
    assert notice.endswith("; use the address") == (url is not None)
    assert left(tmp_path) == ["o.png"]


@pytest.mark.parametrize("side", [20, 22, 23, 181])
def test_a_code_has_the_sides_of_one(side: int) -> None:
    with pytest.raises(ValueError, match="modules on a side"):
        QrCode(("1" * side,) * side)


def test_an_earlier_code_is_replaced(what: Job, tmp_path: Path) -> None:
    run(giving(code_of("https://example.test/1"), "https://example.test/1"), what)
    report = run(giving(code_of(URL, scale=3)), replace(what, media=replace(what.media, overwrite=True)))
    assert (left(tmp_path), report.notices) == (["o.png", *NAMES], ())
    assert seen_in(cv2.resize(cv2.imread(str(tmp_path / NAMES[0]), cv2.IMREAD_GRAYSCALE), None, fx=2, fy=2)) == URL
    assert (tmp_path / NAMES[1]).read_bytes() == as_svg(code_of(URL, scale=3))


@pytest.mark.parametrize("fails", [False, True])
def test_a_code_that_is_not_drawn_anew_is_told(fails: bool, what: Job, tmp_path: Path) -> None:
    class Refuses(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            raise UploadError("no space left there")

    codes.draw(code_of("https://example.test/1"), tmp_path / "o.png", "bucket")
    codes.draw(code_of("https://example.test/2"), tmp_path / "o.png.x.png", "bucket")
    picture_of_a_cat(tmp_path / "o.png.other.qr.png")
    if fails:
        error = refused(plugins(processor(Tint, "tint"), uploader(Refuses)), what)
        assert error.report is not None
        report = error.report
    else:
        report = run(giving(None, None), replace(what, uploads=()))
    assert report.notices == (
        f"the QR codes {tmp_path / NAMES[0]} and 1 more lead to an earlier output of that name and not to this one: "
        "delete what you no longer need",
    )
    assert is_own_code(tmp_path / NAMES[0])


def test_in_a_folder_the_codes_of_each_picture_count(what: Job, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(folder / name)
    media = MediaOptions(folder="pictures", overwrite=True)
    asked = replace(what, target=str(folder), output=str(output), media=media, uploads=())
    assert run(giving(None), asked).notices[1:] == ()
    for name in ("a.png", "c.png"):
        (path_png, _), _ = codes.draw(code_of(URL), output / name, "bucket")
        path_png.unlink()
    assert run(giving(None), asked).notices[1:] == (
        f"the QR code {output / 'a.png.bucket.qr.svg'} leads to an earlier output of that name and not to this one: "
        "delete what you no longer need",
    )


def picture_of_a_cat(path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).convert("1").save(path, "PNG")


def edited(path: Path) -> None:
    svg = path.suffix == ".svg"
    content = as_svg(code_of(URL)) if svg else as_png(code_of(URL))
    path.write_bytes(content.replace(b"<rect", b"<text>mine</text><rect") if svg else content.replace(b"roop", b"pens"))


def link_to_own(path: Path) -> None:
    own = path.parent.parent / "own"
    own.write_bytes(as_svg(code_of(URL)) if path.suffix == ".svg" else as_png(code_of(URL)))
    path.symlink_to(own)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "make", [picture_of_a_cat, edited, Path.mkdir, Path.touch, link_to_own, lambda path: path.symlink_to("nowhere")]
)
def test_what_is_not_its_own_stays(make: Callable[[Path], None], number: int, what: Job, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    foreign = folder / NAMES[number]
    make(foreign)
    before = stamp_of(foreign.lstat())
    report = run(giving(code_of(URL)), replace(what, output=str(folder / "o.png")))
    assert stamp_of(foreign.lstat()) == before
    assert report.beside == (str(folder / NAMES[1 - number]),)
    assert report.notices == (
        f"{foreign} is no QR code of roop's making, so it stays and the new code is not written there; move it elsewhere",
    )
    assert left(folder) == ["o.png", *NAMES]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = codes.publish

    def late(files: Any, overwrite: bool) -> None:
        files[0][1].write_text("mine")
        original(files, overwrite)

    monkeypatch.setattr(codes, "publish", late)
    drawn, notices = codes.draw(code_of(URL), tmp_path / "o.mp4", "bucket")
    assert (drawn, len(notices)) == ((), 2)
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["mine", "mine"]


def test_a_name_that_is_too_long_is_a_notice(what: Job, tmp_path: Path) -> None:
    name = "o" * 241 + ".png"
    report = run(giving(code_of(URL)), replace(what, output=str(tmp_path / name)))
    assert (left(tmp_path), report.status, report.beside) == ([name], "done", ())
    (notice,) = report.notices
    assert f"{name}.bucket.qr.png can't be written ({os.strerror(errno.ENAMETOOLONG)})" in notice
    assert "use its address" in notice


def test_a_full_disk_is_a_notice(what: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.open

    def full(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if mode == "xb":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return original(path, mode, *more, **named)

    monkeypatch.setattr(Path, "open", full)
    report = run(giving(code_of(URL)), what)
    assert left(tmp_path) == ["o.png"]
    assert [os.strerror(errno.ENOSPC) in notice for notice in report.notices] == [True]


def test_a_closed_folder_is_a_notice(what: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(files: Any, overwrite: bool) -> None:
        raise codes.RoopError("closed") from PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(codes, "publish", closed)
    report = run(giving(code_of(URL)), what)
    assert left(tmp_path) == ["o.png"]
    assert [os.strerror(errno.EACCES) in notice for notice in report.notices] == [True]


def test_each_uploader_has_its_own_code(what: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Second(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            return Receipt("https://second.test/", code=code_of("https://second.test/"))

    class Third(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            raise UploadError("no space left there")

    caplog.set_level(logging.DEBUG)
    found = giving(code_of(URL))
    more = plugins(processor(Tint, "tint"), uploader(Second, "second"), uploader(Third, "third"))
    for name in ("second", "third"):
        found.declared["roop_uploaders"][name] = more.declared["roop_uploaders"][name]
    error = refused(found, replace(what, uploads=("bucket", "third", "second")))
    assert left(tmp_path) == ["o.png", *NAMES, *(name.replace("bucket", "second") for name in NAMES)]
    assert error.report is not None
    assert len(error.report.beside) == 4
    assert error.report.notices == ()  # nothing of it was written by something else
    assert "token" not in f"{error} {caplog.text}"  # who has the address has the file


def test_a_code_of_an_output_that_was_changed_is_not_drawn(what: Job, tmp_path: Path) -> None:
    class Changes(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.path.write_bytes(b"other")
            return Receipt(URL, code=code_of(URL))

    error = refused(plugins(processor(Tint, "tint"), uploader(Changes)), what)
    assert (error.exit_code, left(tmp_path)) == (7, ["o.png"])


def test_an_input_is_never_replaced(what: Job, tmp_path: Path) -> None:
    codes.draw(code_of(URL), tmp_path / "o.png", "bucket")
    error = refused(giving(code_of(URL)), replace(what, target=str(tmp_path / NAMES[0])))
    assert (error.exit_code, "is also an input" in str(error)) == (2, True)
    assert left(tmp_path) == NAMES
