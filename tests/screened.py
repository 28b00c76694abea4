"""For tests of screening: a screener that calls red bad, clips and pictures with a bad frame, outputs read back."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from kit import FAST, job, plugins, processor, refused, run, screener
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

from roop_host import Frame, FrameView, Processor, Refusal, Report, Screener, Stage, Window

Picture = NDArray[np.uint8]
CALM, BAD = (70, 130, 80), (225, 20, 30)
SIZE = (64, 48)


def is_bad(rgb: Picture) -> bool:
    """Whether a twentieth of a picture, R, G, B, is red: what no codec here turns into another colour."""
    red, green, blue = (rgb[..., channel].astype(int) for channel in range(3))
    return bool(((red > 160) & (green < 90) & (blue < 90)).mean() > 0.05)


class Red(Screener):
    """Finds red pictures bad, and counts its looks by stage."""

    def __init__(self) -> None:
        self.looks: dict[Stage, int] = {}

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        self.looks[stage] = self.looks.get(stage, 0) + len(frames)
        return [0.99 if is_bad(frame.bgr()[..., ::-1]) else 0.01 for frame in frames]


class Leave(Processor):
    """Changes nothing."""

    def process(self, window: Window) -> None:
        pass


def watching(make: Any = Red, *more: Any) -> Any:
    return plugins(processor(Leave, "leave"), screener(make, "red"), *more, quiet=False)


def let_through(target: Path, output: Path, **media: Any) -> Report:
    """The report of a job whose output is then there and shows nothing bad, however it is read."""
    report = run(watching(), job(target, output, "leave", media=replace(FAST, **media)))
    assert not [number for number, picture in enumerate(pictures_in(output)) if is_bad(picture)]
    return report


def stopped(target: Path, output: Path, *, make: Any = Red, **media: Any) -> Refusal:
    """The refusal of a job that the screener stops, of which nothing is left."""
    before = sorted(output.parent.iterdir())
    error = refused(watching(make), job(target, output, "leave", media=replace(FAST, **media)))
    assert error.exit_code == 5, error
    assert error.report is not None
    assert error.report.status == "blocked"
    assert sorted(output.parent.iterdir()) == before
    assert error.report.refusal is not None
    return error.report.refusal


def failed(target: Path, output: Path, *, code: int = 3, **media: Any) -> str:
    """The sentence of a job that ends for its input's sake (or for what is asked of it), of which nothing is left."""
    before = sorted(output.parent.iterdir())
    error = refused(watching(), job(target, output, "leave", media=replace(FAST, **media)))
    assert error.exit_code == code, error
    assert sorted(output.parent.iterdir()) == before
    return str(error)


def flat(colour: tuple[int, ...] = CALM, size: tuple[int, int] = SIZE) -> Picture:
    return np.full((size[1], size[0], len(colour)), colour, np.uint8)


def with_bad(count: int, *bad: int, size: tuple[int, int] = SIZE) -> Iterator[Picture]:
    """``count`` pictures, those numbered ``bad`` red. A white point moves: writers leave out what does not change."""
    for number in range(count):
        picture = flat(BAD if number in bad else CALM, size)
        picture[0, number % size[0]] = 255
        yield picture


def clip_of(
    path: Path,
    pictures: Iterable[Picture],
    *,
    rate: Fraction = Fraction(25),
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    encoder: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: int | None = None,
) -> Path:
    """A clip without sound; ``pts`` counts in ``time_base``, ``matrix`` is what the clip says, and changes no sample."""
    with av.open(str(path), "w") as sink:
        stream: Any = sink.add_stream(encoder, rate=rate, options=options or {})
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = time_base or 1 / rate
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        for number, rgb in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24" if rgb.shape[2] == 3 else "rgba").reformat(format=pix_fmt)
            frame.pts = number if pts is None else pts[number]
            frame.time_base = stream.codec_context.time_base
            if matrix is not None:
                frame.colorspace = matrix
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def exif_with(preview: bytes) -> bytes:
    """EXIF whose second directory is a JPEG, as cameras write it (EXIF 2.32, 4.5.8)."""
    first = struct.pack("<H", 1) + struct.pack("<HHII", Base.Artist, 2, 4, int.from_bytes(b"Bob\0", "little"))
    first += struct.pack("<I", 8 + 2 + 12 + 4)
    start = 8 + 18 + 2 + 2 * 12 + 4
    second = struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, start)
    second += struct.pack("<HHII", 0x0202, 4, 1, len(preview)) + bytes(4)
    return b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + first + second + preview


def pictures_in(path: Path) -> Iterator[Picture]:
    """All that any reader finds in a file, R, G, B without alpha: frames of every video track, pages, second pictures."""
    if path.suffix in (".mp4", ".mov", ".mkv", ".webm"):
        with av.open(str(path), options={"ignore_editlist": "1"}) as container:
            tracks = len(container.streams.video)
        for track in range(tracks):
            with av.open(str(path), options={"ignore_editlist": "1"}) as container:
                for frame in container.decode(video=track):
                    yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        return
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            yield np.array(image.convert("RGBA"))[..., :3]


def in_red(path: Path) -> None:
    Image.fromarray(flat(BAD)).save(path)


def longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def as_before(path: Path) -> None:
    """Another content of the same length, with the times that the file had."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def elsewhere(path: Path) -> None:
    moved = path.rename(path.with_name("moved.png"))
    path.symlink_to(moved)


#: Ways to put something else in place of a finished picture.
SPOILS = [in_red, longer, as_before, Path.unlink, elsewhere]
