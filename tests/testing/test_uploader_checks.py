"""Each check of uploaders lets honest ones pass, and fails for one that does what it must not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import kit
import pytest
from honest import Sends as Honest
from qr import code_of

from roop_host import (
    Artifact,
    Context,
    JobContext,
    Receipt,
    Uploader,
    UploadError,
    UploaderSpec,
    UsageError,
    hookimpl,
)
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Result, Subject, run_check
from roop_host.testing import sending as module_of_sending
from roop_host.testing.checks import uploader as module
from roop_host.testing.sending import FIRST, Sender

VARIABLE, KEY = "BUCKET_API_KEY", "marker-of-the-tests"
IDS = [check.id for check in module.CHECKS]


class Coded(Honest):
    """Makes a code of the first link, which takes a while."""

    def upload(self, artifact: Artifact) -> Receipt:
        receipt = super().upload(artifact)
        return replace(receipt, code=code_of(str(receipt.url)) if artifact.path.stem == FIRST else None)


class Silent(Honest):
    """Tells of no place."""

    def upload(self, artifact: Artifact) -> Receipt:
        super().upload(artifact)
        return Receipt()


class OnlyClips(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        if artifact.media_type != "video/mp4":
            raise UploadError("it takes clips alone")
        return super().upload(artifact)


class OnlyClipsFromTheStart(Honest):
    def begin(self, job: JobContext) -> None:
        if job.media_type != "video/mp4":
            raise UsageError("it takes clips alone")


class Namesakes(Honest):
    """Refuses what would take the place of another."""

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.there: dict[str, str] = {}

    def url_of(self, artifact: Artifact) -> str:
        name = artifact.path.name
        if self.there.setdefault(name, artifact.sha256) != artifact.sha256:
            raise UploadError(f"another file stands at {name}")
        return f"https://example.test/{quote(name, safe='')}"


class NoReceipt(Honest):
    def upload(self, artifact: Artifact) -> Any:
        super().upload(artifact)
        return "https://example.test/o"


class Numbers(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        return replace(super().upload(artifact), details={"size": artifact.size})  # type: ignore[dict-item]


class NoAddress(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        super().upload(artifact)
        return Receipt(f"example.test/{artifact.sha256}")


class Password(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return super().url_of(artifact).replace("https://", "https://me:mine@")


class Full(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        raise UploadError("the bucket is full")


class Elsewhere(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        return replace(super().upload(artifact), code=code_of("https://example.test/other"))


class CodeToNowhere(Coded):
    def upload(self, artifact: Artifact) -> Receipt:
        return replace(super().upload(artifact), url=None)


class Removes(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.path.unlink()
        return super().upload(artifact)


class Stamps(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        with artifact.path.open("ab") as file:
            file.write(b"sent")
        return super().upload(artifact)


class Touches(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        content = artifact.path.read_bytes()
        artifact.path.unlink()
        artifact.path.write_bytes(content)
        return super().upload(artifact)


class Remembers(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.path.with_suffix(".url").write_text("https://example.test/o")
        return super().upload(artifact)


class Percent(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.sent(0.5)  # type: ignore[arg-type]
        return super().upload(artifact)


class Headers(Honest):
    """Counts what was sent before the file too."""

    def upload(self, artifact: Artifact) -> Receipt:
        artifact.sent(artifact.size + 300)
        return super().upload(artifact)


class Halfway(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.sent(artifact.size // 2)
        return super().upload(replace(artifact, sent=print))


class GoesBack(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.sent(artifact.size)
        return super().upload(artifact)


class TellsNothing(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        return super().upload(replace(artifact, sent=print))


class Counts(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return f"https://example.test/{time.monotonic_ns()}"


class RefusesAgain(Honest):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.sent: set[str] = set()

    def upload(self, artifact: Artifact) -> Receipt:
        if artifact.sha256 in self.sent:
            raise UploadError("it is there already")
        self.sent.add(artifact.sha256)
        return super().upload(artifact)


class OneByObject(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return f"https://example.test/{id(self.ctx)}/{artifact.sha256}"


class Raw(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return f"https://example.test/{artifact.sha256[:8]}/{artifact.path.name}"


class HalfRaw(Honest):
    """Leaves what has a meaning in addresses as it is."""

    def url_of(self, artifact: Artifact) -> str:
        return f"https://example.test/{artifact.sha256[:8]}/{quote(artifact.path.name, safe='%#')}"


class Ascii(Honest):
    def url_of(self, artifact: Artifact) -> str:
        artifact.path.name.encode("ascii")
        return super().url_of(artifact)


class ByName(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return f"https://example.test/{quote(artifact.path.name, safe='')}"


class StopIsFailure(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        if self.ctx.cancel.is_set():
            raise UploadError("the connection is closed")
        return super().upload(artifact)


class Deaf(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        if self.ctx.cancel.is_set():
            time.sleep(1.5)
        return super().upload(artifact)


class KeyInLink(Honest):
    def url_of(self, artifact: Artifact) -> str:
        return f"{super().url_of(artifact)}&apikey={KEY}"


class KeyInDetails(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        return replace(super().upload(artifact), details={"key": KEY})


class KeyInLog(Honest):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        ctx.log.debug("signing in with %s", KEY)


class KeyInNote(Honest):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.note(f"sent with {KEY}")
        return super().upload(artifact)


def _load_that_asks() -> Callable[[], Uploader]:
    with suppress(OSError):
        socket.create_connection(("storage.example.test", 443), 1).close()
    return Honest


@hookimpl
def _asks() -> list[UploaderSpec]:
    return [UploaderSpec(name="bucket", summary="a test", load=_load_that_asks)]


BROKEN: list[tuple[str, Callable[[], Uploader] | SimpleNamespace, str]] = [
    ("load_asks_no_network", SimpleNamespace(ROOP_API=1, roop_uploaders=_asks), "storage.example.test before setup"),
    ("upload_gives_a_receipt", Numbers, "the detail 'size'"),
    ("upload_gives_a_receipt", NoAddress, "it has no scheme"),
    ("upload_gives_a_receipt", Password, "a password in it"),
    ("code_leads_to_the_link", Elsewhere, "a code that is not read as https://example.test/"),
    ("code_leads_to_the_link", CodeToNowhere, "no address to which"),
    ("file_stays_as_it_is", Stamps, "changed the file"),
    ("file_stays_as_it_is", Touches, "changed the file"),
    ("file_stays_as_it_is", Removes, "removed the file"),
    ("nothing_is_written_beside_it", Remembers, "roop-check.url"),
    ("progress_is_told_in_bytes", Percent, "0.5 of a file of"),
    ("progress_is_told_in_bytes", Headers, "of a file of"),
    ("progress_is_told_in_bytes", Halfway, "at last"),
    ("progress_is_told_in_bytes", GoesBack, " bytes after "),
    ("progress_is_told_in_bytes", TellsNothing, "nothing at last"),
    ("same_file_twice_is_one", Counts, "by the same object to https://example.test/"),
    ("same_file_twice_is_one", RefusesAgain, "UploadError: it is there already"),
    ("same_file_twice_is_one", OneByObject, "by another object to"),
    ("any_name_can_be_sent", Raw, "/über größe.png'"),
    ("any_name_can_be_sent", HalfRaw, "one#two"),
    ("any_name_can_be_sent", Ascii, "UnicodeEncodeError"),
    ("another_file_of_that_name_is_kept", ByName, "the second took the place"),
    ("cancel_is_heard", StopIsFailure, "for a failure: UploadError: the connection is closed"),
    ("cancel_is_heard", Deaf, "after the job was stopped"),
    ("no_secret_is_told", KeyInLink, f"{VARIABLE} in the link"),
    ("no_secret_is_told", KeyInDetails, f"{VARIABLE} in the details"),
    ("no_secret_is_told", KeyInLog, f"{VARIABLE} in the log"),
    ("no_secret_is_told", KeyInNote, f"{VARIABLE} in a note"),
]


def subject_of(made: Callable[[], Uploader] | SimpleNamespace) -> Subject:
    plugins = plugins_of({"bucket": made if isinstance(made, SimpleNamespace) else kit.uploader(made)})
    return Subject(plugins, "roop_uploaders", plugins.named("roop_uploaders", "bucket"))


def results(made: Callable[[], Uploader] | SimpleNamespace) -> dict[str, Result]:
    subject = subject_of(made)
    return {check.id: run_check(check, subject) for check in module.CHECKS}


@pytest.fixture(autouse=True)
def _a_secret_and_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr(module, "GRACE_S", 0.5)


@pytest.mark.parametrize("honest", [Honest, Coded, Silent, OnlyClips, OnlyClipsFromTheStart, Namesakes])
def test_an_honest_uploader_passes(honest: type[Uploader]) -> None:
    found = results(honest)
    assert [(name, result.told) for name, result in found.items() if not result.good] == []


@pytest.mark.parametrize(("wrong", "made", "said"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_wrong_fails_its_check_alone(wrong: str, made: Callable[[], Uploader], said: str) -> None:
    found = results(made)
    assert [name for name, result in found.items() if result.state == "failed"] == [wrong]
    assert said in found[wrong].told


def test_what_is_no_receipt_at_all_is_told() -> None:
    assert results(NoReceipt)["upload_gives_a_receipt"].told == "its upload gave a str and no Receipt"


def test_where_no_upload_goes_well_one_check_fails_and_the_others_were_not_run() -> None:
    found = results(Full)
    wanted = "it sent neither a small picture nor a small clip: the bucket is full"
    assert wanted in found["upload_gives_a_receipt"].told
    assert {found[name].state for name in IDS if name not in ("upload_gives_a_receipt", "load_asks_no_network")} == {
        "not run"
    }


def test_what_is_missing_is_no_fault_of_the_uploader() -> None:
    class Keyless(Honest):
        def setup(self, ctx: Context) -> None:
            raise UsageError("set BUCKET_URL")

    found = results(Keyless)
    assert {result.state for name, result in found.items() if name != "load_asks_no_network"} == {"not run"}


def test_every_check_is_seen_failing() -> None:
    assert {wrong for wrong, _, _ in BROKEN} == set(IDS)


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_files_of_another_run_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def sent() -> bytes:
        sender = Sender(SimpleNamespace(upload=lambda _: Receipt(None)), tmp_path, suffix)
        return sender.send("clip", 1).artifact.path.read_bytes()

    first, again = sent(), sent()
    monkeypatch.setattr(module_of_sending, "_RUN", 1)
    assert first == again != sent()
