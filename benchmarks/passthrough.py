"""How much the host costs when nothing happens to the pixels: a step that does nothing, against two baselines.

At 720p, 1080p and 4K. Baselines, measured in the same run and in turn: the same transcode written directly in PyAV (decode,
encode, copy the sound), and the way of the older tools: every frame to a PNG file, then all files into a video.

    uv run python benchmarks/passthrough.py [--sizes 720p,1080p,4k] [--clip CLIP] [--rounds N] [--preset NAME]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
from common import SIZES, THREADS, bench_host, face_clip, setting, spread

from roop_host import ExecutionOptions, Host, Job, MediaOptions, Step

PORTRAIT = Path(__file__).parents[1] / "examples" / "media" / "hopper.jpg"


def by_pyav(clip: Path, output: Path, preset: str) -> None:
    """The least a transcode can be: one loop, frames untouched, sound copied."""
    with av.open(str(clip)) as source, av.open(str(output), "w") as sink:
        video = source.streams.video[0]
        video.codec_context.thread_count = THREADS
        out = sink.add_stream("libx264", rate=video.average_rate or 30, options={"crf": "18", "preset": preset})
        out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
        out.codec_context.thread_count = THREADS
        out.codec_context.time_base = video.time_base or Fraction(1, 90000)
        sounds = {sound.index: sink.add_stream_from_template(sound) for sound in source.streams.audio}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.index in sounds:
                packet.stream = sounds[packet.stream.index]
                sink.mux(packet)
            elif packet.stream.index == video.index:
                for frame in video.decode(packet):
                    frame.pict_type = 0
                    sink.mux(out.encode(frame))
        for frame in video.decode(None):
            frame.pict_type = 0
            sink.mux(out.encode(frame))
        sink.mux(out.encode(None))


def by_png(clip: Path, output: Path, preset: str) -> None:
    """Every frame to disk and back, as the older tools do."""
    with tempfile.TemporaryDirectory() as folder:
        with av.open(str(clip)) as source:
            rate = source.streams.video[0].average_rate or Fraction(30)
            for number, frame in enumerate(source.decode(video=0)):
                cv2.imwrite(str(Path(folder) / f"{number:06d}.png"), frame.to_ndarray(format="bgr24"))
        with av.open(str(output), "w") as sink:
            out = sink.add_stream("libx264", rate=rate, options={"crf": "18", "preset": preset})
            out.codec_context.thread_count = THREADS
            for number, path in enumerate(sorted(Path(folder).iterdir())):
                with av.open(str(path)) as picture:
                    frame = next(picture.decode(video=0)).reformat(format="yuv420p")
                if not number:
                    out.width, out.height, out.pix_fmt = frame.width, frame.height, "yuv420p"
                frame.pts, frame.time_base, frame.pict_type = number, 1 / rate, 0
                sink.mux(out.encode(frame))
            sink.mux(out.encode(None))


def measure(host: Host, clip: Path, folder: Path, rounds: int, preset: str) -> None:
    """Each way in turn, ``rounds`` times, then the ratios."""
    with av.open(str(clip)) as source:
        frames = sum(1 for packet in source.demux(video=0) if packet.size)

    def by_roop(clip: Path, output: Path, preset: str) -> None:
        media = MediaOptions(preset=preset, overwrite=True)
        execution = ExecutionOptions(device="cpu", threads=THREADS)
        host.run(Job((), str(clip), str(output), (Step("nothing"),), media=media, execution=execution))

    print(setting(clip, preset))
    ways: dict[str, Callable[[Path, Path, str], None]] = {"PyAV": by_pyav, "PNG files": by_png, "roop": by_roop}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way(clip, folder / f"{name.replace(' ', '-')}.mp4", preset)
            seconds[name].append(time.perf_counter() - begun)
            print(f"round {number + 1} {name:10} {frames / seconds[name][-1]:7.1f} frames/s", flush=True)
    for name, bar in (("PyAV", 0.85), ("PNG files", 2)):
        ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds["roop"], strict=True)]
        print(f"roop / {name:10} {spread(ratios)}  (bar: >= {bar})", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(SIZES), help=f"of {', '.join(SIZES)}; fewer frames of the larger")
    parser.add_argument("--clip", type=Path, help="instead of clips made from a portrait")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="medium")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, bench_host() as host:
        folder = Path(name)
        if options.clip is not None:
            measure(host, options.clip, folder, options.rounds, options.preset)
            return
        for size in options.sizes.split(","):
            clip = face_clip(folder / f"{size}.mp4", *SIZES[size], PORTRAIT)
            measure(host, clip, folder, options.rounds, options.preset)


if __name__ == "__main__":
    main()
