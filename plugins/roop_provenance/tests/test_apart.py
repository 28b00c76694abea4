"""``roop verify``: signed facts and plain marks are told apart, and what can't be known is not told as known."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import sys
import zlib
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import c2pa
import pytest
from signers import MIMES, Signer, picture

from roop_provenance import manifest, reading
from roop_provenance.facts import Facts
from roop_provenance.verify import verify
from roop_provenance.words import lines

NOTE = "Synthetic media: made with roop (swapper)"
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><d:description xmlns:d="http://purl.org/dc/elements/1.1/">'
    f"{NOTE}</d:description></x:xmpmeta>"
)
CAPTURED = 'taken with a camera or a recorder, with "Camera 1"'


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], dict[str, Any]]:
    def read(path: Path) -> dict[str, Any]:
        verify([str(path), "--json"])
        (one,) = json.loads(capsys.readouterr().out)["files"]
        return dict(one)

    return read


Told = Callable[[Path], dict[str, Any]]


def test_a_strangers_file_beside_is_no_fact_of_what_was_signed(signer: Signer, tmp_path: Path, told: Told) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signer.sign(picture(), "image/jpeg", captured=True)[0])
    (tmp_path / "a.jpg.xmp").write_text(PACKET)
    one = told(path)
    assert (one["status"], one["done"]) == ("intact", CAPTURED)
    assert one["summary"] == (
        f"intact, signed by an unknown signer; its signer says: {CAPTURED}; "
        'unsigned marks beside the file say: faces were swapped, with "roop"'
    )


def test_a_comment_that_was_put_in_later_is_no_fact_of_what_was_signed(signer: Signer, tmp_path: Path, told: Told) -> None:
    path, signed = tmp_path / "a.jpg", signer.sign(picture(), "image/jpeg", captured=True)[0]
    path.write_bytes(signed[:2] + b"\xff\xfe" + struct.pack(">H", len(NOTE) + 2) + NOTE.encode() + signed[2:])
    one = told(path)
    assert (one["status"], one["done"]) == ("changed", CAPTURED)
    assert one["summary"] == (
        f"changed after it was signed; what was signed says: {CAPTURED}; "
        'unsigned marks in the file say: faces were swapped, with "roop"'
    )


def test_marks_that_say_what_was_signed_are_not_told_twice(signer: Signer, tmp_path: Path, told: Told) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signer.sign(picture(comment=NOTE.encode()), "image/jpeg", run={"processors": ["swapper"]})[0])
    assert told(path)["summary"] == (
        'intact, signed by an unknown signer; its signer says: faces were swapped, with "roop 9.9"'
    )


def test_of_broken_credentials_nothing_was_done(signer: Signer, tmp_path: Path, told: Told) -> None:
    path, content = tmp_path / "a.jpg", bytearray(signer.sign(picture(comment=NOTE.encode()), "image/jpeg")[0])
    place = content.index(b"c2pa.claim.v2") + 22
    content[place : place + 40] = bytes(40)
    path.write_bytes(content)
    one = told(path)
    assert (one["status"], one["done"]) == ("broken", "")
    assert one["summary"].endswith('say nothing that holds; unsigned marks in the file say: faces were swapped, with "roop"')


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_a_damaged_file_without_credentials_has_no_broken_ones(suffix: str, tmp_path: Path, told: Told) -> None:
    path, content = tmp_path / f"a{suffix}", picture(suffix)
    path.write_bytes(content[: len(content) * 2 // 3])
    one = told(path)
    assert (one["status"], one["credentials"]) == ("silent", None)
    assert one["notices"][0].startswith("Content Credentials could not be looked for, as the file is damaged")


def test_a_damaged_file_with_credentials_has_broken_ones(signer: Signer, tmp_path: Path, told: Told) -> None:
    path, content = tmp_path / "a.png", signer.sign(picture(".png"), MIMES[".png"])[0]
    path.write_bytes(content[: len(content) - 100])
    assert told(path)["status"] == "broken"


@pytest.mark.parametrize(
    ("said_of_it", "known"),
    [
        ({"success": ["timeStamp.validated", "timeStamp.trusted"]}, True),
        ({"success": ["timeStamp.validated"]}, False),
        ({"success": ["timeStamp.validated"], "informational": ["timeStamp.untrusted"]}, False),
        ({"success": ["timeStamp.trusted"], "informational": ["timeStamp.untrusted"]}, False),
        ({"success": ["timeStamp.trusted"], "failure": ["timeStamp.untrusted"]}, False),
    ],
)
def test_of_a_timestamp_it_is_said_who_vouches_for_it(said_of_it: dict[str, list[str]], known: bool) -> None:
    results = {outcome: [{"code": code} for code in codes] for outcome, codes in said_of_it.items()}
    store = {
        "active_manifest": "a",
        "manifests": {"a": {"signature_info": {"time": "2010-01-01T00:00:00+00:00"}}},
        "validation_results": {"activeManifest": results},
    }
    found = manifest._told(store, "Valid", beside=False)
    assert found.time_known is known
    (line,) = (line for line in lines(Facts(file="a", credentials=found)) if "signed at" in line)
    assert ("an unknown authority; nobody vouches for that" in line, "your CA knows" in line) == (not known, known)


def test_what_can_not_be_read_beside_a_file_is_a_note(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(comment=NOTE.encode()))
    (tmp_path / "a.jpg.xmp").mkdir()
    (tmp_path / "a.jpg.c2pa").mkdir()
    one = told(path)
    assert one["status"] == "marked"
    assert [notice.split(" was not read")[0] for notice in one["notices"]] == ["a.jpg.xmp beside it", "a.jpg.c2pa beside it"]


def test_a_name_with_room_for_no_other_is_read(tmp_path: Path, told: Told) -> None:
    path = tmp_path / f"{'n' * 248}.jpg"
    path.write_bytes(picture(comment=NOTE.encode()))
    assert (told(path)["status"], told(path)["notices"]) == ("marked", [])


@pytest.mark.skipif(os.name != "posix", reason="there are no sockets with names here")
def test_a_socket_beside_a_file_is_a_note(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # its name is bounded
    Path("a.jpg").write_bytes(picture())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a.jpg.xmp")
        one = told(Path("a.jpg"))
    assert one["status"] == "silent"
    assert "a.jpg.xmp beside it was not read" in one["notices"][0]


def ordinary_lines(signer: Signer, path: Path, run: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    path.write_bytes(signer.sign(picture(), "image/jpeg", run=run)[0])
    assert verify([str(path)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "run",
    [
        {"processors": ["swapper"], "plugins": [["x" * 590] * 100] * 8},
        {"processors": [f"{number}{'z' * 500}" for number in range(90)]},
        {"screening": [{"screener": "a", "looks": {"k": ["y" * 590] * 100}, "reused": {"a": 1}, "limit": {"b": 2}}]},
        {"screening": [{"screener": "a", "highest": {"a": 10**18, "b": -5}, "looks": True}]},
        {"models": [{"sha256": ["x" * 500] * 90, "name": {"a": {"b": "\u202e\x1b[2J"}}}]},
        {"\u202e\x1b[2Jkey": "value"},
    ],
)
def test_every_line_is_bounded_and_plain(
    run: Any, signer: Signer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ordinary_lines(signer, tmp_path / "a.jpg", run, capsys)
    assert max(map(len, found)) <= 1003
    assert "intact, signed by an unknown signer" in found[1]
    assert not any(letter in line for line in found for letter in "{\u202e\x1b")
    assert not any("highest score" in line for line in found)  # none of these is one


def test_earlier_actions_are_bounded_in_all() -> None:
    actions = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [{"action": "a" * 900}] * 40}}] * 40}
    found = manifest._told(
        {"active_manifest": "x", "manifests": {str(n): actions for n in range(60)}}, "Valid", beside=False
    )
    assert sum(len(one.actions) for one in found.earlier) <= 50
    assert max(map(len, lines(Facts(file="a", credentials=found)))) <= 1003


def test_all_of_a_run_is_bounded(signer: Signer, tmp_path: Path, told: Told) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(
        signer.sign(picture(), "image/jpeg", run={"p": [["x" * 500] * 100] * 8, "q": [list(range(90))] * 80})[0]
    )
    run = json.dumps(told(path)["credentials"]["run"])
    assert 200_000 < len(run) < 230_000
    assert run.count("null") > 30


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def hole(path: Path, head: bytes, size: int) -> Path:
    """A file of any size that takes no room."""
    path.write_bytes(head)
    os.truncate(path, len(head) + size)
    return path


def huge(folder: Path) -> dict[str, Path]:
    """Credentials of 1 GB behind more marks than are kept."""
    texts = b"".join(chunk(b"tEXt", b"x\0%d" % number) for number in range(201))
    boxed = b"".join(struct.pack(">I4sHH", 17, b"\xa9cmt", 5, 0) + b"%05d" % number for number in range(201))
    udta = struct.pack(">I4s", 8 + len(boxed), b"udta") + boxed
    movie = b"\0\0\0\x14ftypisom\0\0\0\0isom" + struct.pack(">I4s", 8 + len(udta), b"moov") + udta
    c2pa_uuid = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    packets = b"".join(b"XMP " + struct.pack("<I", 4) + b"%04d" % number for number in range(201))
    tags = b"".join(struct.pack("<HHII", 1000 + number, 3, 1, 0) for number in range(1500))
    size = 1 << 30
    return {
        "png": hole(folder / "a.png", b"\x89PNG\r\n\x1a\n" + texts + struct.pack(">I4s", size - 4, b"caBX"), size),
        "mp4": hole(folder / "a.mp4", movie + struct.pack(">I4s", 24 + size, b"uuid") + c2pa_uuid, size),
        "webp": hole(folder / "a.webp", b"RIFF\0\0\0\0WEBP" + packets + b"C2PA" + struct.pack("<I", size), size),
        "tiff": hole(
            folder / "a.tif",
            b"II*\0\x08\0\0\0" + struct.pack("<H", 1501) + tags + struct.pack("<HHII", 0xCD41, 7, size, 18030) + bytes(4),
            size,
        ),
    }


@pytest.mark.parametrize(("kind", "status"), [("png", "broken"), ("mp4", "broken"), ("webp", "broken"), ("tiff", "unread")])
def test_credentials_of_any_size_are_never_read(
    kind: str, status: str, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c2pa, "Reader", lambda *_, **__: pytest.fail("the library read them"))
    one = told(huge(tmp_path)[kind])
    assert one["status"] == status
    assert "more" in one["credentials"]["reason"]


def test_a_kind_that_the_library_holds_in_memory_is_read_to_a_bound(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c2pa, "Reader", lambda *_, **__: pytest.fail("the library read it"))
    one = told(hole(tmp_path / "a.jpg", picture(), reading._MOST_HELD))
    assert one["status"] == "unread"
    assert "it may hold Content Credentials, which were not looked for: it has more than the 256 MB" in one["summary"]


def test_a_long_film_without_lengths_can_hold_none(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_provenance.found._MOST_STEPS", 50)
    monkeypatch.setattr("roop_provenance.found.Budget.__init__.__defaults__", (1 << 20, 50), raising=False)
    cluster = b"\x1f\x43\xb6\x75\xff" + b"\xe7\x81\0" * 100
    path = tmp_path / "a.webm"
    path.write_bytes(b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + cluster)
    one = told(path)
    assert (one["status"], one["credentials"]) == ("silent", None)
    assert "more parts than are looked at" in one["notices"][0]


def test_no_modules_of_the_package_need_each_other() -> None:
    """Also by imports inside of functions."""
    folder = Path(reading.__file__).parent
    found = re.compile(r"^ *from roop_provenance\.(\w+) import", re.MULTILINE)
    needs = {path.stem: set(found.findall(path.read_text(encoding="utf-8"))) for path in folder.glob("*.py")}
    order = list(TopologicalSorter(needs).static_order())
    assert order.index("facts") < order.index("manifest") < order.index("reading") < order.index("verify")


def test_a_library_that_can_not_be_loaded_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from roop_provenance.library import c2pa_library

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "c2pa":
                raise OSError("no native library")

    monkeypatch.delitem(sys.modules, "c2pa")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match="no native library"):
        c2pa_library()


@pytest.mark.parametrize("suffix", MIMES)
def test_credentials_of_which_a_bit_was_flipped_are_never_taken_for_none(
    suffix: str, signer: Signer, tmp_path: Path, told: Told
) -> None:
    """Some of the bits are of lengths and names outside of what is signed, so that the rest stays intact."""
    path, content = tmp_path / f"a{suffix}", signer.sign(picture(suffix, comment=b"x"), MIMES[suffix])[0]
    outermost, found = content.index(b"jumb"), set[str]()
    for place in range(max(0, outermost - 48), outermost + 24):
        flipped = bytearray(content)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        found.add(told(path)["status"])
    assert found <= {"intact", "changed", "invalid", "broken", "unread", "unreadable"}
    assert "broken" in found


def test_boxes_of_others_in_a_picture_are_no_credentials(tmp_path: Path, told: Told) -> None:
    """JPEG XT keeps what it adds in the same segments."""
    path, content = tmp_path / "a.jpg", picture()
    body = b"JP\0\1\0\0\0\1" + struct.pack(">I4s", 16, b"SPEC") + bytes(8)
    path.write_bytes(content[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + content[2:])
    assert told(path)["status"] == "silent"
