"""``roop verify``: its words, its JSON and its exit codes, for files of ours, of others, and such as mean harm."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from PIL import Image
from signers import MIMES, Signer, picture

from roop_host import InputError, UsageError
from roop_provenance.library import OFFLINE
from roop_provenance.verify import verify
from roop_provenance.words import _of_verdicts

PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:p="http://ns.adobe.com/photoshop/1.0/"><p:Credit>a secret AI</p:Credit>'
    b"</x:xmpmeta>"
)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def said(*words: object) -> tuple[int, str, str]:
        code = verify([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return said


Say = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("suffix", MIMES)
def test_a_signed_picture_is_intact_by_an_unknown_signer(suffix: str, signer: Signer, tmp_path: Path, say: Say) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(signer.sign(picture(suffix), MIMES[suffix])[0])
    code, out, _ = say(path)
    assert code == 0
    assert (
        "in short: intact, signed by an unknown signer; its signer says: faces were swapped and faces were redrawn "
        'by a network that restores them, with "roop 9.9"\n' in out
    )
    assert 'calls itself "Jane Doe" of "Org"; nobody vouches for that' in out
    assert "1. opened" in out
    assert "2. placed into it" in out
    assert "3. edited: real material with what a trained model (AI) made in it" in out
    assert 'model: "inswapper_128" (sha256 "ab")' in out
    assert 'looked at by: "roop-nsfw 0.1.0": 4 looks, highest score 0.10, limit 0.85' in out
    assert "later" not in out
    assert "verified" not in out.lower()


def test_one_look_is_one_look() -> None:
    assert _of_verdicts({"distribution": "a", "looks": 1, "reused": 1}) == '"a": 1 look, 1 reused'
    assert _of_verdicts({"distribution": "a", "looks": 2}) == '"a": 2 looks'


def test_only_with_a_ca_that_knows_the_signer_it_is_named(signer: Signer, tmp_path: Path, say: Say) -> None:
    path, ca, other = tmp_path / "a.jpg", tmp_path / "ca.pem", tmp_path / "other.pem"
    path.write_bytes(signer.sign(picture(), "image/jpeg")[0])
    ca.write_bytes(signer.certificate(leaf=False))
    other.write_bytes(Signer().certificate(leaf=False))
    assert 'intact, signed by "Jane Doe", whom your CA knows' in say(path, "--ca", ca)[1]
    assert "intact, signed by an unknown signer" in say(path, "--ca", other)[1]


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"x" * (2 << 20)])
def test_a_ca_that_can_not_be_read_is_named(content: bytes | None, tmp_path: Path, say: Say) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"--ca .*name a PEM file of certificates"):
        say("x", "--ca", path)


@pytest.mark.parametrize("suffix", MIMES)
def test_a_changed_byte_is_told(suffix: str, signer: Signer, tmp_path: Path, say: Say) -> None:
    path = tmp_path / f"a{suffix}"
    content = bytearray(signer.sign(picture(suffix), MIMES[suffix])[0])
    place = _pixels(suffix, bytes(content))
    content[place] ^= 1
    path.write_bytes(content)
    code, out, _ = say(path)
    assert code == 3
    assert "in short: changed after it was signed; what was signed says: faces were swapped" in out
    assert "it need not be true of this file" in out


def _pixels(suffix: str, content: bytes) -> int:
    """A byte of the pixels, whatever else stands behind them."""
    if suffix == ".tiff":
        return 100
    if suffix == ".png":
        return content.rindex(b"IDAT") + 100
    if suffix == ".webp":
        return content.index(b"VP8 ") + 100
    return content.rindex(b"mdat") + 100 if suffix == ".avif" else len(content) - 300


def test_a_stripped_file_says_nothing_which_does_not_mean_that_it_is_real(signer: Signer, tmp_path: Path, say: Say) -> None:
    path = tmp_path / "a.jpg"
    with Image.open(BytesIO(signer.sign(picture(), "image/jpeg")[0])) as image:
        image.save(path)
    code, out, _ = say(path)
    assert code == 0
    assert "in short: says nothing of where it comes from: which doesn't mean that it is real" in out


def test_a_tool_alone_is_no_mark(tmp_path: Path, say: Say) -> None:
    exif = Image.Exif()
    exif[305] = "A camera"
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(exif=exif))
    told = json.loads(say(path, "--json")[1])["files"][0]
    camera = {"kind": "tool", "value": "A camera", "where": "EXIF", "beside": False}
    assert (told["status"], told["marks"]) == ("silent", [camera])


def test_credentials_beside_a_file_that_can_hold_none(signer: Signer, tmp_path: Path, say: Say) -> None:
    content = b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x84\xec\x82\0\0"
    path = tmp_path / "a.mkv"
    path.write_bytes(content)
    (tmp_path / "a.mkv.c2pa").write_bytes(signer.sign(content, "video/x-matroska", embed=False)[1])
    assert "Content Credentials (in the file beside it): intact, signed by an unknown signer" in say(path)[1]
    path.write_bytes(content[:-1] + b"\1")
    code, out, _ = say(path)
    assert code == 3
    assert "in short: the Content Credentials beside it are not of this file: it was changed since, or they are" in out


def test_a_link_beside_a_file_is_not_followed(tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    path, elsewhere = tmp_path / "a.jpg", tmp_path / "secret"
    path.write_bytes(picture())
    beside = tmp_path / "a.jpg.xmp"
    beside.write_bytes(PACKET)
    assert "a secret" in say(path)[1]
    beside.rename(elsewhere)
    for suffix in (".xmp", ".c2pa"):
        (tmp_path / f"a.jpg{suffix}").symlink_to(elsewhere)
    code, out, _ = say(path)
    assert (code, "a secret" in out, "says nothing" in out) == (0, False, True)
    assert "note: a.jpg.xmp beside it was not read (it is a link)" in out
    assert "note: a.jpg.c2pa beside it was not read (it is a link)" in out
    monkeypatch.delattr(os, "O_NOFOLLOW", raising=False)  # as on Windows
    assert "a secret" not in say(path)[1]


def test_an_address_of_credentials_is_never_asked(
    signer: Signer, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        path = tmp_path / "a.jpg"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.c2pa"
        path.write_bytes(signer.sign(picture(), "image/jpeg", remote=address)[0])
        code, out, _ = say(path)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert code == 3
    assert f'address: "{address}"' in out
    assert "which is not asked" in out


def test_earlier_credentials_and_what_did_not_hold_of_them_are_told(signer: Signer, tmp_path: Path, say: Say) -> None:
    good = signer.sign(picture(), "image/jpeg")[0]
    bad = bytearray(good)
    bad[-300] ^= 1
    builder = c2pa.Builder(
        {
            "claim_generator_info": [{"name": "another tool"}],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "foo"}]}}
            ],
        },
        context=c2pa.Context(settings=c2pa.Settings.from_dict(dict(OFFLINE))),
    )
    for content in (good, bytes(bad)):
        builder.add_ingredient({"relationship": "componentOf"}, "image/jpeg", BytesIO(content))
    output = BytesIO()
    builder.sign(c2pa.Signer.from_info(signer.info()), "image/jpeg", BytesIO(picture()), output)
    path = tmp_path / "a.jpg"
    path.write_bytes(output.getvalue())
    out = say(path)[1]
    assert '1. made from nothing: of a kind that is not known here ("foo")' in out
    assert "with Content Credentials of its own" in out
    assert "whose own Content Credentials did not hold (assertion.dataHash.mismatch)" in out
    assert 'before that, by "roop 9.9": opened' in out
    assert 'real material with what a trained model (AI) made in it, with "another tool"' in out


def test_texts_of_a_manifest_are_cleaned_and_bounded(signer: Signer, tmp_path: Path, say: Say) -> None:
    run = {"processors": ["\x1b[2Jswap\nper"], "plugins": ["x" * 100_000], "deep": [[[[[[[["end"]]]]]]]]}
    path = tmp_path / "a.jpg"
    path.write_bytes(signer.sign(picture(), "image/jpeg", run=run)[0])
    for more in ((), ("--json",)):
        code, out, _ = say(path, *more)
        assert code == 0
        assert "\x1b" not in out
        assert "\\u001b" not in out
        assert max(map(len, out.splitlines())) < 1500


def test_in_how_many_frames_each_step_changed_something_is_told(signer: Signer, tmp_path: Path, say: Say) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signer.sign(picture(), "image/jpeg", run={"changed": {"swapper": 12, 'a "b"': True}})[0])
    assert 'frames changed: by "swapper" 12\n' in say(path)[1]


@pytest.mark.parametrize(
    "run", [{}, {"processors": 3}, {"changed": [3], "screening": [{}], "models": [None, 1.5, True]}, {"changed": {"a": "b"}}]
)
def test_a_run_with_missing_or_odd_keys_is_borne(run: Any, signer: Signer, tmp_path: Path, say: Say) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signer.sign(picture(), "image/jpeg", run=run)[0])
    code, out, _ = say(path)
    assert code == 0
    assert 'says: real material with what a trained model (AI) made in it, with "roop 9.9"' in out


def test_broken_manifests_are_told_and_none_is_taken_for_intact_when_it_was_cut(
    signer: Signer, tmp_path: Path, say: Say
) -> None:
    whole = signer.sign(picture(), "image/jpeg")[0]
    path = tmp_path / "a.jpg"
    random = np.random.default_rng(3)
    states = set()
    for place in random.integers(30, 3500, 60):
        content = bytearray(whole)
        content[place : place + 40] = bytes(40)
        path.write_bytes(content)
        code, out, _ = say(path, "--json")
        told = json.loads(out)["files"][0]
        states.add(told["status"])
        assert code == (3 if told["status"] in ("changed", "invalid", "broken", "unreadable") else 0)
    assert {"changed", "broken"} <= states


def test_what_is_missing_empty_a_folder_or_no_file_is_one_sentence(tmp_path: Path, say: Say) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("I am no picture")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    wanted = {
        "gone.jpg": "does not exist",
        "nowhere.jpg": "does not exist",
        "empty.jpg": "is empty",
        "text.jpg": "is no picture, video or sound of a kind that is known here",
        ".": "is a folder",
        "nul\0.jpg": "can't be opened",
    }
    for name, words in wanted.items():
        code, out, err = say(tmp_path / name)
        assert (code, out) == (3, "")
        assert words in err
        assert err.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_never_waited_for(tmp_path: Path, say: Say) -> None:
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    code, _, err = say(path)
    assert (code, "is no regular file" in err) == (3, True)
    with pytest.raises(InputError, match=r"--ca .* can't be read \(it is no regular file\)"):
        say("x", "--ca", path)


def test_of_several_files_all_are_told_and_the_worst_decides(signer: Signer, tmp_path: Path, say: Say) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(signer.sign(picture(), "image/jpeg")[0])
    code, out, err = say(good, bad, good)
    assert code == 3
    assert out.count("intact") == 4
    assert err == f"roop: {bad} does not exist; check the name\n"
    code, out, _ = say(good, bad, "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["schema"]) == (3, 3, 1)
    assert [file["status"] for file in told["files"]] == ["intact", "unreadable"]
    assert set(told["files"][0]) == {
        "file", "status", "summary", "done", "kind", "credentials", "marks", "notices", "error"
    }  # fmt: skip
    assert told["files"][0]["credentials"]["run"]["processors"] == ["swapper", "enhancer"]
    assert told["files"][1]["error"].endswith("does not exist; check the name")


def test_without_the_library_marks_are_read_and_the_rest_is_said(
    signer: Signer, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, plain = tmp_path / "signed.jpg", tmp_path / "plain.jpg"
    plain.write_bytes(picture(comment=b"Synthetic media: made with roop (swapper)"))
    signed.write_bytes(signer.sign(plain.read_bytes(), "image/jpeg")[0])
    monkeypatch.setitem(sys.modules, "c2pa", None)
    code, out, _ = say(plain)
    assert code == 0
    assert 'a plain mark, which anyone can write or take away, says: faces were swapped, with "roop"' in out
    assert "note: c2pa-python is not installed" in out
    code, out, _ = say(signed)
    assert code == 3
    assert "it holds Content Credentials that can't be read on this machine" in out


def test_wrong_words_are_a_sentence(say: Say) -> None:
    with pytest.raises(UsageError, match="see roop verify --help"):
        say()
    with pytest.raises(UsageError, match="--colour"):
        say("a.jpg", "--colour")


def test_a_terminal_without_the_letters_gets_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(comment="Synthetic media: ü漢".encode()))
    raw = BytesIO()
    from io import TextIOWrapper

    monkeypatch.setattr(sys, "stdout", TextIOWrapper(raw, encoding="ascii"))
    assert verify([str(path)]) == 0
    sys.stdout.flush()
    assert b"Synthetic media: ??" in raw.getvalue()
