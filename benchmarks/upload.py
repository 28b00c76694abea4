"""A resumable upload against one request for all of the file, to the tests' server on loopback; and its peak memory.

uv run python benchmarks/upload.py [--mib 96] [--rounds 5]

One request is storage3's own ``upload`` of an open file, which can't be gone on with. Between the two lie hashing, a HEAD or
a PATCH for every 6 MiB, and the note of how far it came. The server takes both in one process of Python, which is most of
the time; so the processor time of the sender stands beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import numpy as np
from common import cpu_name, spread

from roop_host import Artifact
from roop_supabase import resumable
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.server import Server
from roop_supabase.transfers import Transfers

SERVER = Path(__file__).parents[1] / "plugins" / "roop_supabase" / "tests" / "storage_server.py"
BUCKET = "bench"


@contextmanager
def project(folder: Path) -> Iterator[Credentials]:
    """The tests' server, with a bucket."""
    command = [sys.executable, str(SERVER), "--folder", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            yield Credentials(told["url"], told["service_role"])
        finally:
            server.terminate()


def emptied(credentials: Credentials) -> None:
    """Nothing is left of the round before."""
    httpx.post(f"{credentials.url}/_test/reset", json={}).raise_for_status()
    httpx.post(f"{credentials.url}/_test/bucket", json={"id": BUCKET}).raise_for_status()


def made(path: Path, mib: int) -> Artifact:
    """A file of noise, as packed video is."""
    noise, digest = np.random.default_rng(1), hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(mib):
            part = noise.bytes(2**20)
            digest.update(part)
            file.write(part)
    return Artifact(path, "video/mp4", digest.hexdigest(), mib * 2**20, datetime.now(UTC))


def in_pieces(credentials: Credentials, artifact: Artifact, folder: Path) -> None:
    """As the plugin sends it."""
    server, patience = Server(credentials), Patience(lambda: None, threading.Event())
    try:
        resumable.send(server, Place(BUCKET, "pieces.mp4"), artifact, Options(bucket=BUCKET), patience, Transfers(folder))
    finally:
        server.close()


def at_once(credentials: Credentials, artifact: Artifact) -> None:
    """As Supabase's own client sends it."""
    server = Server(credentials)
    try:
        with artifact.path.open("rb") as file:
            server.client.storage.from_(BUCKET).upload("once.mp4", file, {"content-type": artifact.media_type})
    finally:
        server.close()


def timed(credentials: Credentials, send: Callable[[], None]) -> tuple[float, float]:
    """Seconds that it takes, and of those in which this process works."""
    emptied(credentials)
    begun, used = time.perf_counter(), time.process_time()
    send()
    return time.perf_counter() - begun, time.process_time() - used


def peak_mib(credentials: Credentials, artifact: Artifact, folder: Path) -> float:
    """The peak resident set of a fresh process that sends it in pieces."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (credentials.url, credentials.key, artifact.path, artifact.sha256, artifact.size, folder))


def _peak(url: str, key: str, path: Path, sha256: str, size: int, folder: Path) -> float:
    in_pieces(Credentials(url, key), Artifact(path, "video/mp4", sha256, size, datetime.now(UTC)), folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, project(Path(name) / "store") as credentials:
        folder = Path(name)
        artifact = made(folder / "large.mp4", options.mib)
        ways = (partial(at_once, credentials, artifact), partial(in_pieces, credentials, artifact, folder / "state"))
        wall, busy = [], []
        for number in range(options.rounds + 1):
            (one_s, one_busy_s), (pieces_s, pieces_busy_s) = (timed(credentials, way) for way in ways)
            if not number:  # the first imports what is needed
                continue
            wall.append(pieces_s / one_s)
            busy.append(pieces_busy_s / one_busy_s)
            print(f"one request {one_s:.2f} s ({one_busy_s:.2f} busy), in pieces {pieces_s:.2f} s ({pieces_busy_s:.2f})")
        print(f"{options.mib} MiB in pieces / in one request, {cpu_name()}: time {spread(wall)}, sender busy {spread(busy)}")
        peaks = []
        for mib in (12, 12 * 16):
            emptied(credentials)
            peaks.append(peak_mib(credentials, made(folder / f"{mib}.mp4", mib), folder / "state"))
            print(f"{mib:4} MiB in pieces: peak {peaks[-1]:.0f} MiB")
        print(f"peak, sixteen times as large / once: {peaks[1] / peaks[0]:.3f}  (bar: <= 1.1)")


if __name__ == "__main__":
    main()
