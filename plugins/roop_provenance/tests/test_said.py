"""What is signed is true of the very file: what was changed in it, what it was made of, and what nobody knows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import c2pa
import numpy as np
import pytest
import signed as kit
from kit import FAST, Camera, OneFace, analyser, exporter, left, processor, refused, run
from kit import source as source_plugin
from PIL import Image

from roop_host import Box, ExecutionOptions, Host, Plugins, Processor, Window, Wish
from roop_provenance.reading import read_facts
from roop_provenance.words import lines, summary

ONLY_OPENED = ["c2pa.opened", "c2pa.transcoded"]
SWAPPED = ["c2pa.opened", "c2pa.placed", "c2pa.edited"]


def some(changes: tuple[int, ...], *beside: SimpleNamespace, **more: Any) -> Plugins:
    """A step that paints in the frames of these numbers only, where a face is in all; this plugin, and those ``beside``."""

    class Some(Processor):
        def process(self, window: Window) -> None:
            for frame in window.current:
                if frame.index in changes:
                    frame.put(Box(8, 8, 24, 24), np.zeros((16, 16, 3), np.uint8), face_id=0)

    step = processor(Some, "tint", needs_faces=True, needs_source=True, **more)
    return kit.found_of(step, analyser(OneFace), *beside)


def actions(path: Path) -> list[str]:
    return [action["action"] for action in kit.told(path)["actions"]]


def terms(path: Path) -> list[str]:
    said = [action.get("digitalSourceType", "") for action in kit.told(path)["actions"]]
    return [term.rpartition("/")[2] for term in said if term]


def folder_of(path: Path, count: int, *, small: bool = False) -> Path:
    path.mkdir()
    for number in range(count):
        size = (40 + number if small else 48, 64, 3)
        Image.fromarray(np.full(size, 90 + number, np.uint8)).save(path / f"{number}.png")
    return path


def test_a_picture_of_a_folder_that_stayed_as_it_was_was_only_opened(source: Path, tmp_path: Path) -> None:
    folder, output = folder_of(tmp_path / "in", 3, small=True), tmp_path / "out"
    kit.signed(source, folder, output, some((0, 2)))
    for number, done in enumerate((SWAPPED, ONLY_OPENED, SWAPPED)):
        assert (kit.state_of(output / f"{number}.png"), actions(output / f"{number}.png")) == ("Valid", done)
    told = kit.told(output / "1.png")
    assert (terms(output / "1.png"), [one["title"] for one in told["ingredients"]]) == ([], ["target"])
    assert (told["run"]["processors"], told["run"]["sources"], told["run"]["changed"]) == ([], [], {})
    assert kit.told(output / "2.png")["run"]["changed"] == {"tint": 1}
    assert b"compositeWithTrainedAlgorithmicMedia" in (output / "1.png").read_bytes()  # the plain mark stays cautious


def test_what_only_the_label_changed_holds_no_face_of_a_source(
    source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    kit.signed(source, targets["picture"], tmp_path / "o.png", some(()), options={"label": True})
    assert (actions(tmp_path / "o.png"), terms(tmp_path / "o.png")) == (
        ["c2pa.opened", "c2pa.edited"],
        ["compositeSynthetic"],
    )
    told = kit.told(tmp_path / "o.png")["run"]
    assert (told["processors"], told["sources"], told["changed"]) == (["label"], [], {"label": 1})


def test_a_run_that_was_continued_knows_what_was_changed(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    media = replace(FAST, segment_frames=4, keep_frames=str(tmp_path / "frames"))
    output = tmp_path / "o.mp4"
    what = kit.a_job(source, targets["video"], output, media=media, execution=ExecutionOptions(resumable=True))
    refused(some((1, 6), exporter(kit.Fails, "late", "finisher")), what)
    report = run(some((1, 6)), what)
    assert report.resumed_frames == 12
    assert (actions(output), kit.told(output)["run"]["changed"]) == (SWAPPED, {"tint": 2})
    done = [actions(path) for path in sorted((tmp_path / "frames").iterdir())]
    assert [number for number, one in enumerate(done) if one == SWAPPED] == [1, 6]
    assert [one for number, one in enumerate(done) if number not in (1, 6)] == [ONLY_OPENED] * 10


@pytest.mark.parametrize(("more", "done"), [({}, "c2pa.transcoded"), ({"trim_end": "8f"}, "c2pa.edited")])
def test_a_clip_that_stayed_as_it_was(
    more: dict[str, str], done: str, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    kit.signed(source, targets["video"], tmp_path / "o.mp4", some(()), media=replace(FAST, **more))  # type: ignore[arg-type]
    assert (actions(tmp_path / "o.mp4"), terms(tmp_path / "o.mp4")) == (["c2pa.opened", done], [])


def test_a_stream_that_stayed_as_it_was(tmp_path: Path) -> None:
    class Rests(Processor):
        def process(self, window: Window) -> None:
            pass

    kit.signed(None, Path("camera:0"), tmp_path / "o.mp4", kit.found_of(processor(Rests, "tint"), source_plugin(Camera)))
    assert (actions(tmp_path / "o.mp4"), terms(tmp_path / "o.mp4")) == (["c2pa.created"], ["composite"])


def test_a_folder_that_is_one_clip_is_what_was_opened(source: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 11)
    kit.signed(source, folder, tmp_path / "o.mp4", some((3,)), media=replace(FAST, folder="frames"))
    told = kit.told(tmp_path / "o.mp4")
    digests = [hashlib.sha256((folder / f"{number}.png").read_bytes()).hexdigest() for number in range(11)]
    listed = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    assert actions(tmp_path / "o.mp4") == SWAPPED
    assert told["run"]["target"] == {"sha256": listed, "credentials": False, "pictures": 11}
    target = told["ingredients"][0]
    assert (target["relationship"], target["title"]) == ("parentOf", "target")
    assert target["description"].startswith(f"SHA-256 {listed} of the list of SHA-256 of 11 pictures")


@pytest.mark.parametrize("gone", [False, True])
def test_a_source_that_was_replaced_meanwhile_has_no_hash(gone: bool, targets: dict[str, Path], tmp_path: Path) -> None:
    face, other = tmp_path / "face.png", tmp_path / "other.png"
    for path, colour in ((face, 10), (other, 200)):
        Image.fromarray(np.full((48, 48, 3), colour, np.uint8)).save(path)

    class Replaces(Processor):
        def process(self, window: Window) -> None:
            if gone:
                face.unlink(missing_ok=True)
            elif other.exists():
                other.replace(face)
            for frame in window.current:
                frame.put(Box(8, 8, 24, 24), np.zeros((16, 16, 3), np.uint8))

    step = processor(Replaces, "tint", needs_faces=True, needs_source=True)
    report = kit.signed(face, targets["video"], tmp_path / "o.mp4", kit.found_of(step, analyser(OneFace)))
    assert [notice for notice in report.notices if "was changed or taken away while the job ran" in notice]
    told = kit.told(tmp_path / "o.mp4")
    assert (actions(tmp_path / "o.mp4"), told["run"]["sources"], "description" in told["ingredients"][1]) == (
        SWAPPED,
        [{}],
        False,
    )
    assert told["run"]["target"]["sha256"] == hashlib.sha256(targets["video"].read_bytes()).hexdigest()


def with_credentials(path: Path, folder: Path, *, remote: str = "", beside: bool = False) -> bytes:
    """A stranger's credentials in a PNG or JPEG; with ``remote`` they are told to be there, with ``beside`` given back."""
    term = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    created = {"action": "c2pa.created", "digitalSourceType": term}
    made, kind = BytesIO(), "image/png" if path.read_bytes()[:4] == b"\x89PNG" else "image/jpeg"
    builder = c2pa.Builder(json.dumps({"assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}]}))
    if remote or beside:
        builder.set_no_embed()
    if remote:
        builder.set_remote_url(remote)
    credentials = builder.sign(kit.signer_of_tests(folder), kind, BytesIO(path.read_bytes()), made)
    if not beside:
        path.write_bytes(made.getvalue())
    return bytes(credentials)


def known_of(target: Path, output: Path, source: Path) -> tuple[Any, bool]:
    """What the credentials say of those of the target, and whether a notice tells that there were some."""
    report = kit.signed(source, target, output)
    told = any("are not carried over" in notice for notice in report.notices)
    return kit.told(output)["run"]["target"].get("credentials"), told


@pytest.mark.parametrize("where", ["inside", "misnamed", "remote", "beside"])
def test_credentials_of_a_target_are_seen_wherever_they_are(where: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / ("t.jpg" if where == "misnamed" else "t.png")
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)).save(target, "PNG")
    assert known_of(target, tmp_path / "before.png", source) == (False, False)
    remote = "http://127.0.0.1:1/there.c2pa" if where == "remote" else ""
    credentials = with_credentials(target, tmp_path, remote=remote, beside=where == "beside")
    if where == "beside":
        target.with_name(f"{target.name}.c2pa").write_bytes(credentials)
    assert known_of(target, tmp_path / "o.png", source) == (True, True)
    for name, had in (("before", False), ("o", True)):
        facts = read_facts(tmp_path / f"{name}.png", "")
        assert facts.credentials is not None
        target_of = facts.credentials.ingredients[0]
        assert (target_of.had_credentials, target_of.credentials_stated) == (had, had)
        said = [line for line in lines(facts) if "with Content Credentials of its own, which were not carried over" in line]
        assert len(said) == had


@pytest.mark.parametrize(
    ("changes", "media", "said"),
    [
        ((), {}, 'its signer says: written anew, with nothing changed, with "roop '),
        ((), {"trim_end": "0.2"}, 'its signer says: written anew, maybe cut, with nothing else changed, with "roop '),
        ((0,), {}, 'its signer says: the step "tint" ran, with "roop '),
    ],
)
def test_in_short_what_was_signed_is_told_before_plain_marks(
    changes: tuple[int, ...], media: dict[str, Any], said: str, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    kind = "video" if media else "picture"
    output = tmp_path / f"o{targets[kind].suffix}"
    kit.signed(source, targets[kind], output, some(changes), media=replace(FAST, **media))
    told = summary(read_facts(output, ""))
    assert told.startswith(f"intact, signed by an unknown signer; {said}")
    assert ("unsigned marks in the file say" in told) == (not changes)


def test_what_was_synthetic_before_is_signed_as_such_though_nothing_was_changed(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.webp"
    name = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    about = f'<rdf:Description xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" i:DigitalSourceType="{name}"/>'
    rdf = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{about}</rdf:RDF>'
    Image.new("RGB", (64, 48)).save(target, xmp=f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>'.encode())
    kit.signed(source, target, tmp_path / "o.png", some(()))
    assert (actions(tmp_path / "o.png"), terms(tmp_path / "o.png")) == (ONLY_OPENED, ["trainedAlgorithmicMedia"])
    told = summary(read_facts(tmp_path / "o.png", ""))
    assert "written anew, with nothing changed, of what is made as a whole by a trained model (AI), with" in told


def test_of_a_kind_that_the_library_does_not_know_nothing_is_said(
    source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    kit.signed(source, targets["video"], tmp_path / "t.mkv")
    assert known_of(tmp_path / "t.mkv", tmp_path / "o.mkv", source) == (True, True)
    (tmp_path / "t.mkv.c2pa").unlink()
    assert known_of(tmp_path / "t.mkv", tmp_path / "o2.mkv", source) == (None, False)


def test_a_term_that_the_host_does_not_know_is_signed_as_the_cautious_one(
    source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    kit.signed(source, targets["picture"], tmp_path / "o.png", some((0,), source_type="minorHumanEdits"))
    assert terms(tmp_path / "o.png") == ["compositeWithTrainedAlgorithmicMedia"]
    assert left(tmp_path) == ["o.png"]


@pytest.mark.parametrize(
    ("changes", "done", "term"),
    [((0,), SWAPPED, "compositeWithTrainedAlgorithmicMedia"), ((), ["c2pa.opened", "c2pa.edited"], "humanEdits")],
)
def test_a_preview_is_drawn_in_any_case(
    changes: tuple[int, ...], done: list[str], term: str, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    with Host(some(changes)) as host:
        what = kit.a_job(source, targets["picture"], tmp_path / "unused.png")
        host.preview(what, Wish(0, picture=str(tmp_path / "shown.png")))
    assert (actions(tmp_path / "shown.png"), terms(tmp_path / "shown.png")) == (done, [term])
