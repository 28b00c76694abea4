"""Every kind of output is signed end to end, says what was done, and tells nothing about people."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import signed as kit
import stamps
from kit import FAST, Bucket, Camera, Raw, exporter, left, refused, run, uploader
from kit import source as source_plugin
from PIL import Image

from roop_host import ExecutionOptions, PluginError
from roop_provenance import finisher, signing

#: Output and what it is made of: every kind of file that the host writes, and one that a plugin writes.
ROWS = [
    *((suffix, "picture") for suffix in (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".avif", ".bmp")),
    *((suffix, "animation") for suffix in (".gif", ".webp", ".png", ".apng")),
    *((suffix, "video") for suffix in (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".raw")),
    (".tiff", "pages"),
]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(("suffix", "kind"), ROWS)
def test_every_kind_of_output_is_signed(
    suffix: str, kind: str, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    found = kit.with_provenance(exporter(Raw, "raw", "writer", ".raw"))
    media = replace(FAST, preset="auto") if suffix == ".webm" else FAST
    report = kit.signed(source, targets[kind], output, found, media=media)
    assert report.finished == ("Content Credentials: intact, signed by an unknown signer",)
    beside = suffix in (".mkv", ".webm", ".bmp", ".raw") or kind == "pages"
    assert ((tmp_path / f"out{suffix}.c2pa").exists(), f"{output}.c2pa" in report.beside) == (beside, beside)
    assert kit.state_of(output) == "Valid"
    manifest = kit.told(output)
    assert [action["action"] for action in manifest["actions"]] == ["c2pa.opened", "c2pa.placed", "c2pa.edited"]
    assert manifest["actions"][2]["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert manifest["run"]["target"]["sha256"] == sha256(targets[kind])
    assert [one["sha256"] for one in manifest["run"]["sources"]] == [sha256(source)]
    assert [(one["relationship"], one["title"]) for one in manifest["ingredients"]] == [
        ("parentOf", "target"),
        ("componentOf", "source 1"),
    ]
    assert manifest["run"]["processors"] == ["tint"]
    assert [(one["screener"], one["looks"] > 0) for one in manifest["run"]["screening"]] == [("quiet", True)]
    made = all_bytes(tmp_path)
    for private in (b"private-", str(tmp_path).encode(), b"c2pa.thumbnail", *kit.private()):
        assert private not in made


@pytest.mark.parametrize("suffix", [".jpg", ".mp4", ".mkv"])
def test_a_byte_that_was_changed_is_seen(suffix: str, source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    kit.signed(source, targets["picture" if suffix == ".jpg" else "video"], output)
    content = bytearray(output.read_bytes())
    at = content.rindex(b"mdat") + 40 if suffix == ".mp4" else len(content) - 300
    content[at] ^= 1
    assert kit.state_of(output, bytes(content)) == "Invalid"


def test_a_camera_was_created_and_a_saved_face_has_no_file(source: Path, tmp_path: Path) -> None:
    found = kit.with_provenance(source_plugin(Camera))
    kit.signed(source, Path("camera:0"), tmp_path / "out.mp4", found)
    manifest = kit.told(tmp_path / "out.mp4")
    assert [action["action"] for action in manifest["actions"]] == ["c2pa.created", "c2pa.placed"]
    assert manifest["run"]["target"] is None
    notes: list[str] = []
    path = tmp_path / "two.png"
    Image.new("RGB", (32, 32)).save(path)
    about = kit.about(kit.a_job(None, path, path), notes, saved_faces=2)
    assert kit.finisher_of().finish(path, about) is None
    titles = [one["title"] for one in kit.told(path)["ingredients"]]
    assert (titles, kit.told(path)["run"]["saved_faces"], notes) == (["saved face 1", "saved face 2"], 2, [])


def test_a_source_that_no_step_asks_for_was_not_put_in(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    kit.signed(source, targets["picture"], tmp_path / "out.png", kit.with_provenance(needs_source=False))
    manifest = kit.told(tmp_path / "out.png")
    assert [action["action"] for action in manifest["actions"]] == ["c2pa.opened", "c2pa.edited"]
    assert manifest["run"]["sources"] == []


def test_old_credentials_are_told_and_not_carried_over(targets: dict[str, Path], tmp_path: Path) -> None:
    """What an editor's credentials hold: a preview of the face as it was, and the name of a file."""
    import c2pa

    named, source = tmp_path / "named.jpg", tmp_path / "with.jpg"
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (200, 200, 3), np.uint8)).save(named)
    created = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
    }
    old = {"title": "alice.jpg", "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}]}
    signer = kit.signer_of_tests(tmp_path)
    with named.open("rb") as file, source.open("w+b") as made:
        c2pa.Builder(json.dumps(old)).sign(signer, "image/jpeg", file, made)
    assert b"c2pa.thumbnail" in source.read_bytes()
    assert b"alice.jpg" in source.read_bytes()
    report = kit.signed(source, targets["picture"], tmp_path / "out.jpg")
    assert [notice for notice in report.notices if "not carried over" in notice]
    manifest = kit.told(tmp_path / "out.jpg")
    assert (manifest["run"]["sources"][0]["credentials"], manifest["run"]["target"]["credentials"]) == (True, False)
    for private in (b"c2pa.thumbnail", b"alice"):
        assert private not in (tmp_path / "out.jpg").read_bytes()


def test_a_folder_of_pictures_is_signed_picture_by_picture(source: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.jpg", "c.bmp")):
        Image.fromarray(np.full((40 + number, 60, 3), 90 + number, np.uint8)).save(folder / name)
    kit.signed(source, folder, output)
    assert left(output) == ["a.png", "b.jpg", "c.bmp", "c.bmp.c2pa", "c.bmp.xmp"]
    for name in ("a.png", "b.jpg", "c.bmp"):
        assert kit.state_of(output / name) == "Valid"
        assert kit.told(output / name)["run"]["target"]["sha256"] == sha256(folder / name)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
def test_kept_frames_are_signed_too(kind: Any, source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    media = replace(FAST, keep_frames=str(tmp_path / "frames"), frame_format=kind)
    kit.signed(source, targets["video"], tmp_path / "out.mp4", media=media)
    frames = sorted((tmp_path / "frames").iterdir())
    assert len(frames) == 12
    assert {kit.state_of(frame) for frame in frames} == {"Valid"}
    assert kit.told(frames[0])["run"]["kind"] == "picture"


def test_a_run_that_was_continued_is_signed(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    output, media = tmp_path / "out.mkv", replace(FAST, keep_frames=str(tmp_path / "frames"))
    what = kit.a_job(source, targets["video"], output, media=media, execution=ExecutionOptions(resumable=True))
    refused(kit.with_provenance(exporter(kit.Fails, "late", "finisher")), what)
    assert left(tmp_path) == [".out.mkv.roop"]
    report = run(kit.with_provenance(), what)
    assert report.resumed_frames > 0
    assert kit.state_of(output) == "Valid"
    assert left(tmp_path) == ["frames", "out.mkv", "out.mkv.c2pa"]


def test_the_file_beside_is_no_surprise(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    output, beside = tmp_path / "out.mkv", tmp_path / "out.mkv.c2pa"
    beside.write_bytes(b"mine")
    what = kit.a_job(source, targets["video"], output)
    error = refused(kit.with_provenance(), what)
    assert (error.exit_code, f"{beside} exists already" in str(error)) == (2, True)
    assert (beside.read_bytes(), left(tmp_path)) == (b"mine", ["out.mkv.c2pa"])
    run(kit.with_provenance(), replace(what, media=replace(FAST, overwrite=True)))
    assert kit.state_of(output) == "Valid"


def test_the_file_beside_is_not_uploaded(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    bucket = Bucket()
    found = kit.with_provenance(uploader(lambda: bucket))
    report = kit.signed(source, targets["video"], tmp_path / "out.mkv", found, uploads=("bucket",))
    assert [artifact.path.name for artifact in bucket.given] == ["out.mkv"]
    assert "out.mkv.c2pa stays here: only the output itself is uploaded" in report.notices


def test_without_the_library_the_plain_marks_stay(
    source: Path, targets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    report = kit.signed(source, targets["picture"], tmp_path / "out.jpg")
    assert report.finished == ()
    assert [notice for notice in report.notices if notice.startswith("no Content Credentials: their library")]
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out.jpg").read_bytes()


def test_what_can_not_be_signed_is_no_output(
    source: Path, targets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invalid(*_: object) -> None:
        raise PluginError("the credentials that were read back are Invalid")

    monkeypatch.setattr(finisher, "_why_missing", lambda: "")
    monkeypatch.setattr(signing, "try_out", lambda signer: None)
    monkeypatch.setattr(signing, "_require_intact", invalid)
    error = refused(kit.with_provenance(), kit.a_job(source, targets["picture"], tmp_path / "out.jpg"))
    assert (error.exit_code, "read back are Invalid; nothing was kept" in str(error)) == (7, True)
    assert left(tmp_path) == []


@pytest.fixture
def serving() -> Iterator[Callable[[Callable[[bytes], bytes | None]], tuple[str, list[str]]]]:
    """Serves what a function answers, None being an error: its address, and which paths were asked for."""
    running: list[tuple[http.server.HTTPServer, threading.Thread]] = []

    def serve(answer: Callable[[bytes], bytes | None]) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Authority(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(self.path)
                made = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(500 if made is None else 200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(made or b"")))
                self.end_headers()
                self.wfile.write(made or b"")

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/stamp", asked

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_timestamp_is_taken_in(serving: Any, source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    pki = kit.Pki(tmp_path, purpose=stamps.PURPOSE)
    address, asked = serving(lambda request: stamps.stamp(request, pki))
    report = kit.signed(source, targets["picture"], tmp_path / "o.jpg", options={"timestamp_url": address})
    assert (asked, [notice for notice in report.notices if "timestamp" in notice]) == (["/stamp"], [])
    assert kit.state_of(tmp_path / "o.jpg") == "Valid"
    signed_at = datetime.fromisoformat(kit.told(tmp_path / "o.jpg")["signature_info"]["time"])
    assert abs(datetime.now(UTC) - signed_at) < timedelta(minutes=10)


@pytest.mark.parametrize("answer", [None, b"no timestamp"])
def test_without_a_timestamp_it_is_signed_all_the_same(
    answer: bytes | None, serving: Any, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    media = replace(FAST, keep_frames=str(tmp_path / "frames"))
    address, asked = serving(lambda request: answer)
    report = kit.signed(source, targets["video"], tmp_path / "out.mp4", options={"timestamp_url": address}, media=media)
    assert asked == ["/stamp"]  # not again for each frame
    assert "the timestamp authority gave no timestamp, so it was signed without" in report.notices
    assert kit.state_of(tmp_path / "out.mp4") == "Valid"


@pytest.mark.parametrize("address", ["ftp://a.test", "a.test", "https://", "https://me:secret@a.test/", "http://[a"])
def test_an_address_that_is_none(address: str, source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    what = kit.a_job(source, targets["picture"], tmp_path / "out.jpg", options={"timestamp_url": address})
    error = refused(kit.with_provenance(), what)
    assert (error.exit_code, "--provenance-timestamp-url takes" in str(error), "secret" in str(error)) == (2, True, False)


def test_a_model_file_of_the_users_has_no_name(tmp_path: Path) -> None:
    from roop_provenance.credentials import manifest_of

    models = ({"name": "own file", "sha256": "ab", "licence": "unknown (own file)", "precision": "fp32", "device": "cpu"},)
    about = kit.about(kit.a_job(None, tmp_path, tmp_path / "o.png"), [], models=models)
    (_, ours) = manifest_of(about, "1", None, ())["assertions"]
    assert ours["data"]["models"] == [{name: models[0][name] for name in ("name", "sha256", "licence", "precision")}]


def test_no_signature_is_left_half_done(tmp_path: Path) -> None:
    path = tmp_path / "o.png"
    path.write_bytes(b"no picture")
    with pytest.raises(PluginError, match="could not be signed"):
        kit.finisher_of().finish(path, kit.about(kit.a_job(None, path, path), []))
    assert (left(tmp_path), path.read_bytes(), os.access(path, os.W_OK)) == (["o.png"], b"no picture", True)
