"""Uploads: only what is finished and screened is sent, and it is kept whatever becomes of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kit import Bucket, Quiet, Tint, job, left, plugins, processor, refused, run, screener, uploader
from PIL import Image

from roop_host import (
    Artifact,
    Control,
    ExecutionOptions,
    Host,
    Interrupted,
    Job,
    Progress,
    Receipt,
    Report,
    Uploaded,
    UploadError,
    UsageError,
    hookimpl,
)
from roop_host.plugins.found import Plugins


@pytest.fixture
def what(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    picture = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(picture)
    return replace(job(picture, tmp_path / "o.png", "tint"), uploads=("bucket",))


def with_bucket(make: Callable[[], Any], *more: SimpleNamespace) -> Plugins:
    return plugins(processor(Tint, "tint"), uploader(make), *more)


def test_an_output_is_sent_and_the_receipt_told(what: Job, tmp_path: Path) -> None:
    bucket = Bucket()
    report = run(with_bucket(lambda: bucket), what)
    content = (tmp_path / "o.png").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (given,) = bucket.given
    assert given == Artifact(tmp_path / "o.png", "image/png", digest, len(content), given.made_at, ("tint",))
    assert abs(datetime.now(UTC) - given.made_at) < timedelta(minutes=5)
    assert report.uploads == (
        Uploaded("bucket", str(tmp_path / "o.png"), "https://example.test/o", {"size": str(len(content))}),
    )
    assert report.to_json()["uploads"][0]["url"] == "https://example.test/o"
    assert report.plugins == ("roop-t1 0", "roop-t0 0")


def test_without_being_asked_for_nothing_is_sent_or_loaded(what: Job) -> None:
    def never() -> Any:
        raise AssertionError("loaded")

    assert run(with_bucket(never), replace(what, uploads=())).uploads == ()


class Refuses(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        raise UploadError("the bucket is full; empty it")


class Breaks(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        raise ConnectionError("reset by peer")


class Odd(Bucket):
    def upload(self, artifact: Artifact) -> Any:
        return "https://example.test/o"


class Odder(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        return Receipt("u", ["d"])  # type: ignore[arg-type]


def test_an_address_is_kept_whole(what: Job) -> None:
    address = "https://example.test/o?token=" + "a" * 2000

    class Signed(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            return Receipt(address + "\n", {"a": "b" * 2000})

    (sent,) = run(with_bucket(Signed), what).uploads
    assert (sent.url, len(sent.details["a"])) == (address, 2000)


class Quits(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        raise Interrupted("on its own\naccount")


class Sly(str):
    def __str__(self) -> str:
        raise SystemExit(3)


class Oddest(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        return Receipt(Sly("u"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Oddest, "SystemExit: 3"),
        (Quits, "on its own account"),
        (Refuses, "the bucket is full; empty it"),
        (Breaks, "ConnectionError: reset by peer"),
        (Odd, "it gave a str that is no whole Receipt"),
        (Odder, "it gave a Receipt that is no whole Receipt"),
    ],
)
def test_a_failed_upload_keeps_the_output(make: type[Bucket], said: str, what: Job, tmp_path: Path) -> None:
    error = refused(with_bucket(make), what)
    assert error.exit_code == 8
    assert f"uploader bucket (roop-t1 0) failed ({said})" in str(error)
    assert f"{tmp_path / 'o.png'} is kept" in str(error)
    assert error.report is not None
    assert (error.report.output, error.report.status) == (str(tmp_path / "o.png"), "failed")
    assert left(tmp_path) == ["o.png"]


def test_one_that_fails_does_not_keep_others_from_it(what: Job) -> None:
    found = with_bucket(Breaks, uploader(Bucket, "second"))
    error = refused(found, replace(what, uploads=("bucket", "second")))
    assert (error.exit_code, "bucket (roop-t1 0)" in str(error)) == (8, True)
    assert error.report is not None
    assert [upload.uploader for upload in error.report.uploads] == ["second"]


def test_what_it_lacks_is_known_before_the_first_frame(what: Job, tmp_path: Path) -> None:
    class Keyless(Bucket):
        def setup(self, ctx: Any) -> None:
            raise UsageError("BUCKET_KEY is not set; set it")

    class Counts(Tint):
        def setup(self, ctx: Any) -> None:
            raise AssertionError("what is heavy was loaded first")

    error = refused(plugins(processor(Counts, "tint"), uploader(Keyless)), what)
    assert (error.exit_code, str(error)) == (2, "the uploader bucket (roop-t1 0): BUCKET_KEY is not set; set it")
    error = refused(with_bucket(Bucket), replace(what, uploads=("buckets",)))
    assert (error.exit_code, "did you mean 'bucket'" in str(error)) == (2, True)
    error = refused(with_bucket(Bucket), replace(what, uploads=("bucket", "bucket")))
    assert (error.exit_code, "named twice" in str(error)) == (2, True)
    assert left(tmp_path) == []


def test_what_was_blocked_is_not_sent(what: Job, tmp_path: Path) -> None:
    class Blocks(Quiet):
        def screen(self, frames: Any, stage: Any) -> Any:
            return [0.99] * len(frames)

    bucket = Bucket()
    assert refused(with_bucket(lambda: bucket, screener(Blocks)), what).exit_code == 5
    assert bucket.given == []
    assert left(tmp_path) == []


@pytest.fixture
def never() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def cancelling(control: Control, then: Callable[[Any], object]) -> Callable[[], Bucket]:
    class Cancels(Bucket):
        def setup(self, ctx: Any) -> None:
            self.ctx = ctx

        def upload(self, artifact: Artifact) -> Receipt:
            control.cancel()
            then(self.ctx)
            return super().upload(artifact)

    return Cancels


@pytest.mark.parametrize("how", ["hangs", "looks", "is done"])
def test_a_cancel_during_an_upload_keeps_the_output(
    how: str, what: Job, never: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roop_host.pipeline import calls

    monkeypatch.setattr(calls, "GRACE_S", 0.2)
    control, second = Control(), Bucket()
    then = {"hangs": lambda ctx: never.wait(20), "looks": lambda ctx: ctx.check_cancel(), "is done": lambda ctx: None}[how]
    found = with_bucket(cancelling(control, then), uploader(lambda: second, "second"))
    error = refused(found, replace(what, uploads=("bucket", "second")), control)
    assert isinstance(error, Interrupted)
    assert "o.png is kept" in str(error)
    assert control.unfit == (how == "hangs")
    assert error.report is not None
    assert (error.report.status, error.report.output) == ("interrupted", str(tmp_path / "o.png"))
    assert len(error.report.uploads) == (how == "is done")
    assert second.given == []
    assert left(tmp_path) == ["o.png"]


class Slow(Bucket):
    """Takes longer than its time-out, and says from time to time that it goes on, or not."""

    beats = True

    def setup(self, ctx: Any) -> None:
        self.ctx = ctx

    def upload(self, artifact: Artifact) -> Receipt:
        for _ in range(20):
            if self.ctx.cancel.wait(0.1):  # so that it ends with the test
                break
            if self.beats:
                self.ctx.check_cancel()
        return super().upload(artifact)


class Silent(Slow):
    beats = False


def test_the_time_of_an_upload_begins_anew_with_each_sign_of_life(what: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_host.runner.uploads.LONG", 0.1)
    patient = replace(what, execution=ExecutionOptions(timeout_s=10))
    assert len(run(with_bucket(Slow), patient).uploads) == 1
    error = refused(with_bucket(Silent), replace(patient, output=what.output.replace("o.png", "p.png")))
    assert (error.exit_code, "did not come back within 1 s; a larger --timeout" in str(error)) == (8, True)


def test_how_far_an_upload_is_comes_in_bytes(what: Job) -> None:
    class Tells(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.sent(10)
            artifact.sent(artifact.size + 7)
            return super().upload(artifact)

    seen: list[Progress] = []
    with Host(with_bucket(Tells, uploader(Tells, "second"))) as host:
        report = host.run(replace(what, uploads=("bucket", "second")), on_progress=seen.append)
    size = int(report.uploads[0].details["size"])
    told = [(now.done, now.total, now.unit) for now in seen if now.phase == "uploading"]
    assert told == [(0, size, "bytes"), (10, size, "bytes"), (size, size, "bytes")] * 2


def test_what_an_uploader_notes_is_a_notice(what: Job) -> None:
    class Warns(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.note("this key opens\neverything; take a lesser one")
            return super().upload(artifact)

    assert "this key opens everything; take a lesser one" in run(with_bucket(Warns), what).notices
    error = refused(
        with_bucket(Breaks, uploader(Warns, "second")),
        replace(what, output=f"{what.output}.png", uploads=("bucket", "second")),
    )
    assert error.report is not None
    assert "this key opens everything; take a lesser one" in error.report.notices


def test_observers_are_told_of_uploads(what: Job) -> None:
    told: list[Report] = []

    @hookimpl
    def roop_job_finished(report: Report) -> None:
        told.append(report)

    observer = SimpleNamespace(ROOP_API=1, roop_job_finished=roop_job_finished)
    run(with_bucket(Bucket, observer), what)
    refused(with_bucket(Breaks, observer), replace(what, output=what.output.replace("o.png", "p.png")))
    assert [(report.exit_code, len(report.uploads)) for report in told] == [(0, 1), (8, 0)]


@dataclass(frozen=True)
class Options:
    place: str = "here"


def test_an_uploader_has_the_options_of_its_plugin(what: Job) -> None:
    places: list[str] = []

    class Notes(Bucket):
        def setup(self, ctx: Any) -> None:
            places.append(ctx.options_as(Options).place)

    module = uploader(Notes)
    module.ROOP_OPTIONS = Options
    found = plugins(processor(Tint, "tint"), module)
    run(found, replace(what, plugin_options={"t1": {"place": "there"}}, execution=ExecutionOptions()))
    assert places == ["there"]
