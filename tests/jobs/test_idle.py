"""Options that do nothing for a job are told, those that do something are not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from clips import make_clip
from kit import OneFace, Raw, Tint, analyser, exporter, job, plugins, processor, run
from PIL import Image

from roop_host import Host, MediaOptions
from roop_host.host import Progress

FOUND = plugins(processor(Tint, "tint"), exporter(Raw, "raw", "writer", ".raw"))
ENCODING = {"encoder": "libx264", "preset": "ultrafast", "pixel_format": "yuv444p", "skip_audio": True}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("in")
    (folder / "in").mkdir()
    pictures = [Image.new("RGB", (48, 40), (60 * number, 90, 40)) for number in range(3)]
    for number, picture in enumerate(pictures):
        picture.copy().save(folder / "in" / f"{number}.png")
    pictures[0].save(folder / "in.tif", save_all=True, append_images=pictures[1:])
    clip = make_clip(folder / "clip.mp4", frames=5)
    return {"clip": clip, "picture": folder / "in" / "1.png", "folder": folder / "in", "pages": folder / "in.tif"}


@pytest.mark.parametrize(
    ("target", "output", "media", "told"),
    [
        ("clip", "o.mp4", ENCODING, []),
        ("clip", "o.gif", ENCODING, ["of no use for an animation: --encoder, --preset, --pixel-format, --skip-audio"]),
        ("picture", "o.png", {"encoder": "libx265"}, ["of no use for a picture: --encoder"]),
        ("picture", "o.png", {"scale": "50%", "quality": 10, "salvage": True}, []),
        ("pages", "o.tif", {"preset": "fast"}, ["of no use for a TIFF of pages: --preset"]),
        ("folder", "out", {"folder": "pictures", "skip_audio": True}, ["of no use for a folder of pictures: --skip-audio"]),
        ("folder", "o.mkv", {"folder": "frames"}, []),
        ("clip", "o.mp4", {"folder": "frames"}, ["of no use for {target}, which is no folder: --folder"]),
        ("clip", "o.mp4", {"frame_format": "jpg"}, ["of no use without --keep-frames: --frame-format"]),
        ("clip", "o.mp4", {"frame_format": "jpg", "keep_frames": "kept"}, []),
        ("clip", "o.raw", ENCODING, []),
        ("clip", "o.gif", {}, []),
    ],
)  # fmt: skip
def test_options_that_do_nothing_are_told(
    target: str, output: str, media: dict[str, Any], told: list[str], inputs: dict[str, Path],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    report = run(FOUND, job(inputs[target], Path(output), "tint", media=MediaOptions(**media)))
    about = [notice for notice in report.notices if "of no use" in notice]
    assert about == [line.format(target=inputs[target]) for line in told]


@pytest.mark.parametrize(
    ("target", "output", "phase"),
    [
        ("clip", "o.mp4", "frames"),
        ("picture", "o.png", "frames"),
        ("pages", "o.tif", "pictures"),
        ("folder", "o", "pictures"),
    ],
)
def test_progress_says_what_is_counted(
    target: str, output: str, phase: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    media = MediaOptions(folder="pictures")
    with Host(FOUND) as host:
        host.run(job(inputs[target], tmp_path / output, "tint", media=media), on_progress=seen.append)
    assert {now.phase for now in seen} & {"frames", "pictures"} == {phase}


def test_what_is_hard_on_faces_is_told_only_where_faces_are_looked_for(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4", frames=3, sound=False)
    wide = tmp_path / "wide.mkv"
    with av.open(str(flat)) as given, av.open(str(wide), "w") as made:
        stream = made.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        for frame in given.decode(video=0):
            frame.pict_type = 0
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    seeing = plugins(processor(Tint, "tint", needs_faces=True), analyser(OneFace))
    told = run(seeing, job(wide, tmp_path / "a.mkv", "tint")).notices
    assert any("not square (2:1)" in notice and "--scale 96p" in notice for notice in told)
    assert not run(seeing, job(flat, tmp_path / "b.mp4", "tint")).notices
    assert not any("square" in notice for notice in run(FOUND, job(wide, tmp_path / "c.mkv", "tint")).notices)
