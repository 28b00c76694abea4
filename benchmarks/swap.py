"""How fast a face is swapped at 1280x720 with screening off the clock, against a step that does nothing in the same run.

uv run python benchmarks/swap.py [--clip CLIP] [--rounds N] [--preset NAME]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from common import THREADS, bench_host, face_clip, setting, spread

import roop_swapper.plugin
import roop_vision.plugin
from roop_host import ExecutionOptions, Job, MediaOptions, Step

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="default: 300 frames of 1280x720 made from a portrait")
    parser.add_argument("--source", type=Path, default=EXAMPLES / "collins.jpg")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="veryfast")
    options = parser.parse_args(arguments)
    speeds: dict[str, list[float]] = {"nothing": [], "swapper": []}
    busy_ms: dict[str, list[float]] = {"nothing": [], "swapper": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        bench_host(vision=roop_vision.plugin, swapper=roop_swapper.plugin) as host,
    ):
        clip = options.clip or face_clip(Path(folder) / "clip.mp4", 1280, 720, 300, EXAMPLES / "hopper.jpg")
        print(setting(clip, options.preset))
        media = MediaOptions(preset=options.preset, overwrite=True)
        for number in range(options.rounds):
            for step in speeds:
                job = Job(
                    (str(options.source),),
                    str(clip),
                    str(Path(folder) / "out.mp4"),
                    (Step(step),),
                    media=media,
                    execution=ExecutionOptions(device="cpu", threads=THREADS),
                )
                began = time.process_time()
                report = host.run(job)
                busy_ms[step].append(1000 * (time.process_time() - began) / report.frames)
                speeds[step].append(report.fps)
                busy = ", ".join(f"{s.name} {1000 * s.seconds / report.frames:.1f} ms" for s in report.stages)
                cost = f"{report.fps:6.1f} frames/s, {busy_ms[step][-1]:.1f} core-ms a frame"
                print(f"round {number + 1} {step:8} {cost}  ({busy})")
    own = [ours - least for ours, least in zip(busy_ms["swapper"], busy_ms["nothing"], strict=True)]
    shares = [mine / least for mine, least in zip(own, busy_ms["nothing"], strict=True)]
    print(f"a step that does nothing: {spread(busy_ms['nothing'])} core-ms a frame, of decoding and encoding")
    print(f"analyser and swapper: {spread(own)} core-ms a frame more, {spread(shares)} of that")
    print(f"swapper: {spread(speeds['swapper'])} frames/s; a step that does nothing: {spread(speeds['nothing'])}")
    print("bar: >= 60 frames/s where decoding and encoding cost 15 core-ms a frame, on two cores that nobody else wants")


if __name__ == "__main__":
    main()
