"""Faces in PQ and HLG: found in every frame, and swapped as in the SDR clip of the same light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from kit import FAST, Quiet, job, plugins, processor, run, screener
from numpy.typing import NDArray

import roop_swapper.plugin
import roop_vision.plugin
from roop_host import Host, Job, Processor, Report, Step, Window
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.plugins.loader import plugins_of
from roop_host.types.transfer import LEVELS, curve_of

MEDIA = Path(__file__).parents[2] / "examples" / "media"
FRAMES = 6
#: H.273's numbers of the transfers.
TRANSFERS = {"sdr": 14, "pq": 16, "hlg": 18}


def nits_of(sdr: NDArray[Any]) -> NDArray[np.float64]:
    """Light of an SDR picture whose white is HDR's reference white (ITU-R BT.2408)."""
    return 203 * (sdr / 255.0) ** 2.4


def signal_of(transfer: str, sdr: NDArray[Any]) -> NDArray[np.float64]:
    """By the inverse equations of ITU-R BT.2100: the other way than the host goes."""
    if transfer == "pq":
        power = (nits_of(sdr) / 10000) ** 0.1593017578125
        signal: NDArray[np.float64] = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
        return signal
    if transfer == "hlg":
        scene = (nits_of(sdr) / 1000) ** (1 / 1.2)
        upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)
    return sdr / 255.0


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Hopper, who comes nearer and turns a little."""
    portrait = np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)
    for number in range(FRAMES):
        matrix = cv2.getRotationMatrix2D((256, 260), number - 3, 0.7 + 0.08 * number)
        yield np.asarray(cv2.warpAffine(portrait, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def clip(path: Path, transfer: str) -> Path:
    """In BT.2020's matrix, 10 bit, limited range, without loss."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p10le"
        context = stream.codec_context
        context.color_range, context.color_primaries, context.color_trc, context.colorspace = 1, 9, TRANSFERS[transfer], 9
        for number, picture in enumerate(pictures()):
            b, g, r = np.moveaxis(signal_of(transfer, picture), 2, 0)
            y = 0.2627 * r + 0.678 * g + 0.0593 * b
            u, v = (
                cv2.resize(part, (256, 256), interpolation=cv2.INTER_AREA) for part in ((b - y) / 1.8814, (r - y) / 1.4746)
            )
            frame = av.VideoFrame(512, 512, "yuv420p10le")
            for plane, codes in zip(frame.planes, (64 + 876 * y, 512 + 896 * u, 512 + 896 * v), strict=True):
                rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)  # type: ignore[call-overload]
                rows[:, : plane.width] = np.rint(codes)
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def swapped(target: Path, output: Path) -> Report:
    given = {"vision": roop_vision.plugin, "swapper": roop_swapper.plugin, "quiet": screener(Quiet, "quiet")}
    what = Job(
        (str(MEDIA / "collins.jpg"),),
        str(target),
        str(output),
        (Step("swapper", {"engine": "mesh"}),),
        media=replace(FAST, encoder="ffv1", preset="auto"),
    )
    with Host(plugins_of(given)) as host:
        return host.run(what)


def seen(path: Path) -> list[NDArray[np.float32]]:
    with VideoReader(probe(path), threads=1) as reader:
        return [frame.bgr(dtype=np.float32).copy() for frame in reader.frames()]


@pytest.fixture(scope="module")
def sdr(tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.float32]]:
    folder = tmp_path_factory.mktemp("sdr")
    swapped(clip(folder / "in.mkv", "sdr"), folder / "out.mkv")
    return seen(folder / "out.mkv")


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_a_swap_looks_as_in_sdr(transfer: str, sdr: list[NDArray[np.float32]], tmp_path: Path) -> None:
    target, out = clip(tmp_path / "in.mkv", transfer), tmp_path / "out.mkv"
    report = swapped(target, out)
    assert (report.frames_with_face, report.faces_changed, report.notices) == (FRAMES, FRAMES, ())
    assert probe(out).colour == probe(target).colour
    for before, after, plain in zip(seen(target), seen(out), sdr, strict=True):
        changed = np.abs(after - before).max(2) > 0.02
        assert changed.mean() > 0.04
        off = (after - as_seen(transfer, plain))[changed]
        assert np.abs(off).mean() < 0.025
        assert np.abs(off.mean(0)).max() < 0.015


def as_seen(transfer: Any, sdr: NDArray[np.float32]) -> NDArray[Any]:
    """An SDR picture as the HDR one of the same light is seen."""
    curve = curve_of(transfer)
    assert curve is not None
    levels = np.rint(signal_of(transfer, sdr * 255) * LEVELS)
    return curve.seen_of(levels.astype(np.uint16), as_float=True)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_kept_frames_are_hdr_as_they_say(transfer: str, tmp_path: Path) -> None:
    """Pictures that are tagged as the clip is hold its code values, not what steps are shown."""

    class Nothing(Processor):
        def process(self, window: Window) -> None:
            pass

    target = clip(tmp_path / "in.mkv", transfer)
    media = replace(FAST, encoder="ffv1", preset="auto", keep_frames=str(tmp_path / "kept"))
    what = job(target, tmp_path / "o.mkv", "nothing", media=media)
    run(plugins(processor(Nothing, "nothing")), what)
    kept = cv2.imread(str(tmp_path / "kept" / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert kept is not None
    with VideoReader(probe(target), threads=1) as reader:
        first = next(iter(reader.frames()))
    assert np.abs(kept / 65535 - first.coded_bgr(np.float32)).max() < 1e-4
    assert np.abs(kept / 65535 - first.bgr(dtype=np.float32)).mean() > 0.01
