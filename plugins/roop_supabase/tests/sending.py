"""What tests of resumable uploads share. ``python sending.py`` is a process to be killed in the middle of one."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from supabase_double.handle import Project

from roop_host import Artifact, Interrupted
from roop_supabase.credentials import Credentials
from roop_supabase.failures import Patience
from roop_supabase.options import Options
from roop_supabase.place import Place
from roop_supabase.resumable import send
from roop_supabase.server import Server
from roop_supabase.transfers import Transfers

MIB = 2**20
SIZE = 13 * MIB
PATH = "/storage/v1/upload/resumable"
PLACE = Place("clips", "made/one.mp4")


class Stopped:
    """A job that a test stops, and how far its upload came by then."""

    def __init__(self, after: int | None = None) -> None:
        self.cancel, self.sent, self._after = threading.Event(), [0], after

    def hear(self, done: int) -> None:
        self.sent.append(done)
        if self._after is not None and done >= self._after:
            self.cancel.set()

    def check(self) -> None:
        if self.cancel.is_set():
            raise Interrupted("stopped on request")


def artifact_of(path: Path, sent: Callable[[int], None] = lambda done: None) -> Artifact:
    content = path.read_bytes()
    return Artifact(path, "video/mp4", hashlib.sha256(content).hexdigest(), len(content), datetime.now(UTC), sent=sent)


def send_with(
    url: str,
    key: str,
    path: Path,
    state: Path,
    *,
    options: Options | None = None,
    stopped: Stopped | None = None,
    artifact: Artifact | None = None,
) -> bool:
    """Send a file as the uploader does."""
    stopped = stopped or Stopped()
    server = Server(Credentials(url, key), timeout_s=5.0)
    patience = Patience(stopped.check, stopped.cancel, pace=0.001)
    try:
        told = artifact or artifact_of(path, stopped.hear)
        return send(server, PLACE, told, options or Options(bucket="clips"), patience, Transfers(state))
    finally:
        server.close()


def upload(project: Project, clip: Path, state: Path, stopped: Stopped | None = None, **said: Any) -> bool:
    """Send it with the key that anybody may know."""
    return send_with(project.url, project.keys.anon, clip, state, stopped=stopped, **said)


def patches(project: Project) -> list[tuple[int, int]]:
    """Offset and received bytes of every chunk."""
    return [(int(one.headers["upload-offset"]), one.size) for one in project.requests("PATCH")]


def require_there(project: Project, clip: Path) -> None:
    """The bucket holds this file and nothing else."""
    (found,) = project.objects()
    assert (found.bucket, found.key) == (PLACE.bucket, PLACE.key)
    assert project.content(PLACE.bucket, PLACE.key) == clip.read_bytes()


def _hang_at(bytes_there: int) -> Callable[[int], None]:
    def sent(done: int) -> None:
        if done >= bytes_there:
            print(done, flush=True)
            time.sleep(600)

    return sent


def main() -> None:
    said = json.load(sys.stdin)
    path = Path(said["path"])
    send_with(said["url"], said["key"], path, Path(said["state"]), artifact=artifact_of(path, _hang_at(said["hang_at"])))


if __name__ == "__main__":
    main()
