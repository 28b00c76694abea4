"""Uploads that don't all go well: what is told of them, who is blamed, and how what was not sent is sent later."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import Bucket, Tint, job, plugins, processor, refused, run, uploader
from PIL import Image

from roop_host import (
    Artifact,
    Control,
    ExecutionOptions,
    FailedUpload,
    Host,
    InputError,
    Interrupted,
    JobContext,
    PluginError,
    PluginStatus,
    Progress,
    Receipt,
    Report,
    RoopError,
    UploadError,
    UsageError,
    option,
)
from roop_host.plugins.found import Plugins


@dataclass(frozen=True)
class Options:
    place: str = option("here", "Where to.")
    public: bool = option(False, "Whether all may see it.")
    table: str | None = option("rows", "Where it is noted.")


def found(make: Callable[[], Any], *more: Any) -> Plugins:
    module = uploader(make)
    module.ROOP_OPTIONS = Options
    return plugins(processor(Tint, "tint"), module, *more)


@pytest.fixture
def make(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Path]]:
    """Makes outputs, without an upload."""
    target = tmp_path_factory.mktemp("in") / "in.png"

    def make(*names: str) -> list[Path]:
        outputs = [tmp_path / name for name in names]
        for grey, output in enumerate(outputs, 90):
            Image.fromarray(np.full((48, 64, 3), grey, np.uint8)).save(target)
            run(found(Bucket), job(target, output, "tint"))
        return outputs

    return make


def not_sent(plugins: Plugins, files: Sequence[Path], *to: str, **more: Any) -> tuple[RoopError, Report]:
    with Host(plugins) as host, pytest.raises(RoopError) as caught:
        host.upload(files, to or ("bucket",), **more)
    report = caught.value.report
    assert report is not None
    assert (report.exit_code, report.error) == (caught.value.exit_code, str(caught.value))
    return caught.value, report


def again(error: RoopError) -> list[str]:
    """The words of the command that the error ends with."""
    return shlex.split(str(error).partition("to send it again")[2].partition(": ")[2])


class Refuses(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        raise UploadError(f"no room for {artifact.path.name}")


@pytest.mark.parametrize("when", ["while another is sent", "while uploaders are set up"])
def test_a_file_that_is_changed_meanwhile_is_not_sent_and_no_plugin_blamed(
    when: str, make: Callable[..., list[Path]]
) -> None:
    a, b = make("a.png", "b.png")
    changed, sent = (b, [a]) if when == "while another is sent" else (a, [])
    bucket = Bucket()

    class Waits(Bucket):
        def setup(self, ctx: Any) -> None:
            if changed is a:
                a.write_bytes(b"other")

        def upload(self, artifact: Artifact) -> Receipt:
            b.write_bytes(b"other")
            return bucket.upload(artifact)

    error, report = not_sent(found(Waits), [a, b])
    assert (type(error), error.exit_code) == (PluginError, 7)
    assert str(error).startswith(f"a plugin, or another program, changed or removed {changed} after it was screened")
    assert str(error).count("changed or removed") == 1
    assert [artifact.path for artifact in bucket.given] == sent
    assert [one.file for one in report.uploads] == list(map(str, sent))


def test_a_cancel_as_the_last_upload_ends_changes_nothing(make: Callable[..., list[Path]]) -> None:
    control = Control()

    class Cancels(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            control.cancel()
            return super().upload(artifact)

    (output,) = make("a.png")
    with Host(found(Cancels)) as host:
        report = host.upload([output], ["bucket"], control=control)
    assert (report.status, report.exit_code, len(report.uploads)) == ("done", 0, 1)


def test_a_failure_is_told_though_a_cancel_came_after_it(make: Callable[..., list[Path]]) -> None:
    control = Control()

    class Cancels(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            control.cancel()
            return super().upload(artifact)

    a, b = make("a.png", "b.png")
    error, report = not_sent(found(Refuses, uploader(Cancels, "second")), [a, b], "bucket", "second", control=control)
    assert (error.exit_code, report.status) == (8, "failed")
    assert str(error).startswith("the uploader bucket (roop-t1 0) failed (no room for a.png); the output")
    assert "is kept; the rest was stopped on request; when that is mended, to send it again: " in str(error)
    assert again(error) == ["roop", "upload", str(a), str(b), "--to", "bucket,second"]


@pytest.mark.parametrize("last", [False, True])
def test_a_failure_that_a_cancel_brought_is_a_cancel(last: bool, make: Callable[..., list[Path]]) -> None:
    control = Control()

    class Breaks(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            control.cancel()
            raise ConnectionError("closed")

    outputs = make(*["a.png", "b.png"][: 1 if last else 2])
    error, report = not_sent(found(Breaks), outputs, control=control)
    assert (type(error), report.status) == (Interrupted, "interrupted")
    assert report.failed_uploads == (FailedUpload("bucket", str(outputs[0]), "ConnectionError: closed"),)
    assert again(error)[2:-2] == list(map(str, outputs))


def test_every_failure_is_in_the_report_and_the_sentence_counts_them(make: Callable[..., list[Path]]) -> None:
    a, b = make("a.png", "b.png")

    class Picky(Refuses):
        def upload(self, artifact: Artifact) -> Receipt:
            return super().upload(artifact) if artifact.path == b else Receipt()

    error, report = not_sent(found(Refuses, uploader(Picky, "second")), [a, b], "bucket", "second")
    assert report.failed_uploads == (
        FailedUpload("bucket", str(a), "no room for a.png"),
        FailedUpload("bucket", str(b), "no room for b.png"),
        FailedUpload("second", str(b), "no room for b.png"),
    )
    assert str(error).startswith(
        f"the uploader bucket (roop-t1 0) failed (no room for a.png); the output {a} is kept, and 2 more failed; when "
        "that is mended, to send it"
    )
    assert report.to_json()["failed_uploads"][2]["why"] == "no room for b.png"


def test_one_that_hangs_is_among_the_failed(make: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_host.runner.uploads.LONG", 0.1)

    class Hangs(Refuses):
        def setup(self, ctx: Any) -> None:
            self.ctx = ctx

        def upload(self, artifact: Artifact) -> Receipt:
            if artifact.path.name == "b.png":
                self.ctx.cancel.wait(2)
            return super().upload(artifact)

    control = Control()
    timed = ExecutionOptions(timeout_s=2.5)
    error, report = not_sent(found(Hangs), make("a.png", "b.png"), control=control, execution=timed)
    assert (error.exit_code, control.unfit) == (8, True)
    assert "failed (no room for a.png)" in str(error)
    assert ", and 1 more failed" in str(error)
    whys = [one.why.partition(" within")[0] for one in report.failed_uploads]
    assert whys == ["no room for a.png", "it did not come back"]
    assert again(error)[-2:] == ["--timeout", "2.5"]


def test_a_server_that_is_down_is_not_asked_for_each_of_many_files(make: Callable[..., list[Path]]) -> None:
    outputs = make(*(f"{number}.png" for number in range(8)))
    asked: list[str] = []

    class Down(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            asked.append(artifact.path.name)
            artifact.note("this key opens everything")
            if artifact.path.name == "2.png":
                return Receipt()
            raise ConnectionError("refused")

    second = Bucket()
    error, report = not_sent(found(Down, uploader(lambda: second, "second")), outputs, "bucket", "second")
    assert asked == [f"{number}.png" for number in range(6)]  # the one that went well begins the count anew
    assert len(second.given) == 8
    assert [Path(one.file).name for one in report.failed_uploads] == ["0.png", "1.png", "3.png", "4.png", "5.png"]
    assert ", and 4 more failed; the uploader bucket was given up after 3 files in a row, so 2 more were not tried; " in str(
        error
    )
    assert "to send it again, here for 5 files and the same for the other 2: roop upload" in str(error)
    names = ["0.png", "1.png", "3.png", "4.png", "5.png"]
    assert again(error) == ["roop", "upload", *(str(outputs[0].with_name(name)) for name in names), "--to", "bucket"]
    assert report.notices == ("this key opens everything",)


def test_a_word_about_one_of_several_files_says_which(make: Callable[..., list[Path]]) -> None:
    class There(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.note("this key opens everything")
            if artifact.path.name == "b.png":
                artifact.note("it was there already")
            return super().upload(artifact)

    outputs = make("a.png", "b.png", "c.png")
    with Host(found(There)) as host:
        report = host.upload(outputs, ("bucket",))
        assert report.notices == ("this key opens everything", f"{outputs[1]}: it was there already")
        assert host.upload(outputs[1:2], ("bucket",)).notices == ("this key opens everything", "it was there already")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, []),
        ({"place": "here", "public": False}, ["--t1-place", "here", "--no-t1-public"]),
        ({"public": "no", "table": None}, ["--no-t1-public", "--t1-table", ""]),
    ],
)
def test_a_default_that_was_said_is_said_again(
    said: Mapping[str, Any], words: list[str], make: Callable[..., list[Path]]
) -> None:
    error, _ = not_sent(found(Refuses), make("a.png"), plugin_options={"t1": said})
    assert again(error)[5:] == words


def test_the_command_has_the_time_out_and_what_is_switched_off(make: Callable[..., list[Path]]) -> None:
    off = (
        PluginStatus("odd-one", "roop-odd-one", "1", state="off"),
        PluginStatus("mine", "mine.py", "1", state="off", installed=False),
        PluginStatus("fine", "roop-fine", "1"),
    )
    (output,) = make("a.png")
    error, _ = not_sent(replace(found(Refuses), statuses=off), [output], execution=ExecutionOptions(timeout_s=600))
    words = ["roop", "-p", "no:odd-one", "upload", str(output), "--to", "bucket", "--timeout", "600"]
    assert again(error) == words


def test_files_are_compared_once_more_after_a_failure_too(make: Callable[..., list[Path]]) -> None:
    (output,) = make("a.png")

    class Overwrites(Refuses):
        def end(self) -> None:
            output.write_bytes(b"other")

    error, _ = not_sent(found(Overwrites), [output])
    assert error.exit_code == 8
    assert f"a plugin, or another program, changed or removed {output} after it was screened" in str(error)


def test_the_type_of_the_files_is_known_at_the_beginning(make: Callable[..., list[Path]]) -> None:
    types: list[str] = []

    class Notes(Bucket):
        def begin(self, job: JobContext) -> None:
            types.append(job.media_type)

    a, b, c = make("a.png", "b.png", "c.jpg")
    with Host(found(Notes)) as host:
        for files in ([a, b], [c], [a, b, c]):
            host.upload(files, ["bucket"])
    assert types == ["image/png", "image/jpeg", ""]


@pytest.mark.parametrize("other", ["sub/../a.png", "linked/a.png"])
def test_a_file_is_named_twice_by_other_ways_too(other: str, make: Callable[..., list[Path]], tmp_path: Path) -> None:
    (output,) = make("a.png")
    (tmp_path / "sub").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    with Host(found(Bucket)) as host, pytest.raises(UsageError, match="named twice; name it once"):
        host.upload([output, tmp_path / other], ["bucket"])


def test_a_link_that_leads_nowhere_is_told_so(tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to("nowhere.png")
    error, _ = not_sent(found(Bucket), [link])
    assert (type(error), str(error)) == (InputError, f"{link} is a link that leads nowhere; name the output itself")


class Tells(Bucket):
    """An uploader that goes on whatever comes of what it tells."""

    def upload(self, artifact: Artifact) -> Receipt:
        for done in (1, 2):
            try:
                artifact.sent(done)
            except BaseException:  # noqa: BLE001  (as a plugin may)
                continue
        return super().upload(artifact)


class Trusts(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        artifact.sent(1)
        return super().upload(artifact)


@pytest.mark.parametrize("kind", [Tells, Trusts])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("wrong", [ZeroDivisionError, UploadError, Interrupted, SystemExit])
def test_what_the_callers_display_raises_is_the_callers(
    wrong: type[BaseException], first: int, kind: type[Bucket], make: Callable[..., list[Path]]
) -> None:
    (output,) = make("a.png")
    told: list[int] = []
    own = wrong("my own")

    def show(now: Progress) -> None:
        if now.phase == "uploading":
            told.append(now.done)
            if now.done >= first:
                raise own

    with Host(found(kind)) as host, pytest.raises(BaseException) as caught:  # noqa: PT011
        host.upload([output], ["bucket"], on_progress=show)
    assert told == list(range(first + 1))  # it is not told any more
    error = caught.value
    if wrong is ZeroDivisionError:
        assert (type(error), str(error)) == (
            RoopError,
            "an unexpected ZeroDivisionError: my own; run again with --debug",
        )
        assert error.__cause__ is own
    else:
        assert (error, str(error)) == (own, "my own")
    if isinstance(error, RoopError):
        assert error.report is not None
        assert error.report.failed_uploads == ()


def test_a_run_tells_it_alike(make: Callable[..., list[Path]], tmp_path: Path) -> None:
    (target,) = make("a.png")
    output = tmp_path / "b.png"
    what = replace(job(target, output, "tint"), uploads=("bucket",), execution=ExecutionOptions(timeout_s=60))
    error = refused(found(Refuses), what)
    assert again(error) == ["roop", "upload", str(output), "--to", "bucket", "--timeout", "60"]
    assert error.report is not None
    assert error.report.failed_uploads == (FailedUpload("bucket", str(output), "no room for b.png"),)
