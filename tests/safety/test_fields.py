"""Interlaced frames: players show each field by itself, so each is looked at by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from screened import BAD, Picture, Red, flat, is_bad, let_through, stopped

from roop_host import Stage
from roop_host.media.av_pixels import graph_for
from roop_host.media.reading.probe import probe


class Small(Red):
    """Sees pictures made small first, as networks do: lines one above the other become their mean."""

    def screen(self, frames: Any, stage: Stage) -> Sequence[float]:
        small = [cv2.resize(frame.bgr()[..., ::-1], (16, 12), interpolation=cv2.INTER_AREA) for frame in frames]
        return [0.99 if is_bad(picture) else 0.01 for picture in small]


def interlaced(path: Path, pictures: Sequence[Picture]) -> Path:
    flags = int(av.codec.context.Flags.interlaced_dct) | int(av.codec.context.Flags.interlaced_me)
    with av.open(str(path), "w") as sink:
        stream: Any = sink.add_stream("libx264", rate=25, options={"crf": "6", "x264-params": "tff=1"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        stream.codec_context.flags |= flags
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv444p")
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("field", [0, 1])
def test_a_bad_field_is_seen(field: int, tmp_path: Path) -> None:
    size = (128, 96)
    mixed = flat(size=size)
    mixed[field::2] = BAD
    clip = interlaced(tmp_path / "in.mp4", [flat(size=size)] * 3 + [mixed])
    assert probe(clip).field_order == "tff"
    refusal = stopped(clip, tmp_path / "out.mp4", make=Small)
    assert (refusal.stage, refusal.frame) == ("target", 3)


def test_calm_fields_pass_and_each_is_looked_at(tmp_path: Path) -> None:
    clip = interlaced(tmp_path / "in.mp4", [flat(size=(128, 96))] * 3)
    assert let_through(clip, tmp_path / "out.mp4").screening[0].looks == 3 * 2 * 3
    full = let_through(clip, tmp_path / "full.mp4", deinterlace=True)
    assert full.screening[0].looks == full.frames * 2


def broadcast(path: Path, picture: Picture) -> Path:
    """Two frames of MPEG-2 in fields, whose height may be any even number, as x264's may not."""
    height, width = picture.shape[:2]
    with av.open(str(path), "w") as sink:
        stream: Any = sink.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "qmin": "1", "qmax": "2"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        graph = graph_for(frame, ("setfield", "mode=tff"))
        for number in range(2):
            frame.pts = number
            graph.push(frame)
            sink.mux(stream.encode(graph.pull()))
        sink.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("height", [90, 270, 486, 2])
def test_fields_whose_last_chroma_line_lies_below_the_picture_are_looked_at(height: int, tmp_path: Path) -> None:
    size = (128, height)
    clip = broadcast(tmp_path / "in.mkv", flat(size=size))
    assert probe(clip).field_order == "tff"
    assert let_through(clip, tmp_path / "out.mkv", preset="auto").screening[0].looks == 2 * 2 * 3
    bad = broadcast(tmp_path / "bad.mkv", flat(BAD, size))
    assert stopped(bad, tmp_path / "bad_out.mkv", preset="auto").frame == 0
