"""Peak memory must not grow with the length of a video: the same clip, 10 s and 60 s, each in a process of its own.

uv run python benchmarks/memory.py [--processors swapper] [--source PICTURE]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import face_clip

from roop_host import Host, Job, MediaOptions, Step

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"


def peak_mib(job: Job) -> float:
    """Run the job with everything that is installed, in a fresh process; its peak resident set."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (job,))


def _run(job: Job) -> float:
    with Host() as host:
        host.run(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processors", default="swapper")
    parser.add_argument("--source", type=Path, default=EXAMPLES / "collins.jpg")
    options = parser.parse_args(arguments)
    steps = tuple(Step(name) for name in options.processors.split(","))
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (10, 60):
            clip = face_clip(Path(folder) / f"{seconds}.mp4", 1280, 720, 30 * seconds, EXAMPLES / "hopper.jpg")
            media = MediaOptions(preset="veryfast", overwrite=True)
            job = Job((str(options.source),), str(clip), str(Path(folder) / "out.mp4"), steps, media=media)
            peaks.append(peak_mib(job))
            print(f"{seconds:3} s of 1280x720: peak {peaks[-1]:.0f} MiB")
    print(f"60 s / 10 s: {peaks[1] / peaks[0]:.3f}  (bar: <= 1.15)")


if __name__ == "__main__":
    main()
