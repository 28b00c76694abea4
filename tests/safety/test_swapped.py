"""A finisher that swaps what a finished file shows ends the job, whatever the file is, and nothing of it is left."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from kit import FAST, Raw, Seal, exporter, job, left, plugins, processor, refused, run
from PIL import Image
from screened import BAD, Leave, clip_of, flat, is_bad, pictures_in, with_bad

from roop_host import ExecutionOptions, Finished, Job, Plugins, Processor, Window

Change = Callable[[Path], object]
CHANGED = "finisher swap (roop-t1 0) changed what the file shows or plays, which nobody has screened; nothing was kept"


class Paints(Processor):
    """Red all over."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(frame.box, np.full((frame.height, frame.width, 3), BAD[::-1], np.uint8))


def swapping(change: Change) -> Plugins:
    class Swap(Seal):
        def finish(self, path: Path, about: Finished) -> None:
            change(path)

    writer = exporter(Raw, "raw", "writer", ".raw")
    return plugins(processor(Leave, "step"), exporter(Swap, "swap", "finisher"), writer)


def made(kind: str, folder: Path) -> Path:
    """A target of that kind, in which something moves."""
    folder.mkdir()
    if kind == "clip":
        return clip_of(folder / "in.mp4", with_bad(20))
    pictures = [Image.fromarray(picture) for picture in with_bad(3)]
    if kind == "folder":
        for number, picture in enumerate(pictures):
            picture.resize((64, 48 + number)).save(folder / f"{number}.png")
        return folder
    path = folder / {"picture": "in.png", "animation": "in.gif", "pages": "in.tif"}[kind]
    more = {} if kind == "picture" else {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(path, **more, **({"duration": 100} if kind == "animation" else {}))
    return path


def as_red(what: Job, folder: Path) -> Path:
    """The whole output, with all its marks, of the same job with a step that paints: what to put in its place."""
    output = folder / Path(what.output).name
    folder.mkdir()
    found = plugins(processor(Paints, "step"), exporter(Raw, "raw", "writer", ".raw"))
    run(found, replace(what, output=str(output), execution=ExecutionOptions()))
    if output.suffix and output.suffix != ".raw":
        assert any(map(is_bad, pictures_in(output)))
    return output


@pytest.mark.parametrize("resumable", [False, True])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("picture", "o.jpg"), ("picture", "o.png"), ("picture", "o.webp"), ("picture", "o.tif"), ("picture", "o.avif"),
        ("picture", "o.bmp"), ("clip", "o.mkv"), ("clip", "o.mp4"), ("clip", "o.mov"), ("clip", "o.gif"), ("clip", "o.raw"),
        ("animation", "o.gif"), ("animation", "o.webp"), ("animation", "o.png"), ("pages", "o.tif"), ("folder", "o"),
    ],
)  # fmt: skip
def test_another_picture_in_place_of_the_one_that_was_screened(
    kind: str, name: str, resumable: bool, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    what = job(made(kind, tmp_path / "in"), out / name, "step", execution=ExecutionOptions(resumable=resumable))
    red = as_red(what, tmp_path / "red")
    error = refused(swapping(lambda path: shutil.copy(red / path.name if red.is_dir() else red, path)), what)
    assert error.exit_code == 7
    assert CHANGED in str(error), error
    assert error.report is not None
    assert (error.report.output, error.report.beside) == (None, ())
    work = out / f".{name}.roop"
    assert left(out) == ([work.name] if work.exists() else [])
    if work.exists():  # of a resumable job: segments, screened before any finisher saw a file, and nothing that it made
        assert resumable
        assert [one for one in left(work) if one.startswith("output")] == []
    run(swapping(lambda path: None), what)
    assert left(out) == sorted([name, *([f"{name}.xmp"] if name in ("o.bmp", "o.raw") else [])])


def turned(path: Path) -> None:
    """An Exif segment in front, which says that the picture lies upside down (orientation 3)."""
    entry = struct.pack(">HHLHH", 0x0112, 3, 1, 3, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">LH", 8, 1) + entry + bytes(4)
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + path.read_bytes()[2:])


def brighter(path: Path) -> None:
    """A chunk that says another gamma, before the samples."""
    chunk = b"gAMA" + struct.pack(">L", 20_000)
    data, at = path.read_bytes(), path.read_bytes().index(b"IDAT") - 4
    path.write_bytes(data[:at] + struct.pack(">L", 4) + chunk + struct.pack(">L", zlib.crc32(chunk)) + data[at:])


def slower(path: Path) -> None:
    """Another delay of the last picture."""
    data = bytearray(path.read_bytes())
    data[data.rindex(b"\x21\xf9\x04") + 4] ^= 64
    path.write_bytes(data)


def a_sample(path: Path) -> None:
    """One bit of the last packet."""
    with av.open(str(path)) as container:
        last = [bytes(packet) for packet in container.demux(video=0) if packet.size][-1]
    path.write_bytes(path.read_bytes().replace(last, last[:-1] + bytes([last[-1] ^ 1])))


def second_track(path: Path) -> None:
    """A track of red pictures more, beside what there is."""
    twin = path.with_name(f"twin{path.suffix}")
    with av.open(str(path)) as source, av.open(str(twin), "w") as sink:
        sink.metadata.update(source.metadata)
        first = sink.add_stream_from_template(source.streams.video[0])
        second = sink.add_stream("libx264", rate=25)
        second.height, second.width, second.pix_fmt = 48, 64, "yuv420p"  # type: ignore[attr-defined]
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = first
                sink.mux(packet)
        sink.mux(second.encode(av.VideoFrame.from_ndarray(flat(BAD), format="rgb24")))  # type: ignore[attr-defined]
        sink.mux(second.encode(None))  # type: ignore[attr-defined]
    twin.replace(path)


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("picture", "o.jpg", turned),
        ("picture", "o.png", brighter),
        ("animation", "o.gif", slower),
        ("clip", "o.gif", slower),
        ("clip", "o.mkv", a_sample),
        ("clip", "o.mkv", second_track),
    ],
)
def test_the_least_that_is_shown_otherwise(kind: str, name: str, change: Change, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    error = refused(swapping(change), job(made(kind, tmp_path / "in"), out / name, "step"))
    assert (error.exit_code, CHANGED in str(error)) == (7, True), error
    assert left(out) == []


def test_one_picture_of_a_folder_is_enough(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    what = job(made("folder", tmp_path / "in"), out / "o", "step")
    red = as_red(what, tmp_path / "red")

    def last(path: Path) -> None:
        if path.name == "2.png":
            shutil.copy(red / path.name, path)

    error = refused(swapping(last), what)
    assert (error.exit_code, CHANGED in str(error)) == (7, True), error
    assert left(out) == []


def test_a_kept_frame_that_a_finisher_swapped_is_made_again(tmp_path: Path) -> None:
    """Also where it is as large as the one that was screened, which is how whole ones are known."""
    out = tmp_path / "out"
    out.mkdir()
    media = replace(FAST, keep_frames=str(out / "kept"))
    what = job(made("clip", tmp_path / "in"), out / "o.mp4", "step", media=media, execution=ExecutionOptions(resumable=True))
    red = tmp_path / "red" / "kept"
    as_red(replace(what, media=replace(media, keep_frames=str(red))), red.parent)

    def same_size(path: Path) -> None:
        if path.name == "000003.png":
            size, content = path.stat().st_size, (red / path.name).read_bytes()
            assert len(content) <= size
            path.write_bytes(content + bytes(size - len(content)))

    error = refused(swapping(same_size), what)
    assert (error.exit_code, CHANGED in str(error)) == (7, True), error
    assert left(out) == [".o.mp4.roop"]
    run(swapping(lambda path: None), what)
    assert left(out) == ["kept", "o.mp4"]
    assert [name for name in left(out / "kept") if any(map(is_bad, pictures_in(out / "kept" / name)))] == []
