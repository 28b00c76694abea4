"""Files that are made to open, write or start something else.

Traps that other tests hold:

| trap | test |
|---|---|
| ONNX: weights in other files, in every place of a graph | models/test_sessions.py `test_weights_in_other_files_are_refused` |
| ONNX: a right hash of what is no single file | models/test_fetch.py `test_a_right_hash_of_something_that_is_no_single_onnx_file` |
| lists of other files, SVG, EPS, PSD, PDF, ZIP under a video's or picture's name | media/test_bad_input.py `test_a_file_is_told_as_what_it_is` |
| bombs: PNG by its header and by its rows, behind the first page, animations, a video that grows, absurd rates | media/test_bad_pictures.py `test_bombs_…`, `test_a_bomb_…`, `test_an_animation_of_too_many_pixels_…`; media/test_bad_input.py `test_bombs_…`, `test_a_bomb_…`, `test_a_size_…`, `test_absurd_rates_and_durations` |
| pipes and devices as inputs | media/test_bad_input.py `test_pipes_and_devices_do_not_hang` |
| links in the work folder's or its files' place, somebody's files there | jobs/test_faults.py `test_a_link_in_place_of_the_work_folder_…`, `test_links_in_the_work_folder_…`, `test_a_work_folder_with_files_of_others_…` |
| an input under the output's name, by path, link or hard link | jobs/test_files.py, jobs/test_jobs.py `test_outputs_are_never_lost` |
| a download's part that is a link | models/test_fetch.py `test_a_part_that_is_a_link_is_not_followed` |
| packs: `..`, absolute names, backslashes, doubled names, bombs, sizes that lie | models/test_store.py `test_no_name_in_an_archive_is_a_place`, `test_a_bad_archive_gives_nothing`, `test_a_member_that_lies_…` |
| names of attached fonts that lead elsewhere, programs under a font's name | media/test_tracks.py `test_a_font_is_one_by_its_bytes_…` |
| saved faces: every field, size and name | faces/test_saved.py |
| a configuration file that comes along: fetches nothing, loosens no limit | config/test_files.py `test_a_found_file_fetches_nothing_…`; config/test_jobs.py `test_of_a_limit_the_lowest_of_all_files_holds` |
| GPS, maker's notes, serial numbers, old XMP, telemetry | media/test_pictures.py `test_what_belongs_to_a_picture_…`, `test_nothing_rides_along_in_exif`; media/test_tracks.py `test_telemetry_…`; media/test_streams.py `test_marks_and_title_are_there` |
| weights that are pickles | tests/slow/gfpgan_inside.py |
"""  # noqa: E501

from __future__ import annotations

import ast
import hashlib
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from clips import make_clip
from kit import FAST, OneFace, Tint, analyser, job, left, plugins, processor, refused, run
from onnx import TensorProto, helper
from PIL import Image
from pulled import graph, pack, spec
from web import Web, serving, whole

from roop_host import ModelError, ModelSpec, Processor, Window
from roop_host.errors import InputError
from roop_host.faces.saved import load
from roop_host.media.reading.probe import probe
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store

ROOT = Path(__file__).resolve().parents[2]
TINT = plugins(processor(Tint, "tint"))
posix = pytest.mark.skipif(os.name != "posix", reason="links need no right here")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


class Never(Processor):
    """Must not come to work."""

    def process(self, window: Window) -> None:
        raise AssertionError("it came to work")


NEVER = plugins(processor(Never, "never"))

# Models.


def _own(path: Path) -> ModelSpec:
    data = path.read_bytes()
    return ModelSpec(name="m", licence="none", path=lambda: path, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def _link(victim: Path, name: Path) -> None:
    name.symlink_to(victim)


def _hard(victim: Path, name: Path) -> None:
    name.hardlink_to(victim)


@posix
@pytest.mark.parametrize("make", [_link, _hard], ids=["link", "hard link"])
@pytest.mark.parametrize("location", ["beside.bin", "../victim.bin", "sub/../../victim.bin"])
def test_a_model_reads_no_other_file_however_it_is_named(
    location: str, make: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim.bin"
    victim.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    (folder := tmp_path / "models" / "sub").mkdir(parents=True)
    make(victim, folder.parent / "beside.bin")
    w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    w.external_data.add(key="location", value=location)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    made = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], [w])
    path = folder.parent / "m.onnx"
    path.write_bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ModelError, match="in other files"):
        OrtSessions("cpu", 1).open(_own(path))


def test_an_operator_of_ones_own_is_refused(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    made = helper.make_graph([helper.make_node("Spawn", ["x"], ["y"], domain="evil.example")], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("evil.example", 1)]
    onnx.save_model(helper.make_model(made, opset_imports=opsets, ir_version=9), str(tmp_path / "m.onnx"))
    with pytest.raises(ModelError, match="m"):
        OrtSessions("cpu", 1).open(_own(tmp_path / "m.onnx"))


def _zip(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in members:
            archive.writestr(info, data)
    return file.getvalue()


def _as_link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@posix
def test_a_link_in_a_pack_is_not_made(tmp_path: Path, web: Web) -> None:
    (tmp_path / "victim.onnx").write_bytes(graph())
    target = str(tmp_path / "victim.onnx").encode()
    data = _zip((_as_link("one.onnx"), target.ljust(len(graph()), b"\0")))
    (one,) = [spec(graph(), name="one", pack=pack(data, web.at("/bundle.zip", whole(data))), urls=())]
    store = Store(tmp_path / "store")
    with pytest.raises(ModelError):
        store.pull(one)
    assert not os.path.lexists(store.path(one))
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("name", ["C:\\models\\one.onnx", "C:one.onnx", "\\\\server\\share\\one.onnx", "one.onnx:stream"])
def test_a_drive_or_server_in_a_pack_is_no_place(name: str, tmp_path: Path, web: Web) -> None:
    data = _zip((zipfile.ZipInfo(name), graph()))
    one = spec(graph(), name="one", pack=pack(data, web.at("/bundle.zip", whole(data))), urls=())
    store = Store(tmp_path / "store")
    with suppress(ModelError):  # it holds no one.onnx, or its bytes lie under the model's own name
        assert store.pull(one) == store.root / "bundle" / "one.onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    assert {path.name.lstrip(".").split(".")[0] for path in store.root.rglob("*")} <= {"bundle", "one"}


# What is executed while it is read.

_LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def _sources() -> Iterator[Path]:
    yield from (ROOT / "roop_host").rglob("*.py")
    yield from (ROOT / "plugins").glob("*/src/**/*.py")


def _executing(tree: ast.AST) -> Iterator[str]:
    """What in a module unpickles, evaluates text, or loads a library of operators."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.split(".")[0] in _LOADERS)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        said = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if called in ("np.load", "numpy.load") and said.get("allow_pickle") != "False":
            yield called
        if called == "torch.load" and said.get("weights_only") != "True":
            yield called
        if (
            called in ("eval", "exec", "builtins.exec")
            or called.endswith("register_custom_ops_library")
            or said.get("shell") == "True"
        ):
            yield called


def test_nothing_here_unpickles_or_evaluates() -> None:
    found = {path.relative_to(ROOT): list(_executing(ast.parse(path.read_text()))) for path in _sources()}
    assert len(found) > 100
    importing = {Path("roop_host/plugins/scan.py"): ["exec"]}  # the module of an installed plugin, as ``import`` does
    assert {path: calls for path, calls in found.items() if calls} == importing


@pytest.mark.parametrize(
    "text", ["np.load(x)", "import pickle", "torch.load(x)", "o.register_custom_ops_library(p)", "eval(x)"]
)
def test_what_would_is_seen(text: str) -> None:
    assert list(_executing(ast.parse(text)))


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["pickle", "npy"])
def test_a_saved_face_that_is_a_pickle_is_not_executed(kind: str, tmp_path: Path) -> None:
    path, written = tmp_path / "anna.safetensors", tmp_path / "written"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Evil(written)))
    else:
        with path.open("wb") as file:
            np.save(file, np.array([Evil(written)], object), allow_pickle=True)
    with pytest.raises(InputError, match="damaged"):
        load("anna", tmp_path)
    assert not written.exists()


# Inputs.


@pytest.mark.parametrize("name", ["x.mp4", "x.m3u8", "x.ffconcat", "x.mkv", "x.png"])
@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile neighbour.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{neighbour}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{neighbour}</BaseURL></Period></MPD>',
        "[playlist]\nFile1={neighbour}\n",
    ],
    ids=["ffconcat", "hls", "dash", "pls"],
)
def test_a_list_of_files_opens_none(text: str, name: str, tmp_path: Path) -> None:
    neighbour = make_clip(tmp_path / "neighbour.mp4", frames=2, sound=False)
    path = tmp_path / name
    path.write_text(text.format(neighbour=neighbour))
    before = left(tmp_path)
    assert refused(NEVER, job(path, tmp_path / "out.mp4", "never")).exit_code == 3
    what = replace(job(neighbour, tmp_path / "out.mp4", "never"), sources=(str(path),))
    wants = plugins(processor(Never, "never", needs_source=True, needs_faces=True), analyser(OneFace))
    assert refused(wants, what).exit_code == 3
    assert left(tmp_path) == before


def _gif(size: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", size, size, 0x80, 0, 0)
        + bytes(6)
        + b"\x2c"
        + bytes(4)
        + struct.pack("<HHB", size, size, 0)
        + b"\x02\x02\x4c\x01\x00\x3b"
    )


def _webp(size: int) -> bytes:
    head = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (size - 1).to_bytes(3, "little") * 2
    body = b"WEBP" + head + b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", size - 1 | (size - 1) << 14) + b"\0"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _bmp(size: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, size, size, 1, 24, 0, 0, 0, 0, 0, 0)


def _tiff(size: int) -> bytes:
    tags = [
        (256, 4, 1, size),
        (257, 4, 1, size),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 1),
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("make", [_gif, _webp, _bmp, _tiff])
def test_a_small_file_that_claims_a_large_picture_is_refused(make: Callable[[int], bytes], tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(make(16_383))
    error = refused(NEVER, job(tmp_path / "in.png", tmp_path / "out.png", "never"))
    assert error.exit_code == 3
    assert any(word in str(error) for word in ("more than can be worked on", "larger than is reasonable")), error


# Outputs.


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=4, sound=False)


@posix
@pytest.mark.parametrize("make", [_link, _hard], ids=["link", "hard link"])
def test_an_output_that_leads_elsewhere_is_replaced_and_not_written_through(
    make: Callable[[Path, Path], None], clip: Path, tmp_path: Path
) -> None:
    victim, output = tmp_path / "victim", tmp_path / "out.mp4"
    victim.write_text("mine")
    make(victim, output)
    assert refused(TINT, job(clip, output, "tint")).exit_code == 2
    run(TINT, job(clip, output, "tint", media=replace(FAST, overwrite=True)))
    assert victim.read_text() == "mine"
    assert not output.is_symlink()
    assert probe(output).kind == "video"


@posix
def test_a_link_to_nowhere_as_output_makes_no_file_there(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    assert refused(TINT, job(clip, tmp_path / "out.mp4", "tint")).exit_code == 2
    assert not (tmp_path / "elsewhere.mp4").exists()


@posix
def test_work_in_progress_is_nobody_elses_to_read_or_to_change(clip: Path, tmp_path: Path) -> None:
    modes: list[int] = []

    class Looks(Processor):
        def process(self, window: Window) -> None:
            modes.append(stat.S_IMODE((tmp_path / ".out.mp4.roop").stat().st_mode))

    before = os.umask(0)
    try:
        run(plugins(processor(Looks, "looks")), job(clip, tmp_path / "out.mp4", "looks"))
    finally:
        os.umask(before)
    assert set(modes) == {0o700}


@posix
@pytest.mark.parametrize("name", ["lock", "manifest.json", "segment-000000", "segment-000000.part", "output.mp4", "marks"])
def test_a_link_inside_the_work_folder_leads_to_no_write(name: str, clip: Path, tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / ".out.mp4.roop"
    victim.write_text("mine")
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(victim)
    if name == "lock":
        assert refused(TINT, job(clip, tmp_path / "out.mp4", "tint")).exit_code == 9
    else:
        run(TINT, job(clip, tmp_path / "out.mp4", "tint"))
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_place_in_a_picture_is_in_no_output(suffix: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 12.3), 29: "2001:02:03"})
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>51,30.2N</exif:GPSLatitude></x:xmpmeta>'
    Image.new("RGB", (32, 24), (60, 90, 80)).save(tmp_path / "in.jpg", exif=exif, xmp=xmp)
    for target in (tmp_path / "in.jpg", _folder_with(tmp_path / "in.jpg")):
        output = tmp_path / f"out{suffix}" if target.is_file() else tmp_path / "out"
        run(TINT, job(target, output, "tint", media=FAST))
        made = output if output.is_file() else output / "in.jpg"
        content = made.read_bytes()
        assert b"2001:02:03" not in content
        assert b"GPSLatitude" not in content
        with Image.open(made) as image:
            assert not image.getexif().get_ifd(0x8825)
        if output.is_dir():
            made.unlink()
            output.rmdir()


def _folder_with(picture: Path) -> Path:
    (folder := picture.parent / "folder").mkdir(exist_ok=True)
    (folder / picture.name).write_bytes(picture.read_bytes())
    return folder
